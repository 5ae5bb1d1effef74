// The OCI image vocabulary (image-spec): descriptors, manifests, indexes, configs, and Docker's names for the same.
import type { Digest } from './digest.ts';

export const mediaTypes = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  ociForeignLayer: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
  dockerForeignLayer: 'application/vnd.docker.image.rootfs.foreign.diff.tar',
} as const;

export interface Platform {
  architecture: string;
  os: string;
  variant?: string;
  'os.version'?: string;
}

export interface Descriptor {
  mediaType: string;
  digest: Digest;
  /** Bytes. */
  size: number;
  annotations?: Record<string, string>;
  platform?: Platform;
  urls?: string[];
  artifactType?: string;
}

export interface ImageManifest {
  schemaVersion: 2;
  mediaType?: string;
  config: Descriptor;
  layers: Descriptor[];
  /** What an artifact is, when its config does not say. */
  artifactType?: string;
  /** The manifest that this one is about: a signature's image. */
  subject?: Descriptor;
  annotations?: Record<string, string>;
}

export interface ImageIndex {
  schemaVersion: 2;
  mediaType?: string;
  manifests: Descriptor[];
  subject?: Descriptor;
  annotations?: Record<string, string>;
}

export interface ImageProcessConfig {
  /** Docker's: the image that the last step was made on. */
  Image?: string;
  User?: string;
  Env?: string[] | null;
  Entrypoint?: string[] | null;
  Cmd?: string[] | null;
  WorkingDir?: string;
  Volumes?: Record<string, object> | null;
  ExposedPorts?: Record<string, object> | null;
  Labels?: Record<string, string> | null;
  StopSignal?: string;
  Shell?: string[] | null;
  Healthcheck?: {
    Test?: string[];
    Interval?: number;
    Timeout?: number;
    StartPeriod?: number;
    Retries?: number;
  } | null;
  OnBuild?: string[] | null;
  ArgsEscaped?: boolean;
}

export interface ImageConfig {
  architecture: string;
  os: string;
  variant?: string;
  created?: string;
  author?: string;
  config?: ImageProcessConfig;
  /** Docker's: what the last step's container was called and ran with. */
  container?: string;
  container_config?: object;
  rootfs: { type: 'layers'; diff_ids: Digest[] };
  history?: {
    created?: string;
    created_by?: string;
    author?: string;
    comment?: string;
    empty_layer?: boolean;
  }[];
}

export function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerManifestList;
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest;
}

export function isConfigType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociConfig || mediaType === mediaTypes.dockerConfig;
}

export function isLayerType(mediaType: string): boolean {
  const types = [
    mediaTypes.ociLayer,
    mediaTypes.dockerLayer,
    mediaTypes.ociForeignLayer,
    mediaTypes.dockerForeignLayer,
  ];
  return types.some((type) => mediaType.startsWith(type));
}

/** Layers that stay where their `urls` say: they are fetched from there and not pushed. */
export function isForeignLayerType(mediaType: string): boolean {
  return mediaType.startsWith(mediaTypes.ociForeignLayer) || mediaType.startsWith(mediaTypes.dockerForeignLayer);
}
