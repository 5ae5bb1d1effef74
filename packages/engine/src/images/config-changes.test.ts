// Dockerfile instructions as changes of a config.
import { describe, expect, it } from 'vitest';
import { applyChanges } from './config-changes.ts';

describe('applyChanges', () => {
  it.each([
    ['CMD ["a","b c"]', { Cmd: ['a', 'b c'] }],
    ['CMD echo hi', { Cmd: ['/bin/sh', '-c', 'echo hi'] }],
    ['entrypoint ["x"]', { Entrypoint: ['x'] }],
    ['ENV A=1 B="2 3"', { Env: ['P=q', 'A=1', 'B=2 3'] }],
    ['ENV P over', { Env: ['P=over'] }],
    ['LABEL a=b c="d e"', { Labels: { a: 'b', c: 'd e' } }],
    ['EXPOSE 80 53/udp', { ExposedPorts: { '80/tcp': {}, '53/udp': {} } }],
    ['VOLUME /a /b', { Volumes: { '/a': {}, '/b': {} } }],
    ['VOLUME ["/a b"]', { Volumes: { '/a b': {} } }],
    ['USER 1:2', { User: '1:2' }],
    ['WORKDIR sub', { WorkingDir: '/w/sub' }],
    ['STOPSIGNAL TERM', { StopSignal: 'TERM' }],
    ['ONBUILD RUN x', { OnBuild: ['RUN x'] }],
    [
      'HEALTHCHECK --interval=1m30s --retries=2 CMD true',
      { Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 90e9, Retries: 2 } },
    ],
    ['HEALTHCHECK NONE', { Healthcheck: { Test: ['NONE'] } }],
    ['ENV A=1\n# said\n\nLABEL a=b \\\n c=d', { Env: ['P=q', 'A=1'], Labels: { a: 'b', c: 'd' } }],
  ])('%s', (change, expected) => {
    expect(applyChanges({ Env: ['P=q'], WorkingDir: '/w' }, [change])).toMatchObject(expected);
  });

  it.each([
    ['RUN x', 'RUN is not a valid change command'],
    ['ENV', 'at least one argument'],
    ['EXPOSE x', 'invalid containerPort: x'],
    ['HEALTHCHECK --odd=1 CMD x', 'unknown flag: odd'],
  ])('refuses %s', (change, message) => expect(() => applyChanges({}, [change])).toThrow(message));
});
