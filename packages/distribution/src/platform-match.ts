// Chooses the manifest of an index that this machine runs best, by os, architecture and variant.
import { ContainerError } from '@tscontainer/core/errors';
import type { Descriptor, ImageIndex, Platform } from '@tscontainer/core/oci-image';

const architectures = new Map([
  ['x64', 'amd64'],
  ['x86_64', 'amd64'],
  ['x86-64', 'amd64'],
  ['aarch64', 'arm64'],
  ['ia32', '386'],
  ['i386', '386'],
  ['armhf', 'arm'],
]);

/** Go's names, as images carry them; arm64's and arm's default variants are filled in. */
export function normalizePlatform(platform: Platform): Platform {
  const architecture = architectures.get(platform.architecture) ?? platform.architecture;
  const variant = platform.variant || (architecture === 'arm64' ? 'v8' : architecture === 'arm' ? 'v7' : '');
  return { os: platform.os.toLowerCase(), architecture, ...(variant === '' ? {} : { variant }) };
}

export function hostPlatform(): Platform {
  return normalizePlatform({ os: 'linux', architecture: process.arch });
}

/** `os/arch[/variant]`. Throws invalid-argument. */
export function parsePlatform(text: string): Platform {
  const [os, architecture, variant, more] = text.split('/');
  if (os && architecture === undefined && /^[\w.-]+$/.test(os))
    throw new ContainerError('invalid-argument', `"${os}": unknown operating system or architecture: invalid argument`);
  if (!os || !architecture || more !== undefined || !/^[\w./-]+$/.test(text)) {
    throw new ContainerError(
      'invalid-argument',
      `${JSON.stringify(text)}: cannot parse platform specifier: invalid argument`,
    );
  }
  return normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant]
    .filter((part) => part !== undefined && part !== '')
    .join('/');
}

export function isSamePlatform(left: Platform, right: Platform): boolean {
  return formatPlatform(normalizePlatform(left)) === formatPlatform(normalizePlatform(right));
}

function variantNumber(platform: Platform): number {
  return Number(/^v(\d+)/.exec(platform.variant ?? '')?.[1] ?? 0);
}

/** Higher is better; -1 does not run. A lower arm variant runs on a higher one. */
function score(wanted: Platform, offered: Platform): number {
  if (offered.os !== wanted.os) return -1;
  const [want, offer] = [variantNumber(wanted), variantNumber(offered)];
  if (offered.architecture === wanted.architecture) return offer > want ? -1 : 100 - (want - offer);
  if (wanted.architecture === 'arm64' && offered.architecture === 'arm') return offer <= 7 ? 10 + offer : -1;
  return wanted.architecture === 'amd64' && offered.architecture === '386' ? 10 : -1;
}

/** Rejects not-found (reason `no-platform`) when the index has nothing that runs. */
export function selectManifest(index: ImageIndex, wanted: Platform): Descriptor {
  const scored = index.manifests
    .filter((descriptor) => descriptor.annotations?.['vnd.docker.reference.type'] !== 'attestation-manifest')
    .map((descriptor) => ({
      descriptor,
      points: descriptor.platform === undefined ? 0 : score(wanted, normalizePlatform(descriptor.platform)),
    }))
    .filter(({ points }) => points >= 0)
    .sort((left, right) => right.points - left.points);
  const best = scored[0];
  if (best !== undefined) return best.descriptor;
  throw new ContainerError(
    'not-found',
    `no matching manifest for ${formatPlatform(wanted)} in the manifest list entries`,
    { reason: 'no-platform' },
  );
}
