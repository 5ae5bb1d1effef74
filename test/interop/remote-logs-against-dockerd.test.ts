// gelf and journald beside the real dockerd: the same messages reach the same listener, and `logs` reads here as before.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type RealDockerd, startRealDockerd } from '../harness/real-dockerd.ts';
import { type Stack, startStack } from '../harness/stack.ts';

type Side = Stack | RealDockerd;

let sides: Side[];
let scratch: string;

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-remote-logs-');
  sides = [await startRealDockerd(), await startStack({ readyTimeoutMs: 60_000 })];
  for (const side of sides) await side.docker(['load', '-q', '-i', await busyboxArchive()]);
}, 180_000);
afterAll(async () => {
  for (const side of sides ?? []) await side.stop();
  rmSync(scratch, { recursive: true, force: true });
});

/** What was received, a line of base64 for each datagram, or each message that a zero byte ends. */
const program = `
import base64, os, socket, sys
kind, place, path = sys.argv[1:4]
out = open(path, "ab", 0)
keep = lambda data: out.write(base64.b64encode(data) + b"\\n")
if kind == "unixgram":
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(place); os.chmod(place, 0o666)
else:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", int(place)))
if kind != "tcp":
    open(path + ".ready", "w").close()
    while True: keep(s.recv(65536))
s.listen(); open(path + ".ready", "w").close()
while True:
    c, _ = s.accept(); rest = b""
    while True:
        data = c.recv(65536)
        if not data: break
        *whole, rest = (rest + data).split(b"\\0")
        for each in whole: keep(each)
`;

interface Listener {
  received(): Buffer[];
  stop(): void;
}

async function listen(side: Side, kind: 'udp' | 'tcp' | 'unixgram', place: string, name: string): Promise<Listener> {
  const path = join(scratch, name);
  writeFileSync(path, '');
  const [file, args] = side.network.enter('/usr/bin/python3', ['-c', program, kind, place, path]);
  const child: ChildProcess = spawn(file, args, { stdio: 'ignore' });
  await until('listener', 20_000, () => (statSync(`${path}.ready`, { throwIfNoEntry: false }) ? true : undefined));
  return {
    received: () =>
      readFileSync(path, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => Buffer.from(line, 'base64')),
    stop: () => child.kill('SIGKILL'),
  };
}

const labels = ['--label', 'tier=front', '--label', 'other=x', '-e', 'WHO=me'];
const attributes = { labels: 'tier', env: 'WHO', tag: '{{.Name}}/{{.ImageName}}' };

async function run(side: Side, name: string, driver: string, options: Record<string, string>, script: string) {
  const flags = Object.entries(options).flatMap(([option, value]) => ['--log-opt', `${option}=${value}`]);
  const command = ['run', '--name', name, '--network', 'none', ...labels, '--log-driver', driver, ...flags];
  return side.docker([...command, 'busybox', 'sh', '-c', script]);
}

/** The messages of both sides, by their text, without what is each one's own. */
async function fromBoth(
  name: string,
  kind: 'udp' | 'tcp',
  options: Record<string, string>,
  script: string,
  count: number,
) {
  const messages: Record<string, unknown>[][] = [];
  for (const [index, side] of sides.entries()) {
    const port = String(12_201 + index);
    const listener = await listen(side, kind, port, `${name}-${index}`);
    try {
      const address = { 'gelf-address': `${kind}://127.0.0.1:${port}` };
      expect(await run(side, name, 'gelf', { ...address, ...attributes, ...options }, script)).toMatchObject({
        code: 0,
      });
      const datagrams = await until('all messages', 20_000, () => {
        const received = listener.received();
        return received.length >= count ? received : undefined;
      });
      const sent = datagrams.map((bytes) => withoutOwn(JSON.parse(plain(bytes).toString())));
      // the streams are read side by side
      messages.push(
        sent.sort((one, other) => (String(one['short_message']) < String(other['short_message']) ? -1 : 1)),
      );
    } finally {
      listener.stop();
    }
  }
  expect(messages[1]).toEqual(messages[0]);
  return messages[0] as Record<string, unknown>[];
}

function plain(bytes: Buffer): Buffer {
  return bytes[0] === 0x1f ? gunzipSync(bytes) : bytes[0] === 0x78 ? inflateSync(bytes) : bytes;
}

function withoutOwn(message: Record<string, unknown>): Record<string, unknown> {
  expect(message).toMatchObject({
    _container_id: expect.stringMatching(/^[0-9a-f]{64}$/),
    _image_id: expect.stringMatching(/^sha256:/),
    _created: expect.stringMatching(/^\d{4}-.*Z$/),
    timestamp: expect.any(Number),
  });
  const { _container_id, _image_id, _created, timestamp, ...rest } = message;
  return rest;
}

const script = 'echo one; echo; echo two >&2; echo three';

describe('gelf', () => {
  it.each([
    ['udp', {}],
    ['udp', { 'gelf-compression-type': 'zlib', 'gelf-compression-level': '9' }],
    ['udp', { 'gelf-compression-type': 'none' }],
    ['tcp', { 'gelf-tcp-max-reconnect': '2', 'gelf-tcp-reconnect-delay': '1' }],
  ] as const)('sends messages over %s with %j', async (kind, options) => {
    const name = `gelf-${kind}-${Object.values(options).join('-')}`;
    const messages = await fromBoth(name, kind, options, script, 3);
    expect(messages).toHaveLength(3);
    expect(messages[2]).toMatchObject({
      short_message: 'two',
      level: 3,
      _command: `sh -c ${script}`,
      _container_name: name,
      _image_name: 'busybox',
      _tag: `${name}/busybox`,
      _tier: 'front',
      _WHO: 'me',
    });
    const ours = await sides[1]?.docker(['logs', name]);
    expect(ours?.stdout).toBe('one\n\nthree\n');
  });

  it('does not start when nobody listens on TCP', async () => {
    for (const side of sides) {
      const result = await run(side, 'unheard', 'gelf', { 'gelf-address': 'tcp://127.0.0.1:1' }, 'true');
      expect(result.stderr).toContain('failed to initialize logging driver');
      expect(result.code).toBe(125);
      await side.docker(['rm', 'unheard']);
    }
  });

  it.each([
    {},
    { 'gelf-address': '127.0.0.1:1' },
    { 'gelf-address': 'udp://127.0.0.1:1', 'gelf-compression-type': 'brotli' },
    { 'gelf-address': 'tcp://127.0.0.1:1', 'gelf-compression-level': '1' },
    { 'gelf-address': 'udp://127.0.0.1:1', 'gelf-tcp-max-reconnect': '1' },
    { 'gelf-address': 'udp://127.0.0.1:1', odd: '1' },
  ])('refuses %j in the same words', async (options) => {
    const told = [];
    for (const side of sides) {
      const { code, stderr } = await run(side, 'refused', 'gelf', options as Record<string, string>, 'true');
      told.push([code, /^.*Error response from daemon: (.*?)\.?$/m.exec(stderr)?.[1]]);
    }
    expect(told[0]?.[0]).toBe(125);
    expect(told[1]).toEqual(told[0]);
  });
});

/** By name, of one datagram; a value of several lines has its length before it. */
function fieldsOf(bytes: Buffer): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\n', at);
    const line = bytes.toString('utf8', at, end);
    const equals = line.indexOf('=');
    if (equals >= 0) {
      fields[line.slice(0, equals)] = line.slice(equals + 1);
      at = end + 1;
      continue;
    }
    const length = Number(bytes.readBigUInt64LE(end + 1));
    fields[line] = bytes.toString('utf8', end + 9, end + 9 + length);
    at = end + 10 + length;
  }
  return fields;
}

/** The journal's own, which is the machine's; nothing else listens there without systemd. */
const journalDirectory = '/run/systemd/journal';

describe('journald', () => {
  let made: string[];

  beforeAll(() => {
    if (existsSync(join(journalDirectory, 'socket'))) throw new Error('a journal runs here: its socket is taken');
    made = ['/run/systemd', journalDirectory].filter((path) => !existsSync(path));
    mkdirSync(journalDirectory, { recursive: true });
  });
  afterAll(() => {
    for (const path of made.reverse()) rmdirSync(path);
  });

  it('is refused where there is no journal', async () => {
    for (const side of sides) {
      const result = await run(side, 'nowhere', 'journald', {}, 'true');
      expect(result.stderr).toContain('failed to initialize logging driver: journald is not enabled on this host');
      await side.docker(['rm', 'nowhere']);
    }
  });

  it('is given each line with its fields, and the pieces of a long one', async () => {
    const path = join(journalDirectory, 'socket');
    const seen: Record<string, string>[][] = [];
    for (const [index, side] of sides.entries()) {
      const listener = await listen(side, 'unixgram', path, `journal-${index}`);
      try {
        const long = 'echo out; echo err >&2; head -c 20000 /dev/zero | tr "\\0" x; echo';
        expect(await run(side, 'spoken', 'journald', attributes, long)).toMatchObject({ code: 0 });
        const datagrams = await until('all lines', 20_000, () => {
          const received = listener.received().filter((bytes) => bytes.includes('CONTAINER_NAME=spoken'));
          return received.length >= 4 ? received : undefined;
        });
        const sent = datagrams.map(fieldsOf).map(withoutIds);
        // the streams are read side by side
        const order = ({ MESSAGE = '', CONTAINER_PARTIAL_ORDINAL = '' }) =>
          `${MESSAGE[0]} ${CONTAINER_PARTIAL_ORDINAL}`;
        seen.push(sent.sort((one, other) => (order(one) < order(other) ? -1 : 1)));
      } finally {
        listener.stop();
        rmSync(path, { force: true });
      }
    }
    expect(seen[0]?.[0]).toMatchObject({ MESSAGE: 'err', PRIORITY: '3', TIER: 'front', WHO: 'me' });
    expect(seen[0]?.map((fields) => fields['CONTAINER_PARTIAL_ORDINAL'])).toEqual([undefined, undefined, '1', '2']);
    expect(seen[1]).toEqual(seen[0]);
    expect((await sides[1]?.docker(['logs', 'spoken']))?.stdout.slice(0, 5)).toBe('out\nx');
  });
});

function withoutIds(fields: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      /^CONTAINER_(ID|ID_FULL|PARTIAL_ID)$/.test(name) ? value.replace(/[0-9a-f]/g, '.') : value,
    ]),
  );
}
