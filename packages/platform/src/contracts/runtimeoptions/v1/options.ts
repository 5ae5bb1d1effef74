// Types of protos/runtimeoptions/v1/options.proto, written by scripts/generate-contracts.ts.

/** Where a runtime's options are, or their text. */
export interface Options {
  typeUrl: string;
  configPath: string;
  configBody: Buffer;
}
