// Resolves `user[:group]` against the container's own /etc/passwd and /etc/group, as a login there would.
import { ContainerError } from '@tscontainer/core/errors';

export interface ResolvedUser {
  uid: number;
  gid: number;
  additionalGids: number[];
  home: string;
}

export interface UserFiles {
  /** Text of the file; null when the image has none. */
  passwd: string | null;
  group: string | null;
}

interface Account {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

interface Group {
  name: string;
  gid: number;
  members: string[];
}

const maxId = 2 ** 31 - 1;

function fieldsOf(text: string | null): string[][] {
  return (text ?? '')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}

function accountsOf(text: string | null): Account[] {
  return fieldsOf(text).map(([name = '', , uid, gid, , home = '/']) => ({
    name,
    uid: Number(uid),
    gid: Number(gid),
    home,
  }));
}

function groupsOf(text: string | null): Group[] {
  return fieldsOf(text).map(([name = '', , gid, members = '']) => ({
    name,
    gid: Number(gid),
    members: members.split(','),
  }));
}

/** A number is an id even when an account has it as its name (CVE-2016-3697). */
function numberOf(text: string): number | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  const number = Number(text);
  if (number < 0 || number > maxId)
    throw new ContainerError('invalid-argument', `uids and gids must be in range 0-${maxId}`);
  return number;
}

/** Throws invalid-argument, reason `unknown-user`, for a name that the files do not have. */
export function resolveUser(user: string, groupAdd: string[], files: UserFiles): ResolvedUser {
  const colon = user.indexOf(':');
  const userText = colon < 0 ? user : user.slice(0, colon);
  const groupText = colon < 0 ? '' : user.slice(colon + 1);
  const groups = groupsOf(files.group);
  const account = findAccount(userText, accountsOf(files.passwd));
  const gid = groupText === '' ? account.gid : gidOf(groupText, groups);
  // naming a group replaces the account's other groups
  const own =
    groupText === '' && account.name !== ''
      ? groups.filter((group) => group.members.includes(account.name)).map((group) => group.gid)
      : [];
  // the own group too: a process that gives up its primary group keeps it (CVE-2022-36109)
  const added = groupAdd.map((name) => gidOf(name, groups));
  return { uid: account.uid, gid, additionalGids: [...new Set([gid, ...own, ...added])], home: account.home };
}

function findAccount(text: string, accounts: Account[]): Account {
  const uid = text === '' ? 0 : numberOf(text);
  if (uid !== undefined) return accounts.find((account) => account.uid === uid) ?? { name: '', uid, gid: 0, home: '/' };
  const account = accounts.find((candidate) => candidate.name === text);
  if (account === undefined) {
    throw new ContainerError('invalid-argument', `unable to find user ${text}: no matching entries in passwd file`, {
      reason: 'unknown-user',
    });
  }
  return account;
}

function gidOf(text: string, groups: Group[]): number {
  const gid = numberOf(text);
  if (gid !== undefined) return gid;
  const group = groups.find((candidate) => candidate.name === text);
  if (group === undefined) {
    throw new ContainerError('invalid-argument', `unable to find group ${text}: no matching entries in group file`, {
      reason: 'unknown-user',
    });
  }
  return group.gid;
}
