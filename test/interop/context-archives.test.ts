// Contexts out of archives that others made, by docker's client and by tsctl: the same words, the same files afterwards.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, runOk } from '../harness/command.ts';
import { binDirectory } from '../harness/repository.ts';

let scratch: string;

beforeAll(() => {
  scratch = mkdtempSync('/tmp/tsc-contexts-');
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const meta = JSON.stringify({
  Name: 'old',
  Metadata: { Description: 'a place' },
  Endpoints: { docker: { Host: 'tcp://127.0.0.1:1', SkipTLSVerify: false } },
});
const good: [name: string, content: string][] = [
  ['meta.json', meta],
  ['tls/docker/ca.pem', 'the authority\n'.repeat(500)],
  ['tls/docker/cert.pem', 'the certificate'],
];

/** Python's zipfile and tarfile make it: `kind` deflated, stored, streamed (lengths after the data), or tar. */
const program = `
import io, json, sys, tarfile, zipfile
kind, path = sys.argv[1:3]
files = json.load(sys.stdin)
class Unseekable(io.RawIOBase):
    def __init__(self, out): self.out = out
    def writable(self): return True
    def write(self, data): return self.out.write(data)
if kind == "tar":
    with tarfile.open(path, "w") as t:
        for name, content in files:
            info = tarfile.TarInfo(name); info.size = len(content)
            t.addfile(info, io.BytesIO(content.encode()))
else:
    out = open(path, "wb")
    method = zipfile.ZIP_STORED if kind == "stored" else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(Unseekable(out) if kind == "streamed" else out, "w", method) as z:
        z.comment = b"a comment"
        for name, content in files:
            if name.endswith("/"): z.mkdir(name) if hasattr(z, "mkdir") else z.writestr(zipfile.ZipInfo(name), "")
            else: z.writestr(name, content)
`;

async function archive(kind: string, files: [string, string][]): Promise<string> {
  const path = join(mkdtempSync(join(scratch, 'archive-')), `context.${kind === 'tar' ? 'tar' : 'zip'}`);
  await runOk('python3', ['-c', program, kind, path], { input: JSON.stringify(files) });
  return path;
}

/** Every file of a configuration directory with its content. */
function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => `${path.slice(directory.length)}: ${readFileSync(path, 'utf8')}`)
    .sort();
}

async function imported(client: string, path: string, input?: Buffer) {
  const config = mkdtempSync(join(scratch, 'config-'));
  mkdirSync(config, { recursive: true });
  const command = ['--config', config, 'context', 'import', 'new', input === undefined ? path : '-'];
  const { code, stdout, stderr } = await run(client, command, input === undefined ? {} : { input });
  return { code, stdout, stderr: stderr.trim(), files: filesBelow(config) };
}

async function byBoth(path: string, input?: Buffer) {
  const theirs = await imported('/usr/bin/docker', path, input);
  const ours = await imported(join(binDirectory, 'tsctl'), path, input);
  return { theirs, ours };
}

describe('a context', () => {
  it.each(['deflated', 'stored', 'streamed', 'tar'])('is read from an archive: %s', async (kind) => {
    const path = await archive(kind, [...good, ...((kind === 'tar' ? [] : [['tls/', '']]) as [string, string][])]);
    const { theirs, ours } = await byBoth(path);
    expect(ours).toEqual(theirs);
    expect(ours.code).toBe(0);
    expect(ours.files).toHaveLength(3);
    expect(ours.files.join()).toContain('the authority');
  });

  it('is read from a zip on standard input', async () => {
    const { theirs, ours } = await byBoth('', readFileSync(await archive('deflated', good)));
    expect([ours, ours.code]).toEqual([theirs, 0]);
  });

  it.each([
    ['deflated', ['other.txt', 'tls/../../out', 'tls//docker/x', 'tls/x\\y/z', 'tls/x']],
    ['tar', ['other.txt', 'tls/../../out']],
  ])('is nothing that leads out, or has other files: %s', async (kind, names) => {
    for (const name of names) {
      const { theirs, ours } = await byBoth(
        await archive(kind, [
          ['meta.json', meta],
          [name, 'x'],
        ]),
      );
      expect([name, ours.code, ours.stderr]).toEqual([name, theirs.code, theirs.stderr]);
      expect(ours.files).toEqual([]); // docker has written what came before it
    }
    const { theirs, ours } = await byBoth(await archive(kind, [['tls/docker/ca.pem', 'x']]));
    expect([ours.code, ours.stderr]).toEqual([theirs.code, theirs.stderr]);
  });

  it('is no broken zip', async () => {
    const whole = readFileSync(await archive('deflated', good));
    const broken = [whole.subarray(0, whole.length - 40), whole.subarray(0, 60), Buffer.from(whole)];
    broken[2]?.fill(0x55, 50, 60); // in the data
    for (const bytes of broken) {
      const { theirs, ours } = await byBoth('', bytes);
      expect([theirs.code, ours.code]).toEqual([1, 1]);
      expect(ours.stderr).toMatch(/^zip: /);
      expect(ours.files).toEqual([]);
    }
  });

  it('is nothing that grows beyond ten megabytes', async () => {
    const path = await archive('deflated', [...good, ['tls/docker/key.pem', 'x'.repeat(11_000_000)]]);
    const { code, stderr, files } = await imported(join(binDirectory, 'tsctl'), path);
    expect([code, stderr, files]).toEqual([1, 'read exceeds the defined limit', []]);
  });
});
