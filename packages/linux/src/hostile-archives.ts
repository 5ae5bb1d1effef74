// For tests: layers made to do harm, each with what has to come of it. `outside` is a directory beside the target.
import { Buffer } from 'node:buffer';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { base256, type FixtureEntry, fieldAt, paxRecords, tar, tarEntry } from './tar-fixture.ts';

export interface HostileArchive {
  what: string;
  bytes: Uint8Array;
  /** The entry that the refusal names; '' when nothing could be read. */
  named: string;
}

const evil = 'evil';
const gnu = (type: string, text: string): FixtureEntry => ({ name: '././@LongLink', type, data: `${text}\0` });
const good: FixtureEntry = { name: 'good', data: 'good' };

/** One entry behind a harmless one. */
function entry(
  what: string,
  hostile: FixtureEntry,
  named = hostile.pax?.path?.toString() ?? hostile.name,
): HostileArchive {
  return { what, bytes: tar(good, hostile), named };
}

function numbers(what: string, field: keyof typeof fieldAt, bytes: Buffer | string): HostileArchive {
  const patch = (header: Buffer) => void Buffer.from(bytes).copy(header, fieldAt[field]);
  return { what, bytes: tar(good, { name: evil, data: 'x', patch }), named: evil };
}

/** Refused before its name is known: the entry before it is named instead. */
function unnamed(archive: HostileArchive): HostileArchive {
  return { ...archive, named: 'good' };
}

function pax(what: string, records: Record<string, string | Uint8Array>, named = evil): HostileArchive {
  return { what, bytes: tar(good, { name: evil, data: 'x', pax: records }), named };
}

function paxRaw(what: string, bytes: string): HostileArchive {
  return { what, bytes: tar(good, { name: evil, data: 'x', paxBytes: Buffer.from(bytes) }), named: '' };
}

const names: HostileArchive[] = [
  entry('a name that climbs', { name: '../evil', data: 'x' }),
  entry('a name that descends and climbs further', { name: 'a/b/../../../evil', data: 'x' }),
  entry('a name that climbs behind a dot', { name: './../evil', data: 'x' }),
  entry('an absolute name that climbs', { name: '/../evil', data: 'x' }),
  entry('a name with doubled slashes that climbs', { name: 'a//..//../evil', data: 'x' }),
  entry('the parent itself', { name: '..', type: '5' }),
  entry('a directory outside', { name: '../evil/', type: '5' }, '../evil'),
  entry('a symbolic link outside', { name: '../evil', type: '2', link: '/etc' }),
  entry('a character device outside', { name: '../evil', type: '3', device: [1, 3] }),
  entry('a block device outside', { name: '/../../evil', type: '4', device: [8, 0] }),
  entry('a FIFO outside', { name: '../evil', type: '6' }),
  entry('a climbing name in PAX', { name: 'x', data: 'x', pax: { path: '../evil' } }),
  entry('a climbing prefix', { name: 'evil', prefix: '..', data: 'x' }, '../evil'),
  {
    what: 'a climbing GNU long name',
    bytes: tar(good, gnu('L', '../evil'), { name: 'x', data: 'x' }),
    named: '../evil',
  },
  entry('a name too long for a file', { name: 's', pax: { path: `${'x'.repeat(300)}` } }),
  entry('a path too long for the kernel', { name: 's', pax: { path: 'x/'.repeat(3000) } }, 'x/x/x'),
  { what: 'a root that is a file', bytes: tar(good, { name: './', data: 'x' }), named: '' },
  { what: 'a root that is a link', bytes: tar(good, { name: '.', type: '2', link: '/' }), named: '' },
  { what: 'a name of nothing', bytes: tar(good, { name: '', data: 'x' }), named: '' },
];

const links: HostileArchive[] = [
  entry('a hard link to an outside file', { name: evil, type: '1', link: '../outside/secret' }),
  entry('a hard link to an absolute outside file', { name: evil, type: '1', link: '/../outside/secret' }),
  entry(
    'a hard link outside by PAX',
    { name: evil, type: '1', link: 'good', pax: { linkpath: '../outside/secret' } },
    evil,
  ),
  {
    what: 'a hard link outside by a GNU long link',
    bytes: tar(good, gnu('K', '../outside/secret'), { name: evil, type: '1', link: 'good' }),
    named: evil,
  },
  {
    what: 'a hard link through a symbolic link',
    bytes: tar(good, { name: 'up', type: '2', link: '../outside' }, { name: evil, type: '1', link: 'up/secret' }),
    named: evil,
  },
  entry('a hard link to a directory', { name: evil, type: '1', link: '.' }),
  entry('a hard link to itself', { name: evil, type: '1', link: evil }),
  entry('a hard link to what is not there', { name: evil, type: '1', link: 'nowhere' }),
  {
    what: 'a hard link to a whiteout',
    bytes: tar(good, { name: '.wh.gone' }, { name: evil, type: '1', link: 'gone' }),
    named: evil,
  },
  entry('a symbolic link to nothing', { name: evil, type: '2', link: '' }),
  entry(
    'a symbolic link of more than a path',
    { name: evil, type: '2', link: 'x', pax: { linkpath: 'y'.repeat(5000) } },
    evil,
  ),
];

const parents: HostileArchive[] = [
  {
    what: 'a parent that leads to an outside directory',
    bytes: tar(good, { name: 'up', type: '2', link: '../../outside' }, { name: 'up/evil', data: 'x' }),
    named: 'up',
  },
  {
    what: 'a parent that leads to an absolute directory',
    bytes: tar(good, { name: 'etc', type: '2', link: '/nowhere/outside' }, { name: 'etc/evil', data: 'x' }),
    named: 'etc',
  },
  {
    what: 'a parent in /proc',
    bytes: tar(good, { name: 'p', type: '2', link: '/proc/self/root' }, { name: 'p/evil', data: 'x' }),
    named: 'p',
  },
  {
    what: 'a chain of links that climbs step by step',
    bytes: tar(
      good,
      { name: 'first', type: '2', link: 'second' },
      { name: 'second', type: '2', link: '../../../../outside' },
      { name: 'first/evil', data: 'x' },
    ),
    named: 'first',
  },
  {
    what: 'a loop of links',
    bytes: tar(good, { name: 'l', type: '2', link: 'l' }, { name: 'l/evil', data: 'x' }),
    named: 'l',
  },
  { what: 'a parent that is a file', bytes: tar(good, { name: 'good/evil', data: 'x' }), named: 'good' },
  { what: 'a parent that is a FIFO', bytes: tar({ name: 'p', type: '6' }, { name: 'p/evil' }), named: 'p' },
  {
    what: 'a parent that is a whiteout',
    bytes: tar({ name: '.wh.w' }, { name: 'w', type: '1', link: 'w/x' }),
    named: 'w',
  },
];

const whiteouts: HostileArchive[] = [
  entry('a whiteout outside', { name: '../.wh.secret' }),
  entry('an opaque mark outside', { name: '../.wh..wh..opq' }),
  entry('a whiteout of nothing', { name: 'd/.wh.' }),
  entry('a whiteout of the directory itself', { name: 'd/.wh..' }),
  entry('a whiteout of the parent', { name: 'd/.wh...' }),
  entry('a whiteout made as a device', { name: evil, type: '3', device: [0, 0] }),
  { what: 'a whiteout below a file', bytes: tar(good, { name: 'good/.wh.x' }), named: 'good' },
];

const headers: HostileArchive[] = [
  unnamed(numbers('a negative size', 'size', base256(-1n, 12))),
  unnamed(numbers('a size of eight exbibytes', 'size', base256(0x7fff_ffff_ffff_ffffn, 12))),
  numbers('an owner of -1', 'uid', base256(0xffff_ffffn, 8)),
  numbers('a negative owner', 'uid', base256(-5n, 8)),
  numbers('a group beyond 32 bits', 'gid', base256(0x1_0000_0000n, 8)),
  pax('a negative size in PAX', { size: '-1' }, ''),
  pax('a size in PAX that the data do not have', { size: '99999999999' }, ''),
  pax('an owner in PAX that is none', { uid: '4294967295' }),
  pax('an attribute larger than any', { 'SCHILY.xattr.user.big': Buffer.alloc(70_000, 120) }),
  paxRaw('a PAX record whose length is zero', '0 path=x\n'),
  paxRaw('a PAX record longer than its header', '9999 path=x\n'),
  paxRaw('a PAX record without an end', '9 path=xyz'),
  paxRaw('a PAX record without a length', 'path=x\n'),
  {
    what: 'a PAX header that claims gigabytes',
    bytes: Buffer.concat([tarEntry(good), tarEntry({ name: 'x', type: 'x', size: 0o77777777777 }), tar()]),
    named: '',
  },
  {
    what: 'a GNU long name that claims gigabytes',
    bytes: Buffer.concat([tarEntry(good), tarEntry({ name: 'x', type: 'L', size: 0o77777777777 }), tar()]),
    named: '',
  },
  { what: 'a directory with data', bytes: tar({ name: 'd/', type: '5', data: 'lost' }, good), named: '' },
  {
    what: 'a sum that is wrong',
    bytes: Buffer.concat([tarEntry(good), Buffer.alloc(512, 1), tar()]),
    named: 'good',
  },
  { what: 'a file cut short', bytes: tarEntry({ name: evil, data: 'x', size: 10_000 }), named: evil },
  {
    what: 'a header cut short',
    bytes: Buffer.concat([tarEntry(good), tarEntry({ name: evil }).subarray(0, 300)]),
    named: '',
  },
];

function sparse(what: string, map: string, realsize: string): HostileArchive {
  const data = Buffer.concat([Buffer.from(map.padEnd(512, '\0'), 'latin1'), Buffer.from('tail')]);
  const records = {
    'GNU.sparse.major': '1',
    'GNU.sparse.minor': '0',
    'GNU.sparse.name': evil,
    'GNU.sparse.realsize': realsize,
  };
  return { what, bytes: tar(good, { name: 'GNUSparseFile.0/evil', data, pax: records }), named: '' };
}

const sparseFiles: HostileArchive[] = [
  sparse('a sparse map that is not numbers', 'x\n', '10'),
  sparse('a sparse map with a negative offset', '1\n-5\n4\n', '100'),
  sparse('a sparse map of more pieces than bytes', '99999999\n', '100'),
  sparse('a sparse file larger than any disk', '1\n0\n4\n', '9223372036854775807'),
];

const wholes: HostileArchive[] = [
  { what: 'text', bytes: Buffer.from('this is not an archive\n'.repeat(100)), named: '' },
  {
    what: 'a gzip stream cut short',
    bytes: gzipSync(tar({ name: 'a', data: noise(100_000) })).subarray(0, 5000),
    named: '',
  },
  { what: 'a gzip stream that is damaged', bytes: Buffer.from('1f8b0800000000000003ffffffffffff', 'hex'), named: '' },
  {
    what: 'a zstd stream cut short',
    bytes: zstdCompressSync(tar({ name: 'a', data: noise(9000) })).subarray(0, 4000),
    named: '',
  },
  { what: 'a gzip stream in a gzip stream', bytes: gzipSync(gzipSync(tar(good))), named: '' },
];

/** Bytes that do not compress, the same each time. */
function noise(length: number): Buffer {
  let state = 1;
  return Buffer.from(
    Array.from({ length }, () => {
      state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
      return state >> 16;
    }),
  );
}

/** All of them are refused. */
export const refusedArchives: HostileArchive[] = [
  ...names,
  ...links,
  ...parents,
  ...whiteouts,
  ...headers,
  ...sparseFiles,
  ...wholes,
];

const longPath = `${'d'.repeat(70)}/${'e'.repeat(70)}`;

/** Odd but harmless: they apply, and what they name stays inside. `gives`: a file that is there then, with its text. */
export const containedArchives: { what: string; bytes: Uint8Array; gives: [path: string, text: string] }[] = [
  { what: 'an absolute name', bytes: tar({ name: '/abs/file', data: 'x' }), gives: ['abs/file', 'x'] },
  {
    what: 'an absolute link among the parents',
    bytes: tar({ name: 'in/', type: '5' }, { name: 'l', type: '2', link: '/in' }, { name: 'l/f', data: 'x' }),
    gives: ['in/f', 'x'],
  },
  {
    what: 'a link that climbs among the parents',
    bytes: tar({ name: 'in/', type: '5' }, { name: 'l', type: '2', link: '../../../in' }, { name: 'l/f', data: 'x' }),
    gives: ['in/f', 'x'],
  },
  {
    what: 'a directory swapped for a link',
    bytes: tar(
      { name: 'd/', type: '5' },
      { name: 'd/a', data: '1' },
      { name: 'd', type: '2', link: '..' },
      { name: 'd/secret', data: 'x' },
    ),
    gives: ['secret', 'x'],
  },
  {
    what: 'a file twice: the second is kept',
    bytes: tar({ name: 'f', data: '1' }, { name: 'f', data: '2' }),
    gives: ['f', '2'],
  },
  {
    what: 'a link, then a file of its name: the link is replaced, not followed',
    bytes: tar({ name: 'f', type: '2', link: '../outside/secret' }, { name: 'f', data: 'x' }),
    gives: ['f', 'x'],
  },
  {
    what: 'a hard link to a link, then a file of its name',
    bytes: tar(
      { name: 's', type: '2', link: '../outside/secret' },
      { name: 'h', type: '1', link: 's' },
      { name: 'h', data: 'x' },
    ),
    gives: ['h', 'x'],
  },
  {
    what: 'a path twice in one PAX header: the last counts',
    bytes: tar({
      name: 'x',
      data: 'x',
      paxBytes: Buffer.concat([paxRecords({ path: '../evil' }), paxRecords({ path: 'last' })]),
    }),
    gives: ['last', 'x'],
  },
  {
    what: 'a global PAX header with a name',
    bytes: Buffer.concat([
      tarEntry({ name: 'g', type: 'g', data: paxRecords({ path: '../evil' }) }),
      tar({ name: 'f', data: 'x' }),
    ]),
    gives: ['f', 'x'],
  },
  {
    what: 'an entry behind the end marker: it is not applied',
    bytes: Buffer.concat([tar({ name: 'f', data: 'x' }), tar({ name: '../evil', data: 'x' })]),
    gives: ['f', 'x'],
  },
  {
    what: 'overlayfs attributes: they are left out',
    bytes: tar({
      name: 'f',
      data: 'x',
      pax: {
        'SCHILY.xattr.trusted.overlay.redirect': '/outside',
        'SCHILY.xattr.trusted.overlay.metacopy': '',
        'SCHILY.xattr.user.overlay.opaque': 'y',
        'LIBARCHIVE.xattr.trusted.overlay.opaque': 'eQ==',
      },
    }),
    gives: ['f', 'x'],
  },
  {
    what: 'a time that no clock shows',
    bytes: tar({ name: 'f', data: 'x', patch: (header) => void base256(1n << 62n, 12).copy(header, fieldAt.mtime) }),
    gives: ['f', 'x'],
  },
  {
    what: 'a path in PAX with a NUL: it ends there',
    bytes: tar({ name: 'x', data: 'x', pax: { path: 'a\0/../../evil' } }),
    gives: ['a', 'x'],
  },
  {
    what: 'a type that nobody knows: a file, by POSIX',
    bytes: tar({ name: 'f', data: 'x', type: 'Z' }),
    gives: ['f', 'x'],
  },
  {
    what: 'a contiguous file and a volume label',
    bytes: tar({ name: 'label', type: 'V' }, { name: 'f', type: '7', data: 'x' }),
    gives: ['f', 'x'],
  },
  {
    what: 'names in the ustar prefix',
    bytes: tar({ name: 'f', prefix: longPath, data: 'x' }),
    gives: [`${longPath}/f`, 'x'],
  },
];
