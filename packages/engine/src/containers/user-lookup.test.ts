// Users and groups as a login in the container would see them.
import { describe, expect, it } from 'vitest';
import { resolveUser } from './user-lookup.ts';

const files = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1001::/home/bob:/bin/sh\n31337:x:5:5::/trap:/bin/sh\n',
  group: 'root:x:0:\nwheel:x:10:root,bob\nstaff:x:50:\nbobs:x:1001:\n',
};

describe('resolveUser', () => {
  it('is root with its groups when none is named', () => {
    expect(resolveUser('', [], files)).toEqual({ uid: 0, gid: 0, additionalGids: [0, 10], home: '/root' });
  });

  it('takes the account by its name, with its groups', () => {
    expect(resolveUser('bob', ['staff', '77'], files)).toEqual({
      uid: 1000,
      gid: 1001,
      additionalGids: [1001, 10, 50, 77],
      home: '/home/bob',
    });
  });

  it('lets a named group replace the account’s groups', () => {
    expect(resolveUser('bob:staff', [], files)).toEqual({
      uid: 1000,
      gid: 50,
      additionalGids: [50],
      home: '/home/bob',
    });
  });

  it('takes a number for an id, never for a name', () => {
    expect(resolveUser('31337', [], files)).toMatchObject({ uid: 31337, gid: 0, home: '/' });
  });

  it('refuses what the files do not have', () => {
    expect(() => resolveUser('alice', [], files)).toThrow('unable to find user alice');
    expect(() => resolveUser('bob:nogroup', [], files)).toThrow('unable to find group nogroup');
    expect(() => resolveUser('99999999999', [], files)).toThrow('uids and gids must be in range');
  });

  it('works without the files', () => {
    expect(resolveUser('12:34', [], { passwd: null, group: null })).toEqual({
      uid: 12,
      gid: 34,
      additionalGids: [34],
      home: '/',
    });
  });
});
