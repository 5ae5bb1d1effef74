// Each exit once, whoever tells it.
import { wireMessage } from '@tscontainer/platform/wire-codec';
import { describe, expect, it } from 'vitest';
import { EventLedger } from './event-ledger.ts';
import { readTaskEvent } from './task-event-reader.ts';

const exitedAt = { seconds: 5, nanos: 0 };

function event(name: string, fields: object) {
  const typeUrl = `containerd.events.${name}`;
  const topic = `/tasks/${name === 'TaskExecStarted' ? 'exec-started' : name.slice('Task'.length).toLowerCase()}`;
  return readTaskEvent(topic, { typeUrl, value: wireMessage<object>(typeUrl).encode({ containerId: 'c', ...fields }) });
}

describe('EventLedger', () => {
  it('takes an exit once', () => {
    const ledger = new EventLedger();
    const exit = event('TaskExit', { id: 'c', pid: 7, exitStatus: 3, exitedAt });
    expect(ledger.accept(exit)).toBe(true);
    expect(ledger.accept(exit)).toBe(false);
    expect(ledger.exitOf('')).toEqual({ pid: 7, exitStatus: 3, exitedAt });
  });

  it('tells processes apart, and lives of one exec id', () => {
    const ledger = new EventLedger();
    expect(ledger.acceptExit('', { pid: 7, exitStatus: 0, exitedAt })).toBe(true);
    expect(ledger.accept(event('TaskExit', { id: 'e', pid: 8, exitedAt }))).toBe(true);
    expect(ledger.accept(event('TaskExit', { id: 'e', pid: 8, exitedAt }))).toBe(false);
    expect(ledger.accept(event('TaskExit', { id: 'e', pid: 9, exitedAt }))).toBe(true);
  });

  it('takes a start once', () => {
    const ledger = new EventLedger();
    expect(ledger.accept(event('TaskStart', { pid: 7 }))).toBe(true);
    expect(ledger.acceptStart('')).toBe(false);
    expect(ledger.accept(event('TaskExecStarted', { execId: 'e', pid: 8 }))).toBe(true);
    expect(ledger.acceptStart('e')).toBe(false);
  });

  it('takes a create and a delete once', () => {
    const ledger = new EventLedger();
    expect(ledger.accept(event('TaskCreate', { pid: 7 }))).toBe(true);
    expect(ledger.acceptCreate()).toBe(false);
    expect(ledger.acceptDelete()).toBe(true);
    expect(ledger.accept(event('TaskDelete', { pid: 7 }))).toBe(false);
  });
});

describe('readTaskEvent', () => {
  it('finds the container of every task event', () => {
    for (const [name, fields] of [
      ['TaskCreate', { bundle: '/b', pid: 7 }],
      ['TaskExit', { id: 'e' }],
      ['TaskDelete', { pid: 7 }],
      ['TaskPaused', {}],
    ] as const) {
      expect(event(name, fields).containerId).toBe('c');
    }
  });

  it('tells an exec from the init process', () => {
    expect(event('TaskExit', { id: 'c', pid: 7, exitStatus: 1, exitedAt })).toMatchObject({ execId: '', pid: 7 });
    expect(event('TaskExit', { id: 'e', pid: 8, exitStatus: 1, exitedAt })).toMatchObject({
      execId: 'e',
      exit: { pid: 8, exitStatus: 1, exitedAt },
    });
    expect(event('TaskExecStarted', { execId: 'e', pid: 8 })).toMatchObject({ execId: 'e', pid: 8, exit: undefined });
    expect(event('TaskStart', { pid: 7 })).toMatchObject({ execId: '', pid: 7 });
  });
});
