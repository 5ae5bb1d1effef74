// Types of protos/containerd/services/images/v1/images.proto, written by scripts/generate-contracts.ts.
import type { Empty, FieldMask, Timestamp } from '../../../../google/protobuf/well-known.ts';
import type { Unary } from '../../../../message-forms.ts';
import type { Descriptor } from '../../../types/descriptor.ts';

/** Keeps the image names of a namespace. */
export interface Images {
  Get: Unary<GetImageRequest, GetImageResponse>;
  List: Unary<ListImagesRequest, ListImagesResponse>;
  Create: Unary<CreateImageRequest, CreateImageResponse>;
  Update: Unary<UpdateImageRequest, UpdateImageResponse>;
  Delete: Unary<DeleteImageRequest, Empty>;
}

/** A name and the index or manifest that it stands for. */
export interface Image {
  name: string;
  labels: Record<string, string>;
  target: Descriptor | null;
  createdAt: Timestamp | null;
  updatedAt: Timestamp | null;
}

/** Asks for one image. */
export interface GetImageRequest {
  name: string;
}

/** The image that was asked for. */
export interface GetImageResponse {
  image: Image | null;
}

/** An image to record; the epoch, if given, becomes its creation time. */
export interface CreateImageRequest {
  image: Image | null;
  sourceDateEpoch: Timestamp | null;
}

/** The image as recorded. */
export interface CreateImageResponse {
  image: Image | null;
}

/** Changes to an image; without a mask labels and target are replaced. */
export interface UpdateImageRequest {
  image: Image | null;
  updateMask: FieldMask | null;
  sourceDateEpoch: Timestamp | null;
}

/** The image as it is now. */
export interface UpdateImageResponse {
  image: Image | null;
}

/** Asks for the images that any of the filters matches. */
export interface ListImagesRequest {
  filters: string[];
}

/** The images that match. */
export interface ListImagesResponse {
  images: Image[];
}

/** Names the image to forget; sync waits for the collection of garbage, target guards against a changed image. */
export interface DeleteImageRequest {
  name: string;
  sync: boolean;
  target?: Descriptor | null;
  _target?: 'target';
}
