// The command lines as real daemons write them (traced from containerd 1.6 and 2.1).
import { describe, expect, it } from 'vitest';
import { parseArguments } from './arguments.ts';

const flags = ['-namespace', 'moby', '-address', '/run/c.sock', '-publish-binary', '/usr/bin/containerd', '-id', 'abc'];

describe('parseArguments', () => {
  it('reads start as containerd 1.6 writes it', () => {
    const args = parseArguments([...flags, '-debug', 'start'], '/bundle');
    expect(args).toMatchObject({
      command: 'start',
      namespace: 'moby',
      address: '/run/c.sock',
      id: 'abc',
      bundle: '/bundle',
      logLevel: 'debug',
    });
  });

  it('reads delete with its bundle', () => {
    expect(parseArguments([...flags, '-bundle', '/b', 'delete'], '/')).toMatchObject({
      command: 'delete',
      bundle: '/b',
    });
  });

  it('serves without a command', () => {
    expect(parseArguments(['-namespace=moby', '--id=abc', '-address', ''], '/')).toMatchObject({
      command: 'serve',
      namespace: 'moby',
      id: 'abc',
      address: '',
    });
  });

  it('knows -v and -info, also beside other flags', () => {
    expect(parseArguments(['-v'], '/').command).toBe('version');
    expect(parseArguments([...flags, '-info'], '/').command).toBe('info');
  });

  it('refuses what it does not know', () => {
    expect(() => parseArguments(['-frobnicate', 'start'], '/')).toThrow('unknown flag -frobnicate');
    expect(() => parseArguments(['restart'], '/')).toThrow('no command "restart"');
    expect(() => parseArguments(['start', 'now'], '/')).toThrow('no command "start now"');
  });
});
