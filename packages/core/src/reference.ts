// Image references as the distribution project writes them: `[domain/]path[:tag][@digest]`, with Docker's short names.
import { isDigest } from './digest.ts';
import { ContainerError } from './errors.ts';

export interface Reference {
  /** Registry host with port, `docker.io` when none was written. */
  domain: string;
  /** Repository path, `library/` put in front of Docker's official short names. */
  path: string;
  tag?: string;
  digest?: string;
}

const domainPattern =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::\d+)?$/;
const pathPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const maxNameLength = 255;

const defaultDomain = 'docker.io';
const officialPrefix = 'library/';

function invalid(text: string): ContainerError {
  return new ContainerError('invalid-argument', `invalid reference format: ${JSON.stringify(text)}`, {
    reason: 'invalid-reference',
  });
}

function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isDomain = first.includes('.') || first.includes(':') || first === 'localhost' || first !== first.toLowerCase();
  if (!isDomain)
    return {
      domain: defaultDomain,
      path: slash < 0 ? `${officialPrefix}${name}` : name,
    };
  const domain = first === 'index.docker.io' ? defaultDomain : first;
  const rest = name.slice(slash + 1);
  return {
    domain,
    path: domain === defaultDomain && !rest.includes('/') ? `${officialPrefix}${rest}` : rest,
  };
}

/** Parses and normalises. Throws invalid-argument; a missing tag stays missing (see `withDefaultTag`). */
export function parseReference(text: string): Reference {
  let rest = text;
  let digest: string | undefined;
  const at = rest.indexOf('@');
  if (at >= 0) {
    digest = rest.slice(at + 1);
    rest = rest.slice(0, at);
    if (!isDigest(digest)) throw invalid(text);
  }
  let tag: string | undefined;
  const colon = rest.lastIndexOf(':');
  if (colon > rest.lastIndexOf('/')) {
    tag = rest.slice(colon + 1);
    rest = rest.slice(0, colon);
    if (!tagPattern.test(tag)) throw invalid(text);
  }
  if (/^[a-f0-9]{64}$/.test(rest)) throw invalid(text);
  const { domain, path } = splitDomain(rest);
  if (!domainPattern.test(domain) || !pathPattern.test(path)) throw invalid(text);
  if (domain.length + 1 + path.length > maxNameLength) throw invalid(text);
  return {
    domain,
    path,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: 'latest' } : reference;
}

/** The full form, as containerd's image store keeps it: `docker.io/library/busybox:latest`. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.domain}/${reference.path}${tag}${digest}`;
}

/** The repository as Docker's users write it: `busybox`, `localhost:5000/app`. */
export function familiarName(reference: Reference): string {
  if (reference.domain !== defaultDomain) return `${reference.domain}/${reference.path}`;
  return reference.path.startsWith(officialPrefix) ? reference.path.slice(officialPrefix.length) : reference.path;
}

/** Docker's short form with tag and digest. */
export function familiarReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${familiarName(reference)}${tag}${digest}`;
}
