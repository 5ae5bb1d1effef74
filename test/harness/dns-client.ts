// A program: asks a DNS server questions and prints the answers as JSON; run inside a container's network namespace.
//
// usage: dns-client.ts SERVER '[["name",type,"udp"|"tcp"],…]'   |   dns-client.ts SERVER --rate NAME COUNT
import dgram from 'node:dgram';
import net from 'node:net';

const [server = '', what = '', name = '', count = '0'] = process.argv.slice(2);
const timeoutMs = 6000;

function query(id: number, text: string, type: number): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(0x0100, 2);
  header.writeUInt16BE(1, 4);
  const labels = text.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([header, ...labels, Buffer.from([0, type >> 8, type & 255, 0, 1])]);
}

function readName(message: Buffer, from: number): [string, number] {
  const labels: string[] = [];
  let at = from;
  let end = -1;
  for (;;) {
    const length = message[at] ?? 0;
    if (length >= 0xc0) {
      if (end < 0) end = at + 2;
      at = message.readUInt16BE(at) & 0x3fff;
      continue;
    }
    at++;
    if (length === 0) break;
    labels.push(message.toString('latin1', at, at + length));
    at += length;
  }
  return [labels.join('.'), end < 0 ? at : end];
}

/** Code, truncation and the answers' data, in an order that does not depend on chance. */
function summary(message: Buffer | undefined): object {
  if (message === undefined) return { lost: true };
  const flags = message.readUInt16BE(2);
  const answers: string[] = [];
  let [, at] = readName(message, 12);
  at += 4;
  for (let left = message.readUInt16BE(6); left > 0; left--) {
    const [, after] = readName(message, at);
    const type = message.readUInt16BE(after);
    const length = message.readUInt16BE(after + 8);
    const data = message.subarray(after + 10, after + 10 + length);
    const text =
      type === 1 ? [...data].join('.') : type === 12 ? readName(message, after + 10)[0] : data.toString('hex');
    answers.push(`${type} ${text.slice(0, 80)}`);
    at = after + 10 + length;
  }
  return { code: flags & 0xf, isCut: (flags & 0x200) !== 0, answers: answers.sort() };
}

function askByUdp(text: string, type: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket('udp4');
    const end = (message?: Buffer) => {
      clearTimeout(timer);
      socket.close();
      resolve(message);
    };
    const timer = setTimeout(() => end(), timeoutMs);
    socket.on('message', (message) => end(message));
    socket.send(query(7, text, type), 53, server);
  });
}

function askByTcp(text: string, type: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const socket = net.connect({ host: server, port: 53 }, () => {
      const message = query(7, text, type);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(message.length);
      socket.write(Buffer.concat([length, message]));
    });
    socket.setTimeout(timeoutMs, () => socket.destroy());
    socket.on('error', () => resolve(undefined));
    socket.on('close', () => resolve(undefined));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      resolve(received.subarray(2));
      socket.destroy();
    });
  });
}

/** `count` questions evenly over one second. */
function rate(total: number): Promise<object> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket('udp4');
    const pending = new Set<number>();
    let sent = 0;
    let right = 0;
    const began = performance.now();
    socket.on('message', (message) => {
      if (pending.delete(message.readUInt16BE(0)) && message.readUInt16BE(6) > 0) right++;
      if (right === total) finish();
    });
    const finish = () => {
      clearInterval(ticker);
      clearTimeout(timer);
      socket.close();
      resolve({ sent, right, elapsedMs: Math.round(performance.now() - began) });
    };
    const timer = setTimeout(finish, 10_000);
    const ticker = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * total));
      for (; sent < due; sent++) {
        pending.add(sent);
        socket.send(query(sent, name, 1), 53, server);
      }
    }, 1);
    socket.bind(0, () => socket.setRecvBufferSize(1 << 20));
  });
}

if (what === '--rate') process.stdout.write(JSON.stringify(await rate(Number(count))));
else {
  const results: object[] = [];
  for (const [text, type, protocol] of JSON.parse(what) as [string, number, string][])
    results.push(summary(await (protocol === 'tcp' ? askByTcp(text, type) : askByUdp(text, type))));
  process.stdout.write(JSON.stringify(results));
}
