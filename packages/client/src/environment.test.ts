// Docker's rules of which engine is meant.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseEndpoint } from './environment.ts';

let configDirectory: string;

function addContext(name: string, host: string, certificates: string[] = []): void {
  const id = createHash('sha256').update(name).digest('hex');
  const meta = join(configDirectory, 'contexts', 'meta', id);
  mkdirSync(meta, { recursive: true });
  writeFileSync(join(meta, 'meta.json'), JSON.stringify({ Name: name, Endpoints: { docker: { Host: host } } }));
  const tls = join(configDirectory, 'contexts', 'tls', id, 'docker');
  if (certificates.length > 0) mkdirSync(tls, { recursive: true });
  for (const file of certificates) writeFileSync(join(tls, file), file);
}

beforeAll(() => {
  configDirectory = mkdtempSync(join(tmpdir(), 'tsc-config-'));
  writeFileSync(join(configDirectory, 'config.json'), JSON.stringify({ currentContext: 'current' }));
  addContext('current', 'unix:///current.sock');
  addContext('remote', 'tcp://engine:2376', ['ca.pem']);
});
afterAll(() => rmSync(configDirectory, { recursive: true, force: true }));

describe('chooseEndpoint', () => {
  const choose = (choice: object, environment: Record<string, string> = {}) =>
    chooseEndpoint({ configDirectory, ...choice }, environment);

  it('takes what is said over DOCKER_HOST, DOCKER_CONTEXT and the current context, in this order', () => {
    const environment = { DOCKER_HOST: 'unix:///host.sock', DOCKER_CONTEXT: 'remote' };
    expect(choose({ host: '/said.sock' }, environment).socketPath).toBe('/said.sock');
    expect(choose({ context: 'current' }, environment).socketPath).toBe('/current.sock');
    expect(choose({}, environment).socketPath).toBe('/host.sock');
    expect(choose({}, { DOCKER_CONTEXT: 'remote' }).host).toBe('engine');
    expect(choose({}).socketPath).toBe('/current.sock');
    expect(choose({}, { DOCKER_CONTEXT: 'default' }).socketPath).toMatch(/\.sock$/);
  });

  it('reads the certificates of a context, and of DOCKER_CERT_PATH', () => {
    const remote = choose({ context: 'remote' });
    expect(remote).toMatchObject({ port: 2376, tls: { ca: Buffer.from('ca.pem'), rejectUnauthorized: true } });
    const environment = { DOCKER_HOST: 'tcp://other', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: configDirectory };
    expect(choose({}, environment)).toMatchObject({ host: 'other', port: 2376, tls: { rejectUnauthorized: true } });
    expect(choose({}, { DOCKER_HOST: 'tcp://other' })).toEqual({ url: 'tcp://other', host: 'other', port: 2375 });
  });

  it('says what is wrong with a context or a host', () => {
    expect(() => choose({ context: 'nosuch' })).toThrow('context "nosuch": not found');
    expect(() => choose({ host: 'ssh://engine' })).toThrow('unable to parse docker host');
  });
});
