// DNS messages read and written.
import { describe, expect, it } from 'vitest';
import { addressAnswer, addressOfReverseName, dnsType, nameAnswer, readQuestion, writeAnswer } from './dns-message.ts';

function query(name: string, type: number, extra = Buffer.alloc(0), additional = 0): Buffer {
  const header = Buffer.from([0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, additional]);
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, type, 0, 1]), extra]);
}

function question(name: string, type: number) {
  const read = readQuestion(query(name, type));
  if (read === undefined) throw new Error('no question');
  return read;
}

describe('readQuestion', () => {
  it('reads name, type and whether recursion is wanted', () => {
    expect(question('db.mynet', dnsType.a)).toMatchObject({
      id: 0x1234,
      name: 'db.mynet',
      type: 1,
      class: 1,
      maxBytes: 512,
      isRecursionDesired: true,
    });
  });

  it('reads the size of EDNS', () => {
    const opt = Buffer.from([0, 0, 41, 0x10, 0x00, 0, 0, 0, 0, 0, 0]);
    expect(readQuestion(query('a', dnsType.a, opt, 1))?.maxBytes).toBe(4096);
  });

  it.each([
    ['an answer', Buffer.from(query('a', 1)).fill(0x81, 2, 3)],
    ['a cut one', query('abc', 1).subarray(0, 14)],
    ['nothing', Buffer.alloc(0)],
    ['a compressed name', Buffer.concat([query('a', 1).subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])])],
  ])('takes no %s', (_, message) => expect(readQuestion(message)).toBeUndefined());
});

describe('writeAnswer', () => {
  it('repeats the question and points to its name', () => {
    const answer = writeAnswer(question('db', dnsType.a), 0, [addressAnswer('10.0.0.2', 600)]);
    expect(answer.toString('hex')).toBe(
      '1234818000010001000000000264620000010001c00c00010001000002580004' + '0a000002',
    );
  });

  it('cuts what does not fit, and says so', () => {
    const many = Array.from({ length: 100 }, (_, index) => addressAnswer(`10.0.0.${index}`, 600));
    const answer = writeAnswer(question('db', dnsType.a), 0, many, 512);
    expect(answer.length).toBeLessThanOrEqual(512);
    expect((answer[2] ?? 0) & 0x02).toBe(0x02);
    expect(answer.readUInt16BE(6)).toBe(Math.floor((512 - 12 - 8) / 16));
  });

  it('writes names', () => {
    const answer = writeAnswer(question('2.0.0.10.in-addr.arpa', dnsType.ptr), 0, [nameAnswer('db.net', 1)]);
    expect(answer.subarray(-8).toString('latin1')).toBe('\x02db\x03net\0');
  });
});

describe('addressOfReverseName', () => {
  it('reads both families', () => {
    expect(addressOfReverseName('2.0.17.172.in-addr.arpa')).toBe('172.17.0.2');
    expect(addressOfReverseName(`2.${'0.'.repeat(29)}d.f.ip6.arpa`)).toBe('fd00:0000:0000:0000:0000:0000:0000:0002');
    expect(addressOfReverseName('db.mynet')).toBeUndefined();
  });
});
