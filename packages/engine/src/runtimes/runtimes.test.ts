// Runtimes by name: what flags and daemon.json define, what containers may ask for, and what a shim is told.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadMessage } from '@tscontainer/platform/contract-loader';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRuntimeDefinitions } from './runtime-definitions.ts';
import { RuntimeTable } from './runtime-table.ts';
import type { EncodedOptions } from './shim-options.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'runtimes-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const ownShim = 'io.containerd.ts.v2';
const runc = loadMessage<{ binaryName: string; systemdCgroup: boolean }>(
  'containerd/runc/v1/options.proto',
  'containerd.runc.v1.Options',
);
const decoded = (options: EncodedOptions | undefined) => runc.decode(Buffer.from(options?.value ?? '', 'base64'));

function table(flags: string[], file?: unknown, defaultName = ownShim): RuntimeTable {
  const definitions = readRuntimeDefinitions(flags, file);
  return new RuntimeTable({ definitions, defaultName, pathShim: ownShim, directory: join(directory, 'scripts') });
}

describe('a runtime', () => {
  it('is a program by its path', () => {
    const chosen = table(['Crun=/usr/bin/crun']).choose('crun');
    expect(chosen.name).toBe(ownShim);
    expect(chosen.options?.typeUrl).toBe('containerd.runc.v1.Options');
    expect(decoded(chosen.options)).toMatchObject({ binaryName: '/usr/bin/crun', systemdCgroup: false });
  });

  it('is a program with arguments, which a script hands on as they are', () => {
    const program = join(directory, 'shows');
    writeFileSync(program, '#!/bin/sh\nfor word in "$@"; do echo "<$word>"; done\n', { mode: 0o755 });
    const runtimes = table([], { 'with/args': { path: program, runtimeArgs: ['--a b', "it's", '$HOME'] } });
    const { binaryName } = decoded(runtimes.choose('with/args').options);
    expect(execFileSync(binaryName, ['create', 'x y'], { encoding: 'utf8' })).toBe(
      "<--a b>\n<it's>\n<$HOME>\n<create>\n<x y>\n",
    );
    expect(decoded(runtimes.choose('with/args').options).binaryName).toBe(binaryName);
    const gone = table([], { gone: { path: '/no/such/program', runtimeArgs: ['-v'] } });
    expect(() => gone.choose('gone')).toThrow('error while looking up the specified runtime path');
  });

  it('is a shim, with options in the message that it reads', () => {
    const runtimes = table([], {
      systemd: { runtimeType: 'io.containerd.runc.v2', options: { SystemdCgroup: true, binaryname: 'crun' } },
      gvisor: { runtimeType: 'io.containerd.runsc.v1', options: { ConfigPath: '/etc/runsc.toml' } },
      plain: { runtimeType: 'io.containerd.kata.v2' },
    });
    expect(decoded(runtimes.choose('systemd').options)).toMatchObject({ systemdCgroup: true, binaryName: 'crun' });
    expect(runtimes.choose('gvisor')).toMatchObject({
      name: 'io.containerd.runsc.v1',
      options: {
        typeUrl: 'runtimeoptions.v1.Options',
        value: Buffer.from('\x12\x0f/etc/runsc.toml').toString('base64'),
      },
    });
    expect(runtimes.choose('plain')).toEqual({ name: 'io.containerd.kata.v2', options: undefined });
  });

  it('is one that containerd knows, runc, or the default one', () => {
    const runtimes = table(['crun=crun'], undefined, 'crun');
    expect(runtimes.choose('runc').name).toBe('io.containerd.runc.v2');
    expect(runtimes.choose('io.containerd.kata.v2').name).toBe('io.containerd.kata.v2');
    expect(decoded(runtimes.choose('').options).binaryName).toBe('crun');
  });

  it.each(['nosuch', '/tmp/program.v2', '../a.b', '.hidden', 'constructor'])('is not %s', (name) => {
    expect(() => table([]).choose(name)).toThrow(`unknown or invalid runtime name: ${name}`);
  });

  it('is listed with its path and arguments', () => {
    expect(table(['a=/a'], { b: { path: '/b', runtimeArgs: ['-x'] } }).list()).toEqual({
      [ownShim]: { path: ownShim },
      runc: { path: 'runc' },
      'io.containerd.runc.v2': { path: 'runc' },
      a: { path: '/a' },
      b: { path: '/b', runtimeArgs: ['-x'] },
    });
  });
});

describe('what defines none', () => {
  it.each([
    [['a'], {}, 'invalid runtime argument: a'],
    [['=b'], {}, 'invalid runtime argument: =b'],
    [['runc=/x'], {}, "runtime name 'runc' is reserved"],
    [['a=/x', 'A=/y'], {}, "runtime 'a' was already defined"],
    [['a=/x'], { a: { path: '/y' } }, "runtime 'a' was already defined"],
    [[], { a: {} }, 'runtime a: either a runtimeType or a path must be configured'],
    [[], { a: { path: '/x', runtimeType: 'y.z' } }, 'cannot configure both path and runtimeType'],
    [[], { a: { path: '/x', options: { Root: '/r' } } }, 'options cannot be used with a path runtime'],
    [[], { a: { runtimeType: 'y.z', runtimeArgs: ['x'] } }, 'args cannot be used with a runtimeType runtime'],
    [[], { a: { path: '/x', odd: 1 } }, 'runtime a: odd: must be one of'],
    [[], { a: { path: '/x', runtimeArgs: 'x' } }, 'runtimeArgs must be a list of texts'],
    [
      [],
      { a: { runtimeType: 'io.containerd.runc.v2', options: { Odd: 1 } } },
      'runtime a: options: Odd: must be one of',
    ],
    [[], { a: { runtimeType: 'io.containerd.runc.v2', options: { Root: 1 } } }, 'options: Root: must be a string'],
    [[], [], 'runtimes: must be an object'],
  ])('%j and %j', (flags, file, words) => {
    expect(() => table(flags, file)).toThrow(words);
  });

  it('is no default', () => {
    expect(() => table([], undefined, 'nosuch')).toThrow("specified default runtime 'nosuch' does not exist");
  });
});
