// A program: a DNS server that knows everything below `test`, by UDP and TCP; the upstream of embedded servers in tests.
//
// usage: dns-authority.ts ADDRESS
// nx.* do not exist, fail.* fail, big.* have an answer that is too long for UDP; all others have 198.51.100.7.
import dgram from 'node:dgram';
import net from 'node:net';

const [address = ''] = process.argv.slice(2);

function answer(message: Buffer, byTcp: boolean): Buffer {
  let at = 12;
  while (message[at] !== 0) at += (message[at] ?? 0) + 1;
  const type = message.readUInt16BE(at + 1);
  const question = message.subarray(12, at + 5);
  const name = message.toString('latin1', 13, at);
  const code = name.startsWith('nx') ? 3 : name.startsWith('fail') ? 2 : 0;
  const record = (data: Buffer) => {
    const head = Buffer.from([0xc0, 12, type >> 8, type & 255, 0, 1, 0, 0, 0, 60, data.length >> 8, data.length & 255]);
    return Buffer.concat([head, data]);
  };
  const text = Buffer.concat([Buffer.from([200]), Buffer.alloc(200, 'x')]);
  const answers =
    code !== 0
      ? []
      : name.startsWith('big')
        ? Array.from({ length: 5 }, () => record(text))
        : type === 1
          ? [record(Buffer.from([198, 51, 100, 7]))]
          : [];
  const isCut = name.startsWith('big') && !byTcp;
  const header = Buffer.from(message.subarray(0, 12));
  header.writeUInt16BE(0x8180 | code | (isCut ? 0x200 : 0), 2);
  header.writeUInt16BE(isCut ? 0 : answers.length, 6);
  header.writeUInt32BE(0, 8);
  return Buffer.concat([header, question, ...(isCut ? [] : answers)]);
}

const udp = dgram.createSocket('udp4');
udp.on('message', (message, from) => udp.send(answer(message, false), from.port, from.address));
net
  .createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      const reply = answer(chunk.subarray(2), true);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(reply.length);
      socket.write(Buffer.concat([length, reply]));
    });
  })
  .listen(53, address, () => udp.bind(53, address, () => process.stdout.write('listens\n')));
