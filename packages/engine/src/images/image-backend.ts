// What the engine knows of images: the interfaces between the image store, the container manager and the routes.
import type { Descriptor, ImageConfig } from '@tscontainer/core/oci-image';

export interface ResolvedImage {
  /** `sha256:` and the digest of the image's config, as docker's image ids are. */
  id: string;
  /** The full name of the record found, `docker.io/library/busybox:latest`. */
  reference: string;
  /** The manifest or index that the record points at. */
  target: Descriptor;
  config: ImageConfig;
  /** Name of the snapshot of the topmost layer: the parent of a container's own. '' for an image without layers. */
  chainId: string;
  /** Bytes of the unpacked layers. */
  size: number;
  /** `busybox:latest`, every name this image has. */
  repoTags: string[];
  /** `busybox@sha256:...` of the target. */
  repoDigests: string[];
}

export interface ImageResolver {
  /**
   * Finds an image by name, `name:tag`, `name@digest`, id or a prefix of its id, and makes sure that it is unpacked.
   * Rejects not-found (`No such image: x:latest`) or invalid-argument (a malformed name, an ambiguous prefix).
   */
  resolve(reference: string): Promise<ResolvedImage>;
}

/** Asked before an image goes: the container manager implements it. */
export interface ImageUsage {
  /** `id`: the container's. `imageId`: as in ResolvedImage. */
  containersUsing(imageId: string): { id: string; isRunning: boolean }[];
}

/** Told about changes, for the engine's event stream (`type` image). The event hub implements it. */
export interface ImageEventSink {
  /** `id`: name or id that the action was done to, as docker's Actor.ID. */
  imageEvent(
    action: 'pull' | 'push' | 'tag' | 'untag' | 'delete' | 'load' | 'save' | 'import' | 'create',
    id: string,
    attributes: Record<string, string>,
  ): void;
}
