// What a command of tsctl is: its description (for parsing, help and completion) and how it runs. commands/ has one file each.
import type { EngineClient } from '../client/engine-client.ts';
import type { ConfigFile } from './config-file.ts';
import type { FlagDefinition, FlagValues } from './flags.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Output } from './output.ts';

/** What the positional arguments name, for completion. */
export type CompletionKind = 'container' | 'running' | 'stopped' | 'image' | 'volume' | 'network' | 'none';

export interface ArgumentRule {
  min: number;
  /** Infinity when any number may follow. */
  max: number;
}

export interface Command {
  /** As typed: `run`; inside a group without the group's name: `ls`. */
  readonly name: string;
  readonly summary: string;
  /** The arguments as help prints them after the flags: `CONTAINER [CONTAINER...]`. */
  readonly usage: string;
  readonly flags: readonly FlagDefinition[];
  readonly args: ArgumentRule;
  /** True when parsing of flags stops at the first argument, as in run and exec. */
  readonly stopsAtFirstArgument?: boolean;
  readonly completes?: CompletionKind;
  /** Exit code of a usage error: 125 for run, exec's and others' 1 (docker: 125 throughout for flags). */
  run(context: CommandContext): Promise<number>;
}

/** What a running command may use. */
export interface CommandContext {
  readonly flags: FlagValues;
  readonly args: readonly string[];
  /** Connects at first use. */
  readonly client: EngineClient;
  readonly config: ConfigFile;
  readonly globals: GlobalOptions;
  readonly out: Output;
  readonly err: Output;
  /** `tsctl run`, `tsctl container ls`: for messages. */
  readonly path: string;
}

export const noArguments: ArgumentRule = { min: 0, max: 0 };
export const atLeastOne: ArgumentRule = { min: 1, max: Number.POSITIVE_INFINITY };
export const anyNumber: ArgumentRule = { min: 0, max: Number.POSITIVE_INFINITY };
export function exactly(count: number): ArgumentRule {
  return { min: count, max: count };
}
