// Types of protos/containerd/types/metrics.proto, written by scripts/generate-contracts.ts.
import type { Any, Timestamp } from '../../google/protobuf/well-known.ts';

/** What the task `id` used at `timestamp`; data holds io.containerd.cgroups.v1.Metrics or v2.Metrics. */
export interface Metric {
  timestamp: Timestamp | null;
  id: string;
  data: Any | null;
}
