// Docker's rules for CapAdd and CapDrop, within what this machine can give.
import { describe, expect, it } from 'vitest';
import {
  availableCapabilities,
  containerCapabilities,
  defaultCapabilities,
  normalizeCapabilities,
} from './capabilities.ts';

const here = (names: string[]) => names.filter((name) => availableCapabilities().has(name)).sort();

describe('containerCapabilities', () => {
  it('is docker’s fourteen by default', () => {
    expect(defaultCapabilities).toHaveLength(14);
    expect(containerCapabilities(false, null, null).sort()).toEqual(here(defaultCapabilities));
  });

  it('adds and drops by name, with or without CAP_, in any case', () => {
    expect(containerCapabilities(false, ['net_admin'], ['CAP_CHOWN', 'kill'])).not.toContain('CAP_CHOWN');
    expect(containerCapabilities(false, ['net_admin'], null)).toEqual(expect.arrayContaining(here(['CAP_NET_ADMIN'])));
  });

  it('knows ALL on both sides', () => {
    expect(containerCapabilities(false, ['ALL'], ['CHOWN']).sort()).toEqual(
      [...availableCapabilities()].filter((name) => name !== 'CAP_CHOWN').sort(),
    );
    expect(containerCapabilities(false, ['CHOWN'], ['ALL'])).toEqual(here(['CAP_CHOWN']));
    expect(containerCapabilities(true, null, null).sort()).toEqual([...availableCapabilities()].sort());
  });

  it('refuses what is no capability', () => {
    expect(() => normalizeCapabilities('CapAdd', ['FLY'])).toThrow('invalid CapAdd: unknown capability: "CAP_FLY"');
    expect(normalizeCapabilities('CapAdd', null)).toBeNull();
    expect(normalizeCapabilities('CapAdd', ['sys_time', 'ALL'])).toEqual(['ALL', 'CAP_SYS_TIME']);
  });
});
