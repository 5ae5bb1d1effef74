// Which arguments an instruction sees, and which of them the cache heeds.
import { describe, expect, it } from 'vitest';
import { BuildArgs } from './build-args.ts';

describe('BuildArgs', () => {
  it('lets the client override defaults, and only what is declared', () => {
    const args = new BuildArgs(new Map([['A', 'given'], ['X', 'never']])); // biome-ignore format: one case a line
    args.declare('A', 'default');
    args.declare('B', 'own');
    args.declare('C', undefined);
    expect(args.beside(['B=env'])).toEqual(['A=given']);
  });

  it('gives a stage the values from before FROM when it asks for them', () => {
    const args = new BuildArgs(new Map());
    args.declareGlobal('G', 'global');
    const stage = args.forStage();
    expect(stage.beside([])).toEqual([]);
    stage.declare('G', undefined);
    expect(stage.beside([])).toEqual(['G=global']);
  });

  it('passes proxies on without making them part of the key', () => {
    const args = new BuildArgs(new Map([['HTTP_PROXY', 'p']]));
    expect(args.beside([])).toEqual(['HTTP_PROXY=p']);
    expect(args.isKey('HTTP_PROXY=p')).toBe(false);
    args.declare('HTTP_PROXY', undefined);
    expect(args.isKey('HTTP_PROXY=p')).toBe(true);
  });

  it('warns of what no stage has asked for', () => {
    const args = new BuildArgs(new Map([['A', '1'], ['B', null], ['NO_PROXY', 'x']])); // biome-ignore format: one case a line
    args.forStage().declare('A', undefined);
    const said: string[] = [];
    args.warnOfUnused({ write: (text) => said.push(text) });
    expect(said).toEqual(['[Warning] One or more build-args [B] were not consumed\n']);
  });
});
