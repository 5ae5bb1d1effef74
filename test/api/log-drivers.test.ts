// Logging drivers over REST: what arrives elsewhere, what `logs` still reads here, rotation, and drivers that nobody answers.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let scratch: string;

/** Takes whatever comes to a unix socket. */
class Listener {
  readonly path: string;
  received = Buffer.alloc(0);
  /** Takes connections, and reads nothing. */
  isBusy = false;
  readonly #sockets = new Set<net.Socket>();
  readonly #server = net.createServer((socket) => {
    this.#sockets.add(socket);
    if (this.isBusy) socket.pause();
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
  });

  constructor(path: string) {
    this.path = path;
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(this.path, resolve));
  }

  stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  goOn(): void {
    this.isBusy = false;
    for (const socket of this.#sockets) socket.resume();
  }

  holds(text: string): Promise<true> {
    return until(`${text} arrives`, 30_000, () => (this.received.includes(text) ? true : undefined));
  }
}

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-logs-');
  stack = await startStack();
  await stack.docker(['load', '-q', '-i', await busyboxArchive()]);
});
afterAll(async () => {
  await stack?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const run = (...args: string[]) => stack.docker(['run', '--network', 'none', ...args]);

describe('syslog', () => {
  it('sends each line with its severity and tag, and logs reads the copy here', async () => {
    const listener = new Listener(join(scratch, 'syslog'));
    await listener.start();
    const options = [
      `syslog-address=unix://${listener.path}`,
      'syslog-facility=local0',
      'tag={{.Name}}/{{.ImageName}}',
    ];
    const flags = options.flatMap((option) => ['--log-opt', option]);
    await run('--name', 'sys', '--log-driver', 'syslog', ...flags, 'busybox', 'sh', '-c', 'echo out; echo err >&2');
    await listener.holds('err');
    const lines = listener.received.toString().trim().split('\n').sort();
    expect(lines).toEqual([
      expect.stringMatching(/^<131>\w{3} [ \d]\d [\d:]{8} sys\/busybox\[\d+\]: err$/),
      expect.stringMatching(/^<134>\w{3} [ \d]\d [\d:]{8} sys\/busybox\[\d+\]: out$/),
    ]);
    expect(await stack.docker(['logs', 'sys'])).toMatchObject({ stdout: 'out\n', stderr: 'err\n' });
    await listener.stop();
  });

  it('refuses options that make no sense, and a start that nobody answers', async () => {
    expect((await run('--log-driver', 'syslog', '--log-opt', 'syslog-format=odd', 'busybox', 'true')).stderr).toContain(
      'Invalid syslog format',
    );
    const unanswered = ['--log-driver', 'syslog', '--log-opt', `syslog-address=unix://${scratch}/nosuch`];
    const result = await run('--rm', ...unanswered, 'busybox', 'true');
    expect(result.stderr).toContain('failed to initialize logging driver');
    expect(result.code).not.toBe(0);
  });
});

describe('fluentd', () => {
  it('sends records, connects late when asked to, and again after a break', async () => {
    const path = join(scratch, 'fluentd');
    const flags = [
      '--log-driver',
      'fluentd',
      '--log-opt',
      `fluentd-address=unix://${path}`,
      '--log-opt',
      'fluentd-async=true',
    ];
    // what is written while the listener's end is not known yet may be lost: so it is said again
    const script = 'echo first; while ! [ -e /go ]; do sleep 0.1; done; while :; do echo second; sleep 0.2; done';
    await run('-d', '--name', 'flu', ...flags, 'busybox', 'sh', '-c', script);
    const listener = new Listener(path);
    await listener.start();
    await listener.holds('first');
    const id = (await stack.docker(['inspect', '-f', '{{.Id}}', 'flu'])).stdout.trim();
    for (const text of ['container_id', id, '/flu', 'source', 'stdout'])
      expect(listener.received.includes(text)).toBe(true);
    await listener.stop();
    rmSync(path, { force: true });
    await stack.docker(['exec', 'flu', 'touch', '/go']);
    const next = new Listener(path);
    await next.start();
    await next.holds('second');
    await stack.docker(['rm', '-f', 'flu']);
    await next.stop();
  });

  it('keeps the order when the receiver lags behind, and the last lines arrive', async () => {
    const listener = new Listener(join(scratch, 'lagging'));
    listener.isBusy = true;
    await listener.start();
    const flags = ['--log-driver', 'fluentd', '--log-opt', `fluentd-address=unix://${listener.path}`];
    const last = 60_000;
    await run(
      '--rm',
      ...flags,
      'busybox',
      'sh',
      '-c',
      `seq -f "line %.0f." 1 ${last} 2>/dev/null || for i in $(seq 1 ${last}); do echo line $i.; done`,
    );
    listener.goOn();
    await listener.holds(`line ${last}.`);
    const numbers = [...listener.received.toString('latin1').matchAll(/line (\d+)\./g)].map((match) =>
      Number(match[1]),
    );
    expect(numbers).toEqual([...numbers].sort((left, right) => left - right));
    await listener.stop();
  });

  it('goes on under the next engine', async () => {
    const listener = new Listener(join(scratch, 'adopted'));
    await listener.start();
    const flags = ['--log-driver', 'fluentd', '--log-opt', `fluentd-address=unix://${listener.path}`];
    await run(
      '-d',
      '--name',
      'stays',
      ...flags,
      'busybox',
      'sh',
      '-c',
      'i=0; while :; do i=$((i+1)); echo line $i.; sleep 0.1; done',
    );
    await listener.holds('line 2.');
    await stack.kill('tsengined');
    await stack.startEngine();
    const before = listener.received.length;
    await until('more lines', 5000, () => (listener.received.length > before + 50 ? true : undefined));
    await stack.docker(['rm', '-f', 'stays']);
    await listener.stop();
  });
});

describe('local', () => {
  it('is read by logs and rotated, and has no path to show', async () => {
    const flags = ['--log-driver', 'local', '--log-opt', 'max-size=10k', '--log-opt', 'max-file=3'];
    const script = 'for i in 1 2 3 4 5 6; do seq 1000; sleep 0.2; done';
    await run('--name', 'near', ...flags, 'busybox', 'sh', '-c', script);
    const lines = (await stack.docker(['logs', 'near'])).stdout.trim().split('\n');
    expect(lines.at(-1)).toBe('1000');
    expect(lines.length).toBeLessThan(6000);
    const details = (await stack.api('GET', '/containers/near/json')).body;
    expect(details.LogPath).toBe('');
    const files = readdirSync(join(stack.directory, 'data/containers', details.Id)).filter((name) =>
      name.includes('.log'),
    );
    expect(files.length).toBeLessThanOrEqual(3);
  });

  it('is named by info among the others', async () => {
    const { Plugins } = (await stack.api('GET', '/info')).body;
    expect(Plugins.Log).toEqual(['fluentd', 'gelf', 'journald', 'json-file', 'local', 'syslog']);
  });
});
