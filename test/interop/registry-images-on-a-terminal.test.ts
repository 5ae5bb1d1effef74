// Real images from a real registry on a real terminal: a debootstrap Debian and a busybox, pulled and run with -it by both clients.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../harness/command.ts';
import { busyboxArchive, debianArchive } from '../harness/images.ts';
import { type Registry, skopeoCopy, startRegistry } from '../harness/registry.ts';
import { binDirectory } from '../harness/repository.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let scratch: string;
let registry: Registry;

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-terminal-');
  stack = await startStack();
  registry = await startRegistry(stack.network, scratch, { port: 5000, storage: join(scratch, 'storage') });
  for (const [archive, name] of [
    [await busyboxArchive(), 'busybox:latest'],
    [await debianArchive(), 'debian:bookworm'],
  ])
    await skopeoCopy(stack.network, `docker-archive:${archive}`, `docker://${registry.host}/${name}`);
}, 600_000);

afterAll(async () => {
  await registry?.stop();
  await stack?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

function expectScript(script: string) {
  return run('expect', ['-c', `set timeout 20\n${script}`], {
    env: { DOCKER_HOST: `unix://${stack.socket}`, PATH: `${binDirectory}:${process.env['PATH']}`, TERM: 'xterm' },
  });
}

const expectText = (text: string, what: string) => `expect {
        -re {${text}} {}
        timeout { puts "FAILED: ${what}"; exit 9 }
        eof { puts "ENDED: ${what}"; exit 8 }
      }`;

describe.each(['tsctl', '/usr/bin/docker'])('%s', (client) => {
  it.each([
    ['busybox:latest', 'sh', 'busybox | head -n 1', 'BusyBox v\\d+'],
    [
      'debian:bookworm',
      'bash --norc',
      'cat /etc/debian_version; dpkg -s bash | grep Status',
      '12\\.\\d+\\s+Status: install ok',
    ],
  ])('runs %s -it', async (image, shell, question, answer) => {
    const reference = `${registry.host}/${image}`;
    const pulled = await run(client === 'tsctl' ? join(binDirectory, client) : client, ['pull', reference], {
      env: { DOCKER_HOST: `unix://${stack.socket}` },
      timeoutMs: 120_000,
    });
    expect(pulled).toMatchObject({ stderr: '', code: 0 });
    const session = await expectScript(`
      spawn sh -c "stty rows 33 cols 121; ${client} run -it --rm --network none -e PS1=ready: ${reference} ${shell}; echo exit=\\$?"
      ${expectText('ready:', 'prompt')}
      sleep 0.5
      send "stty size; tty\\r"
      ${expectText('33 121\\s+/dev/pts/0', 'size and tty')}
      send "${question}\\r"
      ${expectText(answer, 'what it is')}
      send "sleep 100\\r"
      sleep 0.5
      send "\\003"
      ${expectText('ready:', 'ctrl-c')}
      send "exit 42\\r"
      ${expectText('exit=42', 'exit code')}
      puts "ALL GOOD"
    `);
    expect(session.stdout).toContain('ALL GOOD');
  });
});
