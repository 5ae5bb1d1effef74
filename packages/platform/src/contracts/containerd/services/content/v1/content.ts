// Types of protos/containerd/services/content/v1/content.proto, written by scripts/generate-contracts.ts.
import type { Empty, FieldMask, Timestamp } from '../../../../google/protobuf/well-known.ts';
import type { Duplex, ServerStream, Unary } from '../../../../message-forms.ts';

/** Stores immutable blobs. A write is known by its ref until it is committed under its digest. */
export interface Content {
  Info: Unary<InfoRequest, InfoResponse>;
  Update: Unary<UpdateRequest, UpdateResponse>;
  List: ServerStream<ListContentRequest, ListContentResponse>;
  Delete: Unary<DeleteContentRequest, Empty>;
  Read: ServerStream<ReadContentRequest, ReadContentResponse>;
  Status: Unary<StatusRequest, StatusResponse>;
  ListStatuses: Unary<ListStatusesRequest, ListStatusesResponse>;
  Write: Duplex<WriteContentRequest, WriteContentResponse>;
  Abort: Unary<AbortRequest, Empty>;
}

/** What is known of a blob; only labels can change. */
export interface Info {
  digest: string;
  size: number;
  createdAt: Timestamp | null;
  updatedAt: Timestamp | null;
  labels: Record<string, string>;
}

/** Asks about one blob. */
export interface InfoRequest {
  digest: string;
}

/** What is known of the blob that was asked for. */
export interface InfoResponse {
  info: Info | null;
}

/** Changes to a blob's labels; the mask takes "labels" and "labels.<key>". */
export interface UpdateRequest {
  info: Info | null;
  updateMask: FieldMask | null;
}

/** The blob's record as it is now. */
export interface UpdateResponse {
  info: Info | null;
}

/** Asks for the blobs that any of the filters matches. */
export interface ListContentRequest {
  filters: string[];
}

/** A page of matching blobs. */
export interface ListContentResponse {
  info: Info[];
}

/** Names the blob to delete. */
export interface DeleteContentRequest {
  digest: string;
}

/** Asks for a part of a blob; size 0 means up to its end. */
export interface ReadContentRequest {
  digest: string;
  offset: number;
  size: number;
}

/** A chunk of a blob and where it begins. */
export interface ReadContentResponse {
  offset: number;
  data: Buffer;
}

/** How far an unfinished write is; total 0 means unknown. */
export interface Status {
  startedAt: Timestamp | null;
  updatedAt: Timestamp | null;
  ref: string;
  offset: number;
  total: number;
  expected: string;
}

/** Asks about one unfinished write. */
export interface StatusRequest {
  ref: string;
}

/** The state of the write that was asked for. */
export interface StatusResponse {
  status: Status | null;
}

/** Asks for the unfinished writes that any of the filters matches. */
export interface ListStatusesRequest {
  filters: string[];
}

/** The unfinished writes that match. */
export interface ListStatusesResponse {
  statuses: Status[];
}

/** What a message of a write stream asks for: the state, more data, or data and then the commit. */
export type WriteAction = 'STAT' | 'WRITE' | 'COMMIT';

/** One step of a write at its offset, where 0 starts over; total and expected, once given, must hold at the commit. */
export interface WriteContentRequest {
  action: WriteAction;
  ref: string;
  total: number;
  expected: string;
  offset: number;
  data: Buffer;
  labels: Record<string, string>;
}

/** The state of the write after a step; the digest is that of the data so far. */
export interface WriteContentResponse {
  action: WriteAction;
  startedAt: Timestamp | null;
  updatedAt: Timestamp | null;
  offset: number;
  total: number;
  digest: string;
}

/** Names the unfinished write to throw away. */
export interface AbortRequest {
  ref: string;
}
