// The images that FROM and COPY --from name: those that are here, pulled when they are not or when the client wants it.
import { ContainerError, isNotFound } from '@tscontainer/core/errors';
import type { Platform } from '@tscontainer/core/oci-image';
import { parseReference, withDefaultTag } from '@tscontainer/core/reference';
import { formatPlatform, isSamePlatform, parsePlatform } from '@tscontainer/distribution/platform-match';
import type { CatalogImage } from '../images/image-catalog.ts';
import type { ImageManager } from '../images/image-manager.ts';
import type { BuildOutput } from './build-output.ts';
import { type BuildRequest, credentialsOfHost } from './build-request.ts';
import { type StepImage, toStepImage } from './step-image.ts';

export class BaseImages {
  readonly #images: ImageManager;
  readonly #request: BuildRequest;
  readonly #output: BuildOutput;
  /** What this build has looked up: it is not pulled twice. */
  readonly #known = new Map<string, StepImage>();

  constructor(images: ImageManager, request: BuildRequest, output: BuildOutput) {
    this.#images = images;
    this.#request = request;
    this.#output = output;
  }

  /** Rejects not-found with the registry's words when it is nowhere. */
  async get(name: string, platformText: string): Promise<StepImage> {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const platform = platformText === '' ? undefined : parsePlatform(platformText);
    const here = this.#request.pulls ? undefined : await this.#find(name, platform);
    const image = here ?? (await this.#pull(name, platform));
    if (image.details.config.os !== '' && image.details.config.os !== 'linux')
      throw new ContainerError('invalid-argument', `image operating system ${image.details.config.os} cannot be used`);
    const found = toStepImage(image);
    this.#known.set(name, found);
    return found;
  }

  async #find(name: string, platform: Platform | undefined): Promise<CatalogImage | undefined> {
    try {
      await this.#images.resolve(name); // unpacked
      const image = await this.#images.find(name);
      const { os, architecture, variant } = image.details.config;
      const own = { os, architecture, ...(variant === undefined ? {} : { variant }) };
      return platform === undefined || isSamePlatform(own, platform) ? image : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #pull(name: string, platform: Platform | undefined): Promise<CatalogImage> {
    const reference = withDefaultTag(parseReference(name));
    await this.#images.pull({
      reference,
      platform,
      credentials: credentialsOfHost(this.#request.credentials, reference.domain),
      signal: this.#output.signal,
      onProgress: (line) => this.#output.line(line),
    });
    const image = await this.#find(name, undefined);
    if (image === undefined)
      throw new ContainerError(
        'not-found',
        `No such image: ${name}${platform === undefined ? '' : ` for ${formatPlatform(platform)}`}`,
      );
    return image;
  }
}
