// Figures out of cgroup files of both versions, as the kernel writes them; this machine's own hierarchy shows v1 alone.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cgroupsOf, oomKills, readFigures, readMemoryDetails } from './cgroup-figures.ts';

const directory = mkdtempSync(join(tmpdir(), 'tsc-cgroup-'));
afterAll(() => rmSync(directory, { recursive: true }));

function cgroup(name: string, files: Record<string, string>): string {
  const path = join(directory, name);
  mkdirSync(path);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

describe('the figures of a cgroup', () => {
  it('of version 2', () => {
    const path = cgroup('v2', {
      'cpu.stat': 'usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 4\nnr_throttled 2\nthrottled_usec 70\n',
      'memory.current': '4096\n',
      'memory.peak': '8192\n',
      'memory.max': '65536\n',
      'memory.swap.current': '12\n',
      'memory.swap.max': '100\n',
      'memory.stat': 'anon 1000\nfile 2000\ninactive_file 300\n',
      'memory.events': 'low 0\nhigh 0\nmax 5\noom 1\noom_kill 3\n',
      'pids.current': '7\n',
      'pids.max': 'max\n',
      'io.stat': '8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n',
    });
    const figures = readFigures(new Map([['', path]]));
    expect(figures).toMatchObject({
      version: 2,
      cpu: { usageNs: 1_500_000, userNs: 1_000_000, systemNs: 500_000, periods: 4, throttledNs: 70_000 },
      memory: { usageBytes: 4096, maxUsageBytes: 8192, limitBytes: 65536, failcnt: 5, swapUsageBytes: 12 },
      pids: { current: 7, limit: 0 },
      blkio: [
        { op: 'Read', major: 8, minor: 0, bytes: 10, operations: 1 },
        { op: 'Write', major: 8, minor: 0, bytes: 20, operations: 2 },
      ],
    });
    expect(figures.memory.stat).toMatchObject({ anon: 1000, inactive_file: 300 });
    expect(oomKills(new Map([['', path]]))).toBe(3);
    expect(readMemoryDetails(new Map([['', path]]))).toMatchObject({
      swapLimit: 100,
      events: { max: 5, oom: 1, oomKill: 3 },
    });
  });

  it.each([
    ['0', 0],
    ['max', Number.MAX_SAFE_INTEGER],
  ])('of version 2 with a limit of %s', (text, limit) => {
    const path = cgroup(`limit-${text}`, {
      'memory.current': '4096\n',
      'memory.max': `${text}\n`,
      'memory.swap.max': `${text}\n`,
    });
    expect(readFigures(new Map([['', path]])).memory.limitBytes).toBe(limit);
    expect(readMemoryDetails(new Map([['', path]]))).toMatchObject({ swapLimit: limit });
  });

  it('of version 1', () => {
    const memory = cgroup('memory', {
      'memory.usage_in_bytes': '4096\n',
      'memory.limit_in_bytes': '9223372036854771712\n',
      'memory.failcnt': '1\n',
      'memory.memsw.usage_in_bytes': '5000\n',
      'memory.kmem.max_usage_in_bytes': '77\n',
      'memory.stat': 'cache 5\nrss 6\n',
      'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
    });
    const cpuacct = cgroup('cpuacct', {
      'cpuacct.usage': '123456\n',
      'cpuacct.usage_percpu': '100 23356 \n',
      'cpuacct.stat': 'user 3\nsystem 4\n',
    });
    const blkio = cgroup('blkio', {
      'blkio.throttle.io_service_bytes_recursive': '8:0 Read 512\n8:0 Write 0\nTotal 512\n',
      'blkio.throttle.io_serviced_recursive': '8:0 Read 2\n8:0 Write 0\nTotal 2\n',
    });
    const paths = new Map(Object.entries({ memory, cpuacct, blkio }));
    expect(readFigures(paths)).toMatchObject({
      version: 1,
      cpu: { usageNs: 123_456, userNs: 30_000_000, systemNs: 40_000_000, perCpuNs: [100, 23_356] },
      memory: { usageBytes: 4096, failcnt: 1, stat: { cache: 5, rss: 6 } },
      blkio: [
        { op: 'Read', bytes: 512, operations: 2 },
        { op: 'Write', bytes: 0 },
      ],
    });
    expect(oomKills(paths)).toBe(2);
    expect(readMemoryDetails(paths)).toMatchObject({
      swap: { usage: 5000 },
      kernel: { max: 77 },
      oomControl: { oomKill: 2 },
    });
    expect(readMemoryDetails(new Map())).toBeUndefined();
  });

  it('of a process that lives here', () => {
    expect(cgroupsOf(process.pid).size).toBeGreaterThan(0);
    expect(cgroupsOf(0x7fffffff).size).toBe(0);
  });
});
