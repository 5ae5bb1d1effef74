// Each exit once, whoever tells it.
import { wireMessage } from '@tscontainer/platform/wire-codec';
import { describe, expect, it } from 'vitest';
import { containerOf, EventLedger } from './event-ledger.ts';

const exitedAt = { seconds: 5, nanos: 0 };

function event(name: string, fields: object) {
  const typeUrl = `containerd.events.${name}`;
  return { typeUrl, value: wireMessage<object>(typeUrl).encode({ containerId: 'c', ...fields }) };
}

describe('EventLedger', () => {
  it('takes an exit once', () => {
    const ledger = new EventLedger('c');
    const exit = event('TaskExit', { id: 'c', pid: 7, exitStatus: 3, exitedAt });
    expect(ledger.accept('/tasks/exit', exit)).toBe(true);
    expect(ledger.accept('/tasks/exit', exit)).toBe(false);
    expect(ledger.exitOf('')).toEqual({ pid: 7, exitStatus: 3, exitedAt });
  });

  it('tells processes apart, and lives of one exec id', () => {
    const ledger = new EventLedger('c');
    expect(ledger.acceptExit('', { pid: 7, exitStatus: 0, exitedAt })).toBe(true);
    expect(ledger.accept('/tasks/exit', event('TaskExit', { id: 'e', pid: 8, exitedAt }))).toBe(true);
    expect(ledger.accept('/tasks/exit', event('TaskExit', { id: 'e', pid: 8, exitedAt }))).toBe(false);
    expect(ledger.accept('/tasks/exit', event('TaskExit', { id: 'e', pid: 9, exitedAt }))).toBe(true);
  });

  it('takes a start once', () => {
    const ledger = new EventLedger('c');
    expect(ledger.accept('/tasks/start', event('TaskStart', { pid: 7 }))).toBe(true);
    expect(ledger.acceptStart('')).toBe(false);
    expect(ledger.accept('/tasks/exec-started', event('TaskExecStarted', { execId: 'e', pid: 8 }))).toBe(true);
    expect(ledger.acceptStart('e')).toBe(false);
  });

  it('finds the container of every task event', () => {
    for (const [name, fields] of [
      ['TaskCreate', { bundle: '/b', pid: 7 }],
      ['TaskExit', { id: 'e' }],
      ['TaskDelete', { pid: 7 }],
      ['TaskPaused', {}],
    ] as const) {
      expect(containerOf(event(name, fields))).toBe('c');
    }
  });
});
