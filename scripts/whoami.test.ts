// The embedded image's program: each builtin does what its name says, the loop over them too.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram } from './build-program.ts';
import { rootPath } from './freshness.ts';

const program = rootPath('build/whoami');
let scratch: string;
beforeAll(() => {
  buildProgram('whoami', program);
  scratch = mkdtempSync(join(tmpdir(), 'tsc-whoami-'));
}, 120_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const run = (args: string[], input?: string) =>
  spawnSync(program, args, { encoding: 'utf8', cwd: scratch, ...(input === undefined ? {} : { input }) });
const output = (...args: string[]): string => execFileSync(program, args, { encoding: 'utf8', cwd: scratch });

describe('whoami', () => {
  it('says who it is: process, namespaces, privileges, resources, mounts', () => {
    const report = output();
    const uts = execFileSync('readlink', ['/proc/self/ns/uts'], { encoding: 'utf8' }).trim();
    expect(report).toContain(`uts              ${uts}`);
    expect(report).toMatch(/user {13}0\(root\)/);
    expect(report).toMatch(/effective +\S*CHOWN|effective +all/);
    for (const heading of ['confinement', 'resources', 'network interfaces', 'mounts']) {
      expect(report).toContain(`\n${heading}\n`);
    }
  });

  it('says what it is not: pid 1 in a new pid namespace, no capabilities when dropped', () => {
    const script = `unshare -pf --kill-child setpriv --bounding-set=-all --inh-caps=-all --no-new-privs ${program}`;
    const report = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
    expect(report).toMatch(/pid {14}1\n/);
    expect(report).toMatch(/bounding +none/);
    expect(report).toMatch(/no new privs +yes/);
  });

  it('runs the builtin that its first argument or its own name says', () => {
    expect(output('echo', 'a', ' b')).toBe('a  b\n');
    expect(output('id')).toMatch(/^uid=0\(root\) gid=0\(root\) groups=/);
    expect(run(['exit', '42']).status).toBe(42);
    expect(run(['false']).status).toBe(1);
    expect(run(['nonsense'])).toMatchObject({ status: 127, stderr: expect.stringContaining('no such command') });
    const byName = spawnSync(program, ['7', '0'], { argv0: '/bin/count', encoding: 'utf8' });
    expect(byName.stdout).toBe('1\n2\n3\n4\n5\n6\n7\n');
  });

  it('makes, shows and lists files', () => {
    writeFileSync(join(scratch, 'text'), 'content');
    expect(output('cat', 'text')).toBe('content');
    expect(run(['cat'], 'from stdin').stdout).toBe('from stdin');
    output('touch', 'made');
    expect(output('ls', '-ln', scratch)).toMatch(/^-rw-r--r-- +1 +0 +0 +0 .* made$/m);
    expect(run(['cat', 'none'])).toMatchObject({ status: 1, stderr: 'cat none: No such file or directory\n' });
  });

  it('lists processes, itself with its name', () => {
    expect(output('ps')).toMatch(new RegExp(`^ *${process.pid} .*`, 'm'));
  });
});

describe('its shell', () => {
  it('reads lines: words, quotes, variables, conditions, redirection', () => {
    const lines = [
      'echo "a  b" c',
      'false || echo or',
      'true && echo and',
      'false',
      'echo status $?',
      'echo x > out; cat out',
    ];
    const shell = run(['sh'], `${lines.join('\n')}\n`);
    expect(shell.stdout).toBe('a  b c\nor\nand\nstatus 1\nx\n');
    expect(existsSync(join(scratch, 'out'))).toBe(true);
  });

  it('ends with the status of its last command, of exit, and of what does not exist', () => {
    expect(run(['sh', '-c', 'exit 7']).status).toBe(7);
    expect(run(['sh', '-c', 'true; false']).status).toBe(1);
    expect(run(['sh', '-c', '/no/such/program']).status).toBe(127);
  });

  it('runs programs that are not its own', () => {
    expect(run(['sh', '-c', 'uname -s']).stdout).toBe('Linux\n');
  });
});
