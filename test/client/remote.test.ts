// The client over TCP, plain and with mutual TLS: the end of input is half of a close there, too.
import { mkdtempSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates } from '../harness/certificates.ts';
import { runOk } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import type { NetworkNamespace } from '../harness/network-namespace.ts';
import { type RealDockerd, startRealDockerd } from '../harness/real-dockerd.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const program = new URL('remote-program.ts', import.meta.url).pathname;
const whole = {
  output: { exitCode: 0, stdout: 'typed\nafter\n', stderr: '' },
  lines: ['typed', 'after'],
};

async function runProgram(network: NetworkNamespace, ...args: string[]): Promise<unknown> {
  return JSON.parse(await runOk(...network.enter(process.execPath, [program, ...args])));
}

describe('to tsengined over TCP', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ engineFlags: ['-H', 'tcp://127.0.0.1:2375'] });
    await stack.docker(['load', '-q', '-i', await busyboxArchive()]);
  });
  afterAll(() => stack?.stop());

  it('runs a container, whose output goes on after its input', async () => {
    expect(await runProgram(stack.network, 'tcp://127.0.0.1:2375')).toEqual(whole);
  });
});

describe('to dockerd with mutual TLS', () => {
  let dockerd: RealDockerd;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync('/tmp/tsc-tls-');
    const { ca, certificate, key } = await makeCertificates(directory);
    const tls = ['--tlsverify', '--tlscacert', ca, '--tlscert', certificate, '--tlskey', key];
    dockerd = await startRealDockerd(['--bridge=none', '--iptables=false', '-H', 'tcp://127.0.0.1:2376', ...tls]);
    await dockerd.docker(['load', '-q', '-i', await busyboxArchive()]);
  });
  afterAll(async () => {
    await dockerd?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('runs a container, whose output goes on after its input', async () => {
    expect(await runProgram(dockerd.network, 'tcp://127.0.0.1:2376', directory)).toEqual(whole);
  });

  it('is refused without a certificate', async () => {
    const failure = await runProgram(dockerd.network, 'https://127.0.0.1:2376');
    expect(failure).toEqual({ failure: 'ConnectionError' });
  });
});
