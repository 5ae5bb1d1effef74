// Published ports as the API writes them.
import { describe, expect, it } from 'vitest';
import { allBindings, portsView, publishWishes, withBindings, withoutBindings } from './port-bindings.ts';

const at = (HostPort: string, HostIp = '') => ({ HostIp, HostPort });

describe('publishWishes', () => {
  it('reads ports, ranges and addresses', () => {
    expect(publishWishes({ '80/tcp': [at('8080'), at('9000-9010', '[::1]')], '53/udp': null })).toEqual([
      { port: 80, protocol: 'tcp', hostIp: '', firstPort: 8080, lastPort: 8080 },
      { port: 80, protocol: 'tcp', hostIp: '::1', firstPort: 9000, lastPort: 9010 },
      { port: 53, protocol: 'udp', hostIp: '', firstPort: 0, lastPort: 0 },
    ]);
  });

  it.each([
    [{ '0/tcp': [] }],
    [{ '80/icmp': [] }],
    [{ '80/tcp': [at('70000')] }],
    [{ '80/tcp': [at('9-8')] }],
    [{ '80/tcp': [at('80', 'here')] }],
  ])('refuses %j', (bindings) => expect(() => publishWishes(bindings)).toThrow('invalid'));
});

describe('bindings', () => {
  it('of -P are those exposed without one', () => {
    expect(allBindings({ '80/tcp': [at('1')] }, { '80/tcp': {}, '81/tcp': {} }, true)).toEqual({
      '80/tcp': [at('1')],
      '81/tcp': [at('')],
    });
  });

  it('are added once', () => {
    const one = withBindings({}, { '80': [at('8080')] });
    expect(withBindings(one, { '80/tcp': [at('8080'), at('8081')] })).toEqual({ '80/tcp': [at('8080'), at('8081')] });
  });

  it('are taken away by port, or one by one', () => {
    const both = { '80/tcp': [at('8080'), at('8081', '127.0.0.1')] };
    expect(withoutBindings(both, ['8080:80'])).toEqual({ '80/tcp': [at('8081', '127.0.0.1')] });
    expect(withoutBindings(both, ['127.0.0.1:8081:80/tcp'])).toEqual({ '80/tcp': [at('8080')] });
    expect(withoutBindings(both, ['80'])).toEqual({});
    expect(() => withoutBindings(both, ['81'])).toThrow('port 81 is not published');
    expect(() => withoutBindings(both, ['9090:80'])).toThrow('not published');
  });

  it('are shown with exposed ports as null', () => {
    const published = [{ containerPort: 80, protocol: 'tcp' as const, hostIp: '0.0.0.0', hostPort: 8080 }];
    expect(portsView(published, { '80/tcp': {}, '81/udp': {} })).toEqual({
      '80/tcp': [at('8080', '0.0.0.0')],
      '81/udp': null,
    });
  });
});
