// A program: a registry's token server (docker's token authentication), run inside a test's network namespace.
//
// usage: token-server.ts PORT KEY_PEM CERTIFICATE_PEM USER:PASSWORD LOG
// Anonymous callers get a token without any access; the user gets what was asked for.
import { createSign, randomUUID, X509Certificate } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import http from 'node:http';

const [port, keyFile, certificateFile, account, log] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const key = readFileSync(keyFile);
const x5c = [new X509Certificate(readFileSync(certificateFile)).raw.toString('base64')];

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

function sign(claims: object): string {
  const signed = `${encode({ typ: 'JWT', alg: 'RS256', x5c })}.${encode(claims)}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key).toString('base64url')}`;
}

http
  .createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://token');
    const given = Buffer.from(request.headers.authorization?.replace(/^Basic /, '') ?? '', 'base64').toString();
    appendFileSync(
      log,
      `${given === '' ? 'anonymous' : given.split(':')[0]} ${url.searchParams.getAll('scope').join(',')}\n`,
    );
    if (given !== '' && given !== account) {
      response.writeHead(401, { 'content-type': 'application/json' });
      return response.end('{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}');
    }
    const now = Math.floor(Date.now() / 1000);
    const access = given === '' ? [] : url.searchParams.getAll('scope').map(toAccess);
    const claims = {
      iss: 'test-issuer',
      sub: given.split(':')[0],
      aud: url.searchParams.get('service'),
      nbf: now - 10,
      iat: now,
      exp: now + 300,
      jti: randomUUID(),
      access,
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    return response.end(JSON.stringify({ token: sign(claims), expires_in: 300 }));
  })
  .listen(Number(port), '127.0.0.1');

/** `repository:box:pull,push`. */
function toAccess(scope: string): object {
  const [type, name, actions = ''] = scope.split(':');
  return { type, name, actions: actions.split(',') };
}
