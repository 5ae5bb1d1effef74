// Says on a client's stream how far a pull or push is, in containerd's words: its own clients show them as they come.
import type { Descriptor } from '@tscontainer/core/oci-image';
import type { PullEvent } from '@tscontainer/distribution/pull';
import type { PushEvent } from '@tscontainer/distribution/push';
import { uploadRefOf } from '@tscontainer/distribution/upload-ref';
import { loadMessage } from '@tscontainer/platform/contract-loader';
import type { Progress } from '@tscontainer/platform/contracts/containerd/types/transfer/progress';
import type { ServedStream } from './stream-registry.ts';

/** A download's progress is told at most this often, per blob. */
const pauseMs = 100;

const words: Record<Exclude<PullEvent['kind'], 'resolved' | 'layers'>, string> = {
  downloading: 'downloading',
  downloaded: 'complete',
  exists: 'already exists',
  extracting: 'extracting',
  extracted: 'extracted',
};

const pushWords: Record<'uploaded' | 'exists' | 'mounted', string> = {
  uploaded: 'complete',
  exists: 'already exists',
  mounted: 'already exists',
};

/** One per transfer; without a stream it does nothing. */
export class TransferProgress {
  readonly #stream: ServedStream | undefined;
  readonly #image: string;
  readonly #codec = loadMessage<Progress>(
    'containerd/types/transfer/progress.proto',
    'containerd.types.transfer.Progress',
  );
  readonly #lastMs = new Map<string, number>();
  #parents: string[] = [];

  constructor(stream: ServedStream | undefined, image: string) {
    this.#stream = stream;
    this.#image = image;
  }

  /** A step without a blob: `Resolving from ...`, `saved`. */
  step(event: string, target?: Descriptor): void {
    this.#send({ event, name: target === undefined ? '' : this.#image, desc: toMessage(target) });
  }

  pullEvent(event: PullEvent): void {
    if (event.kind === 'resolved') {
      this.step('fetching image content', event.target);
    } else if (event.kind === 'layers') {
      this.#parents = [uploadRefOf(event.manifest)];
      for (const layer of event.layers) this.#layer('waiting', layer, 0);
    } else if (event.kind === 'downloading') {
      this.#moving(words.downloading, event.layer, event.current);
    } else {
      this.#layer(words[event.kind], event.layer, event.layer.size);
    }
  }

  pushEvent(event: PushEvent): void {
    if (event.kind === 'resolved') {
      for (const part of [...event.blobs, ...event.manifests]) this.#layer('waiting', part, 0);
    } else if (event.kind === 'uploading') {
      this.#moving('uploading', event.blob, event.current);
    } else if (event.kind === 'stored') {
      this.#layer('complete', event.manifest, event.manifest.size);
    } else {
      this.#layer(pushWords[event.kind], event.blob, event.blob.size);
    }
  }

  close(): void {
    this.#stream?.close();
  }

  #moving(event: string, layer: Descriptor, current: number): void {
    if (Date.now() - (this.#lastMs.get(layer.digest) ?? 0) < pauseMs) return;
    this.#lastMs.set(layer.digest, Date.now());
    this.#layer(event, layer, current, true);
  }

  #layer(event: string, layer: Descriptor, progress: number, mayBeLost = false): void {
    this.#send(
      { event, name: uploadRefOf(layer), parents: this.#parents, progress, total: layer.size, desc: toMessage(layer) },
      mayBeLost,
    );
  }

  #send(progress: Partial<Progress>, mayBeLost = false): void {
    if (this.#stream === undefined) return;
    this.#stream.send({ typeUrl: this.#codec.typeName, value: this.#codec.encode(progress) }, mayBeLost);
  }
}

function toMessage(descriptor: Descriptor | undefined): Progress['desc'] {
  if (descriptor === undefined) return null;
  const { mediaType, digest, size, annotations } = descriptor;
  return { mediaType, digest, size, annotations: annotations ?? {} };
}
