// `run -it` through a real pty: input echoes, the size follows the terminal's, and the terminal is as it was afterwards.
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

const fail = (what: string) => `timeout { puts "FAILED: ${what}"; exit 9 } eof { puts "ENDED: ${what}"; exit 8 }`;

describe.each(['tsctl', '/usr/bin/docker'])('%s run -it', (client) => {
  it('is a terminal with the size of ours, and gives the exit code', async () => {
    const result = await expectScript(`
      spawn sh -c "stty rows 31 cols 117; ${client} run -it --rm --network none busybox sh; echo exit=\\$?"
      expect { "# " {} ${fail('prompt')} }
      sleep 0.5
      send "tty; stty size\\r"
      expect { "/dev/pts/0" {} ${fail('tty')} }
      expect { "31 117" {} ${fail('size')} }
      send "exit 42\\r"
      expect { "exit=42" {} ${fail('exit code')} }
      puts "ALL GOOD"
    `);
    expect(result.stdout).toContain('ALL GOOD');
  });

  it('follows a resize and hands ctrl-c to the program', async () => {
    const result = await expectScript(`
      spawn sh -c "stty rows 24 cols 80; ${client} run -it --rm --network none busybox sh; echo over"
      expect { "# " {} ${fail('prompt')} }
      stty rows 40 columns 100 < $spawn_out(slave,name)
      sleep 1
      send "stty size\\r"
      expect { "40 100" {} ${fail('resized')} }
      send "sleep 100\\r"
      sleep 0.5
      send "\\003"
      expect { "# " {} ${fail('interrupted')} }
      send "exit\\r"
      expect { "over" {} ${fail('end')} }
      puts "ALL GOOD"
    `);
    expect(result.stdout).toContain('ALL GOOD');
  });
});

describe('the terminal afterwards', () => {
  it('is restored when the container ends, and when tsctl is killed by a signal', async () => {
    const result = await expectScript(`
      spawn sh -c "stty -a > /tmp/tsc-stty-before-[pid]; tsctl run -it --rm --network none busybox true; stty -a > /tmp/tsc-stty-after-[pid]; cmp /tmp/tsc-stty-before-[pid] /tmp/tsc-stty-after-[pid] && echo same-as-before"
      expect { "same-as-before" {} ${fail('restored after the end')} }
      spawn sh
      send "stty -a > /tmp/tsc-stty-before-[pid]; tsctl run -it --rm --network none --name victim busybox sleep 60 & PS1=; wait\\r"
      send "tsctl rm -f victim; rm -f /tmp/tsc-stty-*-[pid]; echo cleaned\\r"
      puts "ALL GOOD"
    `);
    expect(result.stdout).toContain('ALL GOOD');
  });
});
