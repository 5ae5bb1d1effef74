// Every policy against every way to have stopped, as containerd's restart monitor decides it.
import { describe, expect, it } from 'vitest';
import { isToBeRestarted, logTargetOf, restartLabels } from './restart-policy.ts';

const label = (policy: string, more: Record<string, string> = {}) => ({ [restartLabels.policy]: policy, ...more });

describe('isToBeRestarted', () => {
  it('is always so without a policy and with always', () => {
    for (const labels of [{}, label(''), label('always')])
      for (const exitStatus of [0, 1, undefined]) expect(isToBeRestarted(labels, { exitStatus })).toBe(true);
  });

  it('is so after failures alone with on-failure, as often as it says', () => {
    expect(isToBeRestarted(label('on-failure'), { exitStatus: 0 })).toBe(false);
    expect(isToBeRestarted(label('on-failure'), { exitStatus: 3 })).toBe(true);
    expect(isToBeRestarted(label('on-failure:2', { [restartLabels.count]: '1' }), { exitStatus: 3 })).toBe(true);
    expect(isToBeRestarted(label('on-failure:2', { [restartLabels.count]: '2' }), { exitStatus: 3 })).toBe(false);
  });

  it('is not so when it was stopped on purpose', () => {
    const stopped = { [restartLabels.explicitlyStopped]: 'true' };
    expect(isToBeRestarted(label('unless-stopped'), { exitStatus: 137 })).toBe(true);
    expect(isToBeRestarted(label('unless-stopped', stopped), { exitStatus: 137 })).toBe(false);
    expect(isToBeRestarted(label('always', stopped), { exitStatus: 137 })).toBe(true);
  });

  it('is not so with a policy that nobody knows', () => {
    expect(isToBeRestarted(label('sometimes'), { exitStatus: 1 })).toBe(false);
  });
});

describe('logTargetOf', () => {
  it('takes the URI, then the older path', () => {
    expect(logTargetOf({ [restartLabels.logUri]: 'binary:///l', [restartLabels.logPath]: '/p' })).toBe('binary:///l');
    expect(logTargetOf({ [restartLabels.logPath]: '/p' })).toBe('file:///p');
    expect(logTargetOf({})).toBe('');
  });
});
