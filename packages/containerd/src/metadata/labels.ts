// Labels: their bound, and how a field mask changes them. Used by every store that keeps labelled records.
import { ContainerError } from '@tscontainer/core/errors';

export type Labels = Record<string, string>;

/** Key and value together, in bytes: containerd's bound. */
const maxLabelBytes = 4096;

/** `what` stands before containerd's words: `image.Labels: `. */
export function checkLabels(labels: Labels, what = ''): void {
  for (const [key, value] of Object.entries(labels)) {
    const total = Buffer.byteLength(key) + Buffer.byteLength(value);
    if (total <= maxLabelBytes) continue;
    const shown = key.slice(0, 64);
    throw new ContainerError(
      'invalid-argument',
      `${what}label key and value greater than maximum size (${maxLabelBytes} bytes), key: ${shown}: invalid argument`,
    );
  }
}

/** What an Update may say of labels: `labels` replaces all, `labels.KEY` sets one, or drops it when it has no value. */
export function updatedLabels(current: Labels, given: Labels, maskPaths: string[]): Labels {
  if (maskPaths.length === 0 || maskPaths.includes('labels')) return { ...given };
  const result = { ...current };
  for (const path of maskPaths) {
    if (!path.startsWith('labels.')) continue;
    const key = path.slice('labels.'.length);
    const value = given[key];
    if (value === undefined || value === '') delete result[key];
    else result[key] = value;
  }
  return result;
}

/** Throws invalid-argument for a mask path that is neither one of `fields` nor labels. `object`: ` on image "x"`. */
export function checkMask(object: string, maskPaths: string[], fields: string[]): void {
  for (const path of maskPaths) {
    if (path === 'labels' || path.startsWith('labels.') || fields.includes(path.split('.')[0] ?? '')) continue;
    const suffix = object === '' ? '' : `${object}: invalid argument`; // namespaces' words end there
    throw new ContainerError('invalid-argument', `cannot update "${path}" field${suffix}`);
  }
}
