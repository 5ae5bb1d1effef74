// The table, step by step from every status: what is legal, and where it leads.
import { describe, expect, it } from 'vitest';
import { canStep, type ProcessStatus, type ProcessStep, statusAfter } from './process-state.ts';

const legal: [ProcessStatus, ProcessStep, ProcessStatus][] = [
  ['created', 'start', 'running'],
  ['created', 'exit', 'stopped'],
  ['created', 'delete', 'deleted'],
  ['running', 'pause', 'paused'],
  ['running', 'exit', 'stopped'],
  ['paused', 'resume', 'running'],
  ['paused', 'exit', 'stopped'],
  ['stopped', 'delete', 'deleted'],
];
const statuses: ProcessStatus[] = ['created', 'running', 'paused', 'stopped', 'deleted'];
const steps: ProcessStep[] = ['start', 'pause', 'resume', 'exit', 'delete'];

describe('the table of process states', () => {
  it.each(legal)('%s -> %s -> %s', (from, step, to) => {
    expect(statusAfter(step, from, 'x')).toBe(to);
  });

  it('refuses everything else', () => {
    const isLegal = (from: ProcessStatus, step: ProcessStep) =>
      legal.some(([one, other]) => one === from && other === step);
    const illegal = statuses.flatMap((from) =>
      steps.filter((step) => !isLegal(from, step)).map((step) => [from, step] as const),
    );
    expect(illegal).toHaveLength(statuses.length * steps.length - legal.length);
    for (const [from, step] of illegal) {
      expect(canStep(step, from)).toBe(false);
      expect(() => statusAfter(step, from, 'x')).toThrow(`${step} x: cannot ${step} a ${from} process`);
    }
  });
});
