// `run -it` through a real pty: input echoes, the size follows the terminal's, and the terminal is as it was afterwards.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { binDirectory } from '../harness/repository.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
  expect((await stack.tsctl(['load', '-q', '-i', await busyboxArchive()])).code).toBe(0);
});
afterAll(async () => {
  await stack?.stop();
});

function expectScript(script: string) {
  return run('expect', ['-c', `set timeout 15\n${script}`], {
    env: {
      DOCKER_HOST: `unix://${stack.socket}`,
      PATH: `${binDirectory}:${process.env.PATH}`,
      TERM: 'xterm',
    },
  });
}

/** Waits for a text; ends with a word of its own on silence or end. Expect takes one braced block only when it has several lines. */
const expectText = (text: string, what: string) => `expect {
        "${text}" {}
        timeout { puts "FAILED: ${what}"; exit 9 }
        eof { puts "ENDED: ${what}"; exit 8 }
      }`;

describe.each(['tsctl', '/usr/bin/docker'])('%s run -it', (client) => {
  it('is a terminal with the size of ours, and gives the exit code', async () => {
    const result = await expectScript(`
      spawn sh -c "stty rows 31 cols 117; ${client} run -it --rm --network none busybox sh; echo exit=\\$?"
      ${expectText('# ', 'prompt')}
      sleep 0.5
      send "tty; stty size\\r"
      ${expectText('/dev/pts/0', 'tty')}
      ${expectText('31 117', 'size')}
      send "exit 42\\r"
      ${expectText('exit=42', 'exit code')}
      puts "ALL GOOD"
    `);
    expect(result.stdout).toContain('ALL GOOD');
  });

  it('follows a resize and hands ctrl-c to the program', async () => {
    const result = await expectScript(`
      spawn sh -c "stty rows 24 cols 80; ${client} run -it --rm --network none busybox sh; echo over"
      ${expectText('# ', 'prompt')}
      sleep 1
      stty rows 40 columns 100 < $spawn_out(slave,name)
      sleep 1
      send "stty size\\r"
      ${expectText('40 100', 'resized')}
      send "sleep 100\\r"
      sleep 0.5
      send "\\003"
      ${expectText('# ', 'interrupted')}
      send "exit\\r"
      ${expectText('over', 'end')}
      puts "ALL GOOD"
    `);
    expect(result.stdout).toContain('ALL GOOD');
  });
});

/** A shell script that says `same as before` when a command left the terminal's settings as they were. */
function settingsScript(command: string): string {
  const path = join(stack.directory, 'settings.sh');
  writeFileSync(path, `before=$(stty -g)\n${command}\ntest "$before" = "$(stty -g)" && echo same as before\n`);
  return path;
}

describe('the terminal afterwards', () => {
  it('is restored when the container ends', async () => {
    const script = settingsScript('tsctl run -it --rm --network none busybox true');
    const result = await expectScript(`
      spawn sh ${script}
      ${expectText('same as before', 'restored')}
      puts "ALL GOOD"
    `);
    expect(result.stdout).toContain('ALL GOOD');
  });

  it('is restored when tsctl is ended by a signal', async () => {
    const script = settingsScript(
      '(until tsctl inspect -f "{{.State.Running}}" victim 2>/dev/null | grep -q true; do sleep 0.1; done; sleep 0.3; kill -TERM $(pgrep -f "[t]sctl.*--name victim")) & tsctl run -it --sig-proxy=false --name victim --network none busybox sleep 60',
    );
    const result = await expectScript(`
      spawn sh ${script}
      ${expectText('same as before', 'restored')}
      puts "ALL GOOD"
    `);
    expect(result.stdout).toContain('ALL GOOD');
    await stack.tsctl(['rm', '-f', 'victim']);
  });
});
