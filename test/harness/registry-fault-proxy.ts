// A program: an HTTP proxy before a registry that breaks blobs on purpose, run inside a test's network namespace.
//
// usage: registry-fault-proxy.ts PORT TARGET_PORT corrupt|cut|slow|shred|cut-upload|busy LOG
// corrupt: one byte of every blob is wrong. cut: the first two answers for a large blob end after a third of it.
// slow: large blobs trickle. shred: every answer for a blob ends after a random number of bytes, even none. cut-upload:
// the first two PATCHes break off in their midst. busy: every third request is answered 429 first. LOG gets one line per request: method, path, range.
import { appendFileSync } from 'node:fs';
import http from 'node:http';

const [port, targetPort, mode, log] = process.argv.slice(2) as [string, string, string, string];
const minLargeBytes = 1_000_000;
const maxCuts = 2;
let cuts = 0;
let requests = 0;

http
  .createServer((request, response) => {
    appendFileSync(log, `${request.method} ${request.url} ${request.headers.range ?? '-'}\n`);
    requests++;
    if (mode === 'busy' && requests % 3 === 0) {
      request.resume();
      response.writeHead(429, { 'retry-after': '0' });
      return void response.end('{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}');
    }
    const options = {
      host: '127.0.0.1',
      port: Number(targetPort),
      path: request.url,
      method: request.method,
      headers: request.headers,
    };
    const forward = http.request(options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      const length = Number(answer.headers['content-length'] ?? 0);
      const isBlob = /\/blobs\/sha256:/.test(request.url ?? '') && length > 0;
      if (isBlob && mode === 'corrupt') return corrupt(answer, response);
      if (isBlob && mode === 'cut' && length > minLargeBytes && cuts < maxCuts)
        return cut(answer, response, length / 3);
      if (isBlob && mode === 'shred') return cut(answer, response, Math.floor(Math.random() * (length + 1)));
      if (isBlob && mode === 'slow' && length > minLargeBytes) return trickle(answer, response);
      answer.pipe(response);
    });
    forward.on('error', () => response.destroy());
    if (mode === 'cut-upload' && request.method === 'PATCH' && cuts < maxCuts) {
      cuts++;
      let got = 0;
      request.on('data', (chunk: Buffer) => {
        got += chunk.length;
        if (got > minLargeBytes) request.destroy();
      });
      request.on('close', () => forward.destroy());
    }
    request.pipe(forward);
  })
  .listen(Number(port), '127.0.0.1');

function corrupt(answer: http.IncomingMessage, response: http.ServerResponse): void {
  let isFirst = true;
  answer.on('data', (chunk: Buffer) => {
    if (isFirst) chunk[chunk.length - 1] = (chunk[chunk.length - 1] as number) ^ 0xff;
    isFirst = false;
    response.write(chunk);
  });
  answer.on('end', () => response.end());
}

function cut(answer: http.IncomingMessage, response: http.ServerResponse, after: number): void {
  cuts++;
  let sent = 0;
  response.flushHeaders();
  answer.on('data', (chunk: Buffer) => {
    const part = chunk.subarray(0, Math.max(Math.ceil(after) - sent, 0));
    sent += chunk.length;
    response.write(part);
    if (sent < after) return;
    answer.destroy();
    setTimeout(() => response.destroy(), 50);
  });
  answer.on('error', () => undefined); // we destroyed it
}

async function trickle(answer: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  for await (const chunk of answer) {
    response.write(chunk);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  response.end();
}
