// Types of protos/containerd/services/version/v1/version.proto, written by scripts/generate-contracts.ts.
import type { Empty } from '../../../../google/protobuf/well-known.ts';
import type { Unary } from '../../../../message-forms.ts';

/** Tells the daemon's release; clients also call it to see whether the daemon answers. */
export interface Version {
  Version: Unary<Empty, VersionResponse>;
}

/** The release and the commit that it was built from. */
export interface VersionResponse {
  version: string;
  revision: string;
}
