// Runs dockerode's own mocha suite on the real dockerd and on this engine, and writes the result into docs/compatibility.md.
//
//   node test/conformance/dockerode-suite.ts CHECKOUT [--grep TEXT]
//
// CHECKOUT is the user's own clone of dockerode with `npm install` done: npm's tarball has no tests, and none are kept
// here. With --grep only what matches is run, the results are printed and the page stays.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { run, runOk } from '../harness/command.ts';
import type { NetworkNamespace } from '../harness/network-namespace.ts';
import { startRealDockerd } from '../harness/real-dockerd.ts';
import { startRegistry } from '../harness/registry.ts';
import { startStack } from '../harness/stack.ts';
import { ubuntuArchive } from '../harness/ubuntu-image.ts';
import { type Column, writeClientTable } from './client-table.ts';
import { oneLine } from './tap.ts';

interface Side {
  socket: string;
  network: NetworkNamespace;
  directory: string;
  docker(args: string[]): Promise<unknown>;
  stop(): Promise<void>;
}

interface MochaResult {
  fullTitle: string;
  err: { message?: string };
}

const suiteTimeoutMs = 500_000;
const mirrorPort = 5000;
const mirror = `127.0.0.1:${mirrorPort}`;
/** docker.io is out of reach: pulls of `ubuntu` come from this mirror. */
const daemonFlags = ['--registry-mirror', `http://${mirror}`, '--insecure-registry', mirror];

const { values, positionals } = parseArgs({ allowPositionals: true, options: { grep: { type: 'string' } } });
const checkout = resolve(positionals[0] ?? '');
const mocha = join(checkout, 'node_modules/mocha/bin/mocha.js');
if (positionals[0] === undefined || !existsSync(mocha)) {
  console.error('usage: dockerode-suite CHECKOUT [--grep TEXT], where CHECKOUT has its node_modules');
  process.exit(2);
}
const scratch = mkdtempSync(join(tmpdir(), 'tsc-dockerode-'));

async function suiteOn(name: string, start: () => Promise<Side>): Promise<Column> {
  const side = await start();
  try {
    await startRegistry(side.network, side.directory, { port: mirrorPort, storage: join(side.directory, 'registry') });
    await side.docker(['load', '-q', '-i', await ubuntuArchive()]);
    await side.docker(['tag', 'ubuntu', `${mirror}/library/ubuntu`]);
    await side.docker(['push', '-q', `${mirror}/library/ubuntu`]);
    const column = await mochaIn(side, join(scratch, `${name}.json`));
    for (const result of column.values()) console.log(`${name}: ${result.outcome} ${result.name} ${result.reason}`);
    return column;
  } finally {
    await side.stop();
  }
}

/** In the daemon's network namespace, with the reporter's result in a file: the tests print to stdout themselves. */
async function mochaIn(side: Side, report: string): Promise<Column> {
  const only = values.grep === undefined ? [] : ['--grep', values.grep];
  const args = [mocha, '--exit', '--reporter', 'json', '--reporter-option', `output=${report}`, ...only];
  const [file, all] = side.network.enter(process.execPath, args);
  // its own helper takes DOCKER_SOCKET for a pipe of Windows, and then what DOCKER_HOST says
  const env = { DOCKER_SOCKET: 'unused', DOCKER_HOST: `unix://${side.socket}` };
  await run(file, all, { cwd: checkout, env, timeoutMs: suiteTimeoutMs });
  const { passes, failures, pending } = JSON.parse(readFileSync(report, 'utf8')) as Record<string, MochaResult[]>;
  const column: Column = new Map();
  const add = (results: MochaResult[] | undefined, outcome: 'pass' | 'fail' | 'skip') => {
    for (const { fullTitle, err } of results ?? [])
      column.set(fullTitle, { name: fullTitle, outcome, reason: oneLine(err.message ?? '') });
  };
  add(passes, 'pass');
  add(pending, 'skip');
  add(failures, 'fail'); // last: a hook's failure has the title of its test
  return column;
}

try {
  const theirs = await suiteOn('dockerd', () => startRealDockerd(daemonFlags));
  const ours = await suiteOn('ours', () => startStack({ engineFlags: daemonFlags }));
  const version = (await runOk('git', ['-C', checkout, 'describe', '--tags', '--always'])).trim();
  const behind = [...theirs.values()].filter(
    ({ name, outcome }) => outcome === 'pass' && ours.get(name)?.outcome !== 'pass',
  );
  if (values.grep === undefined) writeClientTable('dockerode', version, ours, theirs);
  console.log(`dockerd passes and this engine does not: ${behind.map(({ name }) => name).join('; ') || 'none'}`);
  process.exitCode = behind.length === 0 ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
