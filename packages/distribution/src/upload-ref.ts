// Names uploads as containerd's client does, so that two pulls of one blob find and wait for each other.
import { type Descriptor, isConfigType, isIndexType, isManifestType } from '@tscontainer/core/oci-image';

function kindOf(mediaType: string): string {
  if (isIndexType(mediaType)) return 'index';
  if (isManifestType(mediaType)) return 'manifest';
  return isConfigType(mediaType) ? 'config' : 'layer';
}

/** `layer-sha256:...`. */
export function uploadRefOf({ mediaType, digest }: Descriptor): string {
  return `${kindOf(mediaType)}-${digest}`;
}
