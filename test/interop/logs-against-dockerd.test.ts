// Options of json-file and syslog beside the real dockerd: the files' lines and sizes, what `logs` shows, what a listener receives.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type RealDockerd, startRealDockerd } from '../harness/real-dockerd.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let dockerd: RealDockerd;
let scratch: string;

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-logs-');
  stack = await startStack({ readyTimeoutMs: 60_000 });
  dockerd = await startRealDockerd();
  for (const side of sides()) await side.docker(['load', '-q', '-i', await busyboxArchive()]);
});
afterAll(async () => {
  await stack?.stop();
  await dockerd?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const sides = () => [dockerd, stack];

function optionFlags(options: Record<string, string>): string[] {
  return Object.entries(options).flatMap(([name, value]) => ['--log-opt', `${name}=${value}`]);
}

async function run(side: Stack | RealDockerd, name: string, flags: string[], script: string) {
  const command = ['run', '--network', 'none', '--name', name, ...flags, 'busybox', 'sh', '-c', script];
  const result = await side.docker(command);
  expect(result).toMatchObject({ code: 0 });
}

/** The log file and its rotated ones, the current first: names behind the first's, and their plain content. */
async function logFiles(side: Stack | RealDockerd, name: string): Promise<Map<string, string>> {
  const path = (await side.docker(['inspect', '-f', '{{.LogPath}}', name])).stdout.trim();
  const files = readdirSync(dirname(path))
    .filter((file) => file.startsWith(basename(path)))
    .sort();
  const read = (file: string) => readFileSync(join(dirname(path), file));
  return new Map(
    files.map((file) => [
      file.slice(basename(path).length),
      (file.endsWith('.gz') ? gunzipSync(read(file)) : read(file)).toString(),
    ]),
  );
}

const withoutTimes = (text: string) => text.replace(/"time":"[^"]*"/g, '"time":""');

describe('json-file', () => {
  it('writes labels, variables and tag on each line, and logs --details shows them', async () => {
    const options = { labels: 'tier,none', 'labels-regex': '^dep', env: 'WHO', 'env-regex': '^X_', tag: '{{.Name}}/x' };
    const flags = ['--label', 'tier=a b&c', '--label', 'depth=1', '-e', 'WHO=me', '-e', 'X_Y=1', '-e', 'Z=2'];
    const seen = [];
    for (const side of sides()) {
      await run(side, 'attributes', [...flags, ...optionFlags(options)], 'echo one; echo two');
      const details = await side.docker(['logs', '--details', 'attributes']);
      const plain = await side.docker(['logs', 'attributes']);
      const files = [...(await logFiles(side, 'attributes')).values()].map(withoutTimes);
      seen.push({ details: details.stdout, plain: plain.stdout, files });
    }
    expect(seen[0]?.files[0]).toContain('"attrs":{"WHO":"me","X_Y":"1","depth":"1","tag":"attributes/x"');
    expect(seen[1]).toEqual(seen[0]);
  });

  it('rotates exactly at max-size, whatever the bursts, and keeps max-file files', async () => {
    const maxSize = 2000; // docker's k is decimal here
    for (const side of sides()) {
      // one burst, so that a batch holds several files' worth
      await run(side, 'rotated', optionFlags({ 'max-size': '2k', 'max-file': '3' }), 'seq 1000 1099');
      const files = await logFiles(side, 'rotated');
      expect([...files.keys()]).toEqual(['', '.1', '.2']);
      for (const name of ['.1', '.2']) {
        // the last line began in time, and the next one did not
        const text = files.get(name) ?? '';
        const lastLine = text.trimEnd().split('\n').at(-1) ?? '';
        expect(text.length).toBeGreaterThanOrEqual(maxSize);
        expect(text.length - lastLine.length - 1).toBeLessThan(maxSize);
      }
      const kept = ['.2', '.1', ''].flatMap((name) => [...(files.get(name) ?? '').matchAll(/"log":"(\d+)/g)]);
      const numbers = kept.map((match) => Number(match[1]));
      expect(numbers).toEqual(numbers.map((_, index) => 1100 - numbers.length + index));
      expect((await side.docker(['logs', 'rotated'])).stdout).toBe(numbers.map((number) => `${number}\n`).join(''));
      const last = numbers.slice(-40).map((number) => `${number}\n`);
      expect((await side.docker(['logs', '--tail', '40', 'rotated'])).stdout).toBe(last.join(''));
    }
  });

  it('rotates when the next line comes, not before', async () => {
    // a line is 66 bytes or more: the second fills the file, and no third one comes
    const seen = [];
    for (const side of sides()) {
      await run(side, 'full', optionFlags({ 'max-size': '100', 'max-file': '3' }), 'echo 1; echo 2');
      seen.push([...(await logFiles(side, 'full')).keys()]);
    }
    expect(seen).toEqual([[''], ['']]);
  });

  it('compresses rotated files, and reads them', async () => {
    const options = { 'max-size': '2k', 'max-file': '3', compress: 'true' };
    for (const side of sides()) {
      await run(side, 'packed', optionFlags(options), 'for i in $(seq 1000 1099); do echo $i; done; sleep 0.2');
      await until('compressed', 5000, async () =>
        [...(await logFiles(side, 'packed')).keys()].join() === ',.1.gz,.2.gz' ? true : undefined,
      );
      const logged = (await side.docker(['logs', 'packed'])).stdout.trim().split('\n').map(Number);
      expect(logged.length).toBeGreaterThan(50);
      expect(logged).toEqual(logged.map((_, index) => 1100 - logged.length + index));
      const tail = (await side.docker(['logs', '--tail', '45', 'packed'])).stdout.trim().split('\n').map(Number);
      expect(tail).toEqual(logged.slice(-45));
    }
  });

  it('follows through many rotations without losing a line', async () => {
    const script = 'sleep 0.5; for i in $(seq 300); do echo line $i; [ $((i % 50)) = 0 ] && sleep 0.1; done; true';
    const flags = ['-d', ...optionFlags({ 'max-size': '1k', 'max-file': '2' })];
    await run(stack, 'followed', flags, script);
    const followed = await stack.docker(['logs', '-f', 'followed']);
    expect(followed.stdout).toBe(Array.from({ length: 300 }, (_, i) => `line ${i + 1}\n`).join(''));
  });

  it.each([
    [{ compress: 'true' }, 'compress cannot be true when max-file is less than 2 or max-size is not set'],
    [{ 'max-file': '0', 'max-size': '1k' }, 'max-file'],
    [{ 'max-size': '0' }, 'max-size must be a positive number'],
    [{ odd: '1' }, "unknown log opt 'odd' for json-file log driver"],
  ])('refuses %j in the same words', async (options, words) => {
    for (const side of sides()) {
      const flags = optionFlags(options as Record<string, string>);
      const result = await side.docker(['run', '--rm', '--network', 'none', ...flags, 'busybox', 'true']);
      expect(result.code).toBe(125);
      expect(result.stderr).toContain(words);
    }
  });
});

/** Node has no unix datagrams: each message becomes a line of a file. */
async function listenForDatagrams(path: string, file: string): Promise<ChildProcess> {
  const program = [
    'import socket, sys',
    's = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])',
    'out = open(sys.argv[2], "ab", 0)',
    'while True: out.write(s.recv(65536).rstrip(b"\\n") + b"\\n")',
  ];
  writeFileSync(file, '');
  const child = spawn('python3', ['-c', program.join('\n'), path, file], { stdio: 'ignore' });
  await until('listener', 5000, () => (statSync(path, { throwIfNoEntry: false }) ? true : undefined));
  return child;
}

describe('syslog', () => {
  it('sends datagrams to a unix path as dockerd does, a message each', async () => {
    const received = [];
    for (const [index, side] of sides().entries()) {
      const path = join(scratch, `dgram-${index}`);
      const listener = await listenForDatagrams(path, `${path}.log`);
      try {
        const options = { 'syslog-address': `unixgram://${path}`, 'syslog-facility': 'local3', tag: '{{.Name}}' };
        const flags = ['--log-driver', 'syslog', ...optionFlags(options)];
        await run(side, 'datagrams', flags, 'echo out; sleep 0.2; echo err >&2; sleep 0.2; seq 200');
        const lines = () => readFileSync(`${path}.log`, 'utf8').trim().split('\n');
        await until('all lines', 5000, () => (lines().length >= 202 ? true : undefined));
        received.push(
          lines().map((line) => line.replace(/\w{3} [ \d]\d [\d:]{8}/, 'TIME').replace(/\[\d+\]/, '[PID]')),
        );
      } finally {
        listener.kill('SIGKILL');
      }
    }
    expect(received[0]?.slice(0, 2)).toEqual(['<158>TIME datagrams[PID]: out', '<155>TIME datagrams[PID]: err']);
    expect(received[1]).toEqual(received[0]);
  });

  it('does not start without a listener', async () => {
    for (const side of sides()) {
      const flags = ['--log-driver', 'syslog', '--log-opt', `syslog-address=unixgram://${scratch}/nosuch`];
      const result = await side.docker(['run', '--rm', '--network', 'none', ...flags, 'busybox', 'true']);
      expect(result.code).not.toBe(0);
      expect(result.stderr).toMatch(/nosuch/);
    }
  });
});
