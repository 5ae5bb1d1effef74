// The version that every answer of the daemon names: the workspace's.

export const engineVersion = '0.1.0';
