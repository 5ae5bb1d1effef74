// Types of protos/containerd/services/mounts/v1/mounts.proto, written by scripts/generate-contracts.ts.
import type { Empty, FieldMask } from '../../../../google/protobuf/well-known.ts';
import type { ServerStream, Unary } from '../../../../message-forms.ts';
import type { ActivationInfo, Mount } from '../../../types/mount.ts';

/** Keeps named sets of active mounts. */
export interface Mounts {
  Activate: Unary<ActivateRequest, ActivateResponse>;
  Deactivate: Unary<DeactivateRequest, Empty>;
  Info: Unary<InfoRequest, InfoResponse>;
  Update: Unary<UpdateRequest, UpdateResponse>;
  List: ServerStream<ListRequest, ListMessage>;
}

/** Mounts to activate under a name; temporary ones need no entry in the records. */
export interface ActivateRequest {
  name: string;
  mounts: Mount[];
  labels: Record<string, string>;
  temporary: boolean;
}

/** What was activated. */
export interface ActivateResponse {
  info: ActivationInfo | null;
}

/** Names the set to undo. */
export interface DeactivateRequest {
  name: string;
}

/** Asks about one set. */
export interface InfoRequest {
  name: string;
}

/** The set that was asked for. */
export interface InfoResponse {
  info: ActivationInfo | null;
}

/** Changes to a set's labels. */
export interface UpdateRequest {
  info: ActivationInfo | null;
  updateMask: FieldMask | null;
}

/** The set as it is now. */
export interface UpdateResponse {
  info: ActivationInfo | null;
}

/** Asks for the sets that any of the filters matches. */
export interface ListRequest {
  filters: string[];
}

/** One set that matches. */
export interface ListMessage {
  info: ActivationInfo | null;
}
