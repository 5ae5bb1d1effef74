// What a user gets wrong on the command line, beside the real runc with the same words: the exit code is runc's, what is
// said names the mistake, and a mistake of the command line itself comes with the command's usage.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Outcome, until, Workbench } from './bundle.ts';

let bench: Workbench;
let bundle: string;
/** Our container's name and theirs: they would share cgroups under one. */
const ours = `wrong-ours-${process.pid}`;
const theirs = `wrong-theirs-${process.pid}`;

beforeAll(() => {
  bench = new Workbench();
  bundle = bench.bundle(['sleep', '600'], (config) => {
    config['ociVersion'] = '1.0.2';
  });
  for (const name of ['empty', 'broken', 'state']) mkdirSync(join(bench.directory, name));
  writeFileSync(join(bench.directory, 'broken/config.json'), '{"ociVersion":');
});
afterEach(() => {
  bench.run(['delete', '-f', ours]);
  runc(['delete', '-f', theirs]);
  expect(bench.left()).toEqual([]);
});
afterAll(() => {
  expect(bench.cgroups(ours)).toEqual([]);
  bench.dispose();
});

/** ID, BUNDLE and DIRECTORY stand for what only a run knows. */
const filledIn = (args: string[], id: string) =>
  args.map((word) => word.replace(/^ID$/, id).replace('BUNDLE', bundle).replace('DIRECTORY', bench.directory));

const cwd = () => join(bench.directory, 'empty');

function tsrunc(args: string[]): Outcome {
  return bench.run(filledIn(args, ours), { cwd: cwd(), stdio: ['ignore', 'pipe', 'pipe'] });
}

function runc(args: string[]): Outcome {
  const root = join(bench.directory, 'runc');
  const { status, stdout, stderr } = spawnSync('runc', ['--root', root, ...filledIn(args, theirs)], {
    encoding: 'utf8',
    cwd: cwd(),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

/** Wrong words, and what of them is said. */
type Mistake = [words: string, said: RegExp];

function expectAlike([words, said]: Mistake): Outcome {
  const args = words.split(' ').map((word) => (word === "''" ? '' : word));
  const own = tsrunc(args);
  const messages = own.stderr.replaceAll(/^time="[^"]*" level=\w+ msg=(".*")$/gm, (_, text) => JSON.parse(text));
  expect(messages, words).toMatch(said);
  expect(own.status, words).toBe(runc(args).status);
  return own;
}

describe('the words of a command', () => {
  const exactly = /tsrunc: "\w+" requires exactly \d argument\(s\)/;
  const atLeast = /tsrunc: "\w+" requires a minimum of 1 argument\(s\)/;
  const commands = 'checkpoint create delete events exec kill pause ps restore resume run start state update'.split(
    ' ',
  );
  const mistakes: Mistake[] = [
    ...commands.map((name): Mistake => [name, /^(exec|kill|ps)$/.test(name) ? atLeast : exactly]),
    ...commands.map((name): Mistake => [`${name} --lunch`, /flag provided but not defined: --lunch$/m]),
    ...commands.filter((name) => !/^(exec|kill|ps)$/.test(name)).map((name): Mistake => [`${name} a b`, exactly]),
    ['kill a b c', /requires a maximum of 2 argument\(s\)/],
    ['list a', exactly],
    ['spec a', exactly],
    ['features a', exactly],
    ['create -b', /flag needs an argument: -b/],
    ['run --lunch=soup ID', /flag provided but not defined: --lunch$/m],
    ['run --detach=maybe -b BUNDLE ID', /invalid boolean value "maybe" for flag --detach/],
    ['create -d -b BUNDLE ID', /flag provided but not defined: -d$/m],
    ['create --preserve-fds x -b BUNDLE ID', /invalid value "x" for flag --preserve-fds/],
    ['exec --preserve-fds x ID true', /invalid value "x" for flag --preserve-fds/],
  ];

  test.each(mistakes)('%s', (...mistake) => {
    expect(expectAlike(mistake).stdout).toMatch(/^Incorrect Usage(\.|: .*)\n\nNAME:\n {3}tsrunc \w+ - /);
  });

  test.each<Mistake>([
    ['--lunch list', /flag provided but not defined: --lunch/],
    ['--root', /flag needs an argument: --root/],
  ])('%s: the usage of tsrunc itself', (...mistake) => {
    expect(expectAlike(mistake).stdout).toMatch(/^Incorrect Usage\. .*\n\nNAME:\n {3}tsrunc - /);
  });

  test.each<Mistake>([
    ['lunch', /No help topic for 'lunch'/],
    ['help lunch', /No help topic for 'lunch'/],
    ['--log-format xml list', /invalid log-format: xml/],
    ['--log /no/such/directory/log list', /open log \/no\/such\/directory\/log: ENOENT/],
    ['list -f xml', /invalid format option/],
    ['spec -b /no/such/directory', /\/no\/such\/directory\/config.json: ENOENT/],
  ])('%s', (...mistake) => {
    expectAlike(mistake);
  });

  test('a command’s own help is given wherever it is asked for, but for the words of another program', () => {
    for (const words of ['run --help', 'state ID --help', 'run -d ID -h'])
      expect(tsrunc(words.split(' '))).toMatchObject({ status: 0, stdout: expect.stringMatching(/^NAME:/) });
    expect(tsrunc(['run', '-h']).stdout).toContain('--detach, -d');
    expect(tsrunc(['ps', 'ID', '--help']).stderr).toContain('container does not exist');
  });

  test('a flag set to a word of Go’s for no is not set', () => {
    expect(tsrunc(['list', '--quiet=F']).stdout).toMatch(/^ID /);
    expect(tsrunc(['list', '--quiet=1']).stdout).toBe('');
  });
});

describe('create and run', () => {
  test.each<Mistake>([
    ['create ID', /read config .*\/empty\/config.json: ENOENT/],
    ['create -b /no/such/bundle ID', /open bundle \/no\/such\/bundle: ENOENT/],
    ['run -b DIRECTORY/broken ID', /not valid JSON/],
    ['create -b BUNDLE a/b', /check id: "a\/b" is not of/],
    ['create -b BUNDLE ..', /check id: ".." is not of/],
    ["create -b BUNDLE ''", /container id cannot be empty/],
    ['create --pid-file /no/such/directory/pid -b BUNDLE ID', /write pid file/],
    ['create --console-socket /no/such/socket -b BUNDLE ID', /--console-socket needs process.terminal/],
    // runc makes it
    ['restore -b BUNDLE --image-path DIRECTORY/none ID', /\/none: ENOENT/],
  ])('%s', (...mistake) => {
    expectAlike(mistake);
  });

  test('an id that is taken', () => {
    bothCreate();
    expectAlike(['create -b BUNDLE ID', /container with given ID already exists/]);
    expectAlike(['run -b BUNDLE ID', /container with given ID already exists/]);
  });
});

function bothCreate(): void {
  for (const [side, id] of [
    [[bench.stateRoot, 'dist'], ours],
    [['runc', 'runc'], theirs],
  ] as const) {
    const create = ['create', '-b', bundle, id];
    // its output is init's, which would keep a pipe open
    const { status } =
      side[1] === 'dist'
        ? bench.run(create, { stdio: 'ignore' })
        : spawnSync('runc', ['--root', join(bench.directory, 'runc'), ...create], { stdio: 'ignore', timeout: 30_000 });
    expect(status).toBe(0);
  }
}

const both = (...args: string[]) => {
  expect(tsrunc(args)).toMatchObject({ status: 0 });
  expect(runc(args)).toMatchObject({ status: 0 });
};

describe('a container that is not there', () => {
  test.each('checkpoint delete events kill pause ps resume start state update'.split(' '))('%s', (name) => {
    expectAlike([`${name} ID`, /container does not exist/]);
  });
  test('exec', () => {
    expectAlike(['exec ID true', /container does not exist/]);
    rmSync(join(bench.directory, 'empty/checkpoint'), { recursive: true, force: true });
  });
});

describe('a container that is only created', () => {
  test.each(['', 'TERM', 'INT', 'HUP', 'KILL'])('ends by kill ID %s', async (signal) => {
    bothCreate();
    both('kill', 'ID', ...(signal === '' ? [] : [signal]));
    const has = (outcome: Outcome) => outcome.stdout.includes('"stopped"');
    await until(() => has(tsrunc(['state', 'ID'])) && has(runc(['state', 'ID'])));
    both('delete', 'ID');
  });

  test('goes on after a signal that asks for nothing', () => {
    bothCreate();
    both('kill', 'ID', 'WINCH');
    expect(tsrunc(['state', 'ID']).stdout).toContain('"created"');
    both('start', 'ID');
    expect(tsrunc(['exec', 'ID', 'true']).status).toBe(0);
  });
});

describe('a container in the wrong state', () => {
  test('running', () => {
    bothCreate();
    both('start', 'ID');
    expectAlike(['start ID', /cannot start an already running container/]);
    expectAlike(['delete ID', /cannot delete container .* that is not stopped: running/]);
    expectAlike(['resume ID', /container not paused/]);
    expectAlike(['kill ID LUNCH', /unknown signal "LUNCH"/]);
    expectAlike(['kill ID 99', /no signal 99/]);
    expectAlike(['exec ID', /command: missing/]);
    expectAlike(['exec ID no-such-command', /executable file not found in \$PATH/]);
    expectAlike(['exec -u root ID true', /--user: "root" is not a number/]);
    both('exec', '-u', '', 'ID', 'true');
    expectAlike(['exec --cwd relative ID true', /--cwd: "relative" is not an absolute path/]);
    expectAlike(['exec -e WORD ID true', /invalid environment variable: "WORD"/]);
    expectAlike(['exec -p /no/such/file ID', /\/no\/such\/file: ENOENT/]);
    expectAlike(['exec -d -t ID true', /needs --console-socket/]);
    expectAlike(['exec -g x ID true', /invalid value "x" for flag --additional-gids/]);
    expectAlike(['exec --cap CAP_LUNCH ID true', /ignoring unknown or unavailable capabilities: \[CAP_LUNCH\]/]);
    expectAlike(['events --interval 0 ID', /must be greater than 0/]);
    expectAlike(['update --memory much ID', /invalid value for memory/]);
    expectAlike(['update --pids-limit 1x ID', /pids-limit/]);
    expectAlike(['update --cpuset-cpus 9999 ID', /cpuset.cpus: writing 9999/]);
    both('pause', 'ID');
    expectAlike(['pause ID', /container not running/]);
    expectAlike(['exec ID true', /cannot exec in a paused container/]);
    expectAlike(['start ID', /cannot start/]);
    expectAlike(['delete ID', /that is not stopped: paused/]);
    both('resume', 'ID');
    // an empty word, as of a variable that is not set, is no signal of its own
    both('kill', 'ID', '');
    both('kill', 'ID', 'KILL');
  });

  test('stopped', async () => {
    bothCreate();
    both('start', 'ID');
    both('kill', 'ID', 'KILL');
    const has = (outcome: Outcome) => outcome.stdout.includes('"stopped"');
    await until(() => has(tsrunc(['state', 'ID'])) && has(runc(['state', 'ID'])));
    expectAlike(['start ID', /cannot start a container that has stopped/]);
    expectAlike(['exec ID true', /cannot exec in a stopped container/]);
    expectAlike(['kill ID', /container not running/]);
    expectAlike(['pause ID', /container not running/]);
    expectAlike(['resume ID', /container not paused/]);
    expectAlike(['update --pids-limit 5 ID', /container not running/]);
    expectAlike(['events --stats ID', /is not running/]);
    both('ps', 'ID');
    both('delete', 'ID');
    expectAlike(['delete ID', /container does not exist/]);
    both('delete', '-f', 'ID');
  });
});
