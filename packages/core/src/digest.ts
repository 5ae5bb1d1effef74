// Content digests: `sha256:` and 64 lower-case hex characters (OCI image-spec descriptor.md, "Digests").
import { ContainerError } from './errors.ts';

export type Digest = string;

const sha256Pattern = /^sha256:[a-f0-9]{64}$/;

export function isDigest(text: string): boolean {
  return sha256Pattern.test(text);
}

export function checkDigest(text: string): Digest {
  if (!isDigest(text))
    throw new ContainerError('invalid-argument', `digest ${text}: want sha256: and 64 hex characters`);
  return text;
}

/** The hex part. */
export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}
