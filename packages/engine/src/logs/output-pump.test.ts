// The pump with real FIFOs: what is written arrives once, in the log and at clients, also when an engine dies between.
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@tscontainer/platform/logger';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseLine } from './log-lines.ts';
import { readLog } from './log-reader.ts';
import { makeOutputFifos, type OutputName, OutputPump } from './output-pump.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pump-'));
  makeOutputFifos(directory, ['stdout', 'stderr']);
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function readlinkOrNothing(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // the descriptor of the listing itself
  }
}

const logPath = () => join(directory, 'out.log');

function openPump(deliver: (stream: OutputName, piece: Buffer) => boolean = () => true, maxSize?: number): OutputPump {
  return new OutputPump({
    directory,
    streams: ['stdout', 'stderr'],
    logFile: { path: logPath(), maxSize, maxFiles: 3 },
    deliver,
    log: createLogger({ name: 'test', level: 'silent' }),
  });
}

function logged(stream: OutputName, path = logPath()): string {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines
    .map((line) => parseLine(line))
    .flatMap((entry) => (entry?.stream === stream ? [entry.text] : []))
    .join('');
}

describe('a pump whose FIFOs are gone', () => {
  it('is not made, and leaves nothing open', () => {
    rmSync(join(directory, 'stderr'));
    const forwarder = { send: () => undefined, close: vi.fn() };
    const open = () => readdirSync('/proc/self/fd').map((fd) => readlinkOrNothing(`/proc/self/fd/${fd}`));
    expect(
      () =>
        new OutputPump({
          directory,
          streams: ['stdout', 'stderr'],
          logFile: { path: logPath(), maxSize: undefined, maxFiles: 1 },
          deliver: () => true,
          forwarder,
          log: createLogger({ name: 'test', level: 'silent' }),
        }),
    ).toThrow('ENOENT');
    expect(open().filter((target) => target.startsWith(directory))).toEqual([]);
    expect(forwarder.close).toHaveBeenCalledOnce();
  });
});

describe('OutputPump', () => {
  it('brings both streams into the log and to clients, and ends with its writers', async () => {
    let seen = '';
    const pump = openPump((stream, piece) => {
      seen += `${stream}:${piece}`;
      return true;
    });
    const out = openSync(join(directory, 'stdout'), 'w');
    const err = openSync(join(directory, 'stderr'), 'w');
    writeSync(out, 'hello\nunfinished');
    writeSync(err, 'oops\n');
    closeSync(out);
    closeSync(err);
    await pump.finish(5000);
    expect(logged('stdout')).toBe('hello\nunfinished');
    expect(logged('stderr')).toBe('oops\n');
    expect(seen).toContain('stdout:hello\nunfinished');
  });

  it('goes on where a killed engine stopped, without loss or doubling', async () => {
    const out = openSync(join(directory, 'stdout'), 'r+'); // as the monitor holds it
    const err = openSync(join(directory, 'stderr'), 'r+');
    let expected = '';
    for (let run = 0; run < 5; run++) {
      const pump = openPump();
      for (let line = 0; line < 200; line++) {
        const text = `run ${run} line ${line}${line % 7 === 0 ? ' without end ' : '\n'}`;
        writeSync(out, text);
        expected += text;
      }
      await expect.poll(() => existsSync(logPath()) && readFileSync(logPath(), 'utf8')).toContain(`run ${run} `);
      pump.detach(); // what a kill leaves: FIFOs, spools, checkpoint, log
      // a kill between the append and the checkpoint leaves more in the log than the checkpoint says
      appendFileSync(
        logPath(),
        '{"log":"appended, not accounted for\\n","stream":"stdout","time":"2026-01-01T00:00:00Z"}\n{"log":"torn',
      );
    }
    const last = openPump();
    closeSync(out);
    closeSync(err);
    await last.finish(5000);
    expect(logged('stdout')).toBe(expected);
  });

  it('holds output back while a client lags behind', async () => {
    let isOpen = false;
    let pieces = 0;
    const pump = openPump(() => {
      pieces++;
      return isOpen;
    });
    const out = openSync(join(directory, 'stdout'), 'w');
    const err = openSync(join(directory, 'stderr'), 'w');
    writeSync(out, 'first\n');
    await expect.poll(() => pieces).toBe(1);
    writeSync(out, 'second\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(pieces).toBe(1);
    isOpen = true;
    pump.resume();
    closeSync(out);
    closeSync(err);
    await pump.finish(5000);
    expect(logged('stdout')).toBe('first\nsecond\n');
  });

  it('rotates by size and keeps so many files', async () => {
    const pump = openPump(() => true, 2000);
    const out = openSync(join(directory, 'stdout'), 'w');
    const err = openSync(join(directory, 'stderr'), 'w');
    for (let line = 0; line < 100; line++) {
      writeSync(out, `line ${line}\n`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    closeSync(out);
    closeSync(err);
    await pump.finish(5000);
    const kept = [`${logPath()}.2`, `${logPath()}.1`, logPath()].map((path) => logged('stdout', path)).join('');
    const all = Array.from({ length: 100 }, (_, line) => `line ${line}\n`).join('');
    expect(all.endsWith(kept)).toBe(true);
    expect(kept.length).toBeGreaterThan(100);
  });
});

describe('readLog', () => {
  const base = () => ({
    path: logPath(),
    maxFiles: 1,
    tail: undefined,
    since: undefined,
    until: undefined,
    follow: undefined,
    signal: new AbortController().signal,
  });

  async function collect(query: Parameters<typeof readLog>[0]): Promise<string> {
    let text = '';
    for await (const entries of readLog(query)) for (const entry of entries) text += entry.text;
    return text;
  }

  function writeLines(from: number, to: number): void {
    for (let second = from; second < to; second++) {
      const time = `2026-01-01T00:00:${String(second).padStart(2, '0')}.5Z`;
      appendFileSync(logPath(), `${JSON.stringify({ log: `${second}\n`, stream: 'stdout', time })}\n`);
    }
  }

  it('finds the last lines', async () => {
    writeLines(0, 20);
    expect(await collect({ ...base(), tail: 3 })).toBe('17\n18\n19\n');
    expect(await collect({ ...base(), tail: 0 })).toBe('');
    expect(await collect({ ...base(), tail: 20 })).toBe(await collect(base()));
    expect(await collect({ ...base(), tail: 99 })).toBe(await collect(base()));
  });

  it('keeps to since and until', async () => {
    writeLines(0, 20);
    const second = 1_000_000_000n;
    const start = BigInt(Date.parse('2026-01-01T00:00:00Z')) * 1_000_000n;
    expect(await collect({ ...base(), since: start + 5n * second, until: start + 8n * second })).toBe('5\n6\n7\n');
  });

  it('follows a log that grows until the container ends', async () => {
    const pump = openPump();
    const out = openSync(join(directory, 'stdout'), 'w');
    const err = openSync(join(directory, 'stderr'), 'w');
    const reading = pump.file === undefined ? Promise.resolve('') : collect({ ...base(), follow: pump.file });
    let expected = '';
    for (let line = 0; line < 50; line++) {
      writeSync(out, `followed ${line}\n`);
      expected += `followed ${line}\n`;
      if (line % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    closeSync(out);
    closeSync(err);
    await pump.finish(5000);
    expect(await reading).toBe(expected);
  });
});
