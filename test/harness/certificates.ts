// A certificate authority of a test's own and a server certificate for 127.0.0.1 by it, made with openssl.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOk } from './command.ts';

export interface Certificates {
  ca: string;
  certificate: string;
  key: string;
}

/** Paths of PEM files in `directory`. */
export async function makeCertificates(directory: string): Promise<Certificates> {
  const at = (name: string) => join(directory, name);
  const files = { ca: at('ca.crt'), certificate: at('tls.crt'), key: at('tls.key') };
  const fresh = ['-newkey', 'rsa:2048', '-nodes'];
  const authority = ['req', '-x509', ...fresh, '-keyout', at('ca.key'), '-out', files.ca];
  await runOk('openssl', [...authority, '-days', '2', '-subj', '/CN=test CA']);
  await runOk('openssl', ['req', ...fresh, '-keyout', files.key, '-out', at('tls.csr'), '-subj', '/CN=127.0.0.1']);
  writeFileSync(at('tls.ext'), 'subjectAltName=IP:127.0.0.1\n');
  const signing = ['x509', '-req', '-in', at('tls.csr'), '-CA', files.ca, '-CAkey', at('ca.key'), '-CAcreateserial'];
  await runOk('openssl', [...signing, '-out', files.certificate, '-days', '2', '-extfile', at('tls.ext')]);
  return files;
}

/** Paths of a client's certificate by that authority, and its key: `NAME.cert` and `NAME.key`, as docker wants them. */
export async function makeClientCertificate(
  directory: string,
  authority: Certificates,
  name = 'client',
): Promise<{ certificate: string; key: string }> {
  const at = (file: string) => join(directory, file);
  const files = { certificate: at(`${name}.cert`), key: at(`${name}.key`) };
  const request = ['req', '-newkey', 'rsa:2048', '-nodes', '-keyout', files.key, '-out', at(`${name}.csr`)];
  await runOk('openssl', [...request, '-subj', `/CN=${name}`]);
  writeFileSync(at(`${name}.ext`), 'extendedKeyUsage=clientAuth\n');
  const key = authority.ca.replace(/\.crt$/, '.key');
  const signing = ['x509', '-req', '-in', at(`${name}.csr`), '-CA', authority.ca, '-CAkey', key, '-CAcreateserial'];
  await runOk('openssl', [...signing, '-out', files.certificate, '-days', '2', '-extfile', at(`${name}.ext`)]);
  return files;
}
