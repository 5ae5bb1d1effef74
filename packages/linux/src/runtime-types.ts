// The OCI state object and its statuses (runtime-spec runtime.md, "State").

export type ContainerStatus = 'creating' | 'created' | 'running' | 'paused' | 'stopped';

export interface ContainerProcessState {
  ociVersion: string;
  id: string;
  status: ContainerStatus;
  pid: number;
  bundle: string;
  annotations: Record<string, string>;
}
