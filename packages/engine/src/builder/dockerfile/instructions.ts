// The instructions of a Dockerfile as the builder carries them out, variables not yet expanded.
import type { Healthcheck } from '../../containers/health-check.ts';

interface Written {
  /** As the Dockerfile has it, for the line `Step 1/3 : ...`. */
  code: string;
}

export type Pair = [name: string, value: string];

/** A command in shell form is one text that the shell is to be put before. */
export interface CommandLine {
  words: string[];
  isShellForm: boolean;
}

export interface CopyInstruction extends Written {
  kind: 'copy' | 'add';
  sources: string[];
  destination: string;
  /** Of COPY: a stage or an image; '' is the build context. */
  from: string;
  chown: string;
  chmod: string;
}

export interface ArgInstruction extends Written {
  kind: 'arg';
  args: [name: string, value: string | undefined][];
}

export type Instruction =
  | (Written & { kind: 'env'; pairs: Pair[] })
  | (Written & { kind: 'label'; pairs: Pair[]; isLiteral: boolean })
  | (Written & { kind: 'maintainer'; text: string })
  | CopyInstruction
  | (Written & { kind: 'onbuild'; expression: string })
  | (Written & { kind: 'workdir'; path: string })
  | (Written & { kind: 'run'; command: CommandLine; flags: string[] })
  | (Written & { kind: 'cmd'; command: CommandLine })
  | (Written & { kind: 'entrypoint'; command: CommandLine })
  | (Written & { kind: 'healthcheck'; healthcheck: Healthcheck })
  | (Written & { kind: 'expose'; ports: string[] })
  | (Written & { kind: 'user'; user: string })
  | (Written & { kind: 'volume'; paths: string[] })
  | (Written & { kind: 'stopsignal'; signal: string })
  | ArgInstruction
  | (Written & { kind: 'shell'; shell: string[] });

export interface FromInstruction extends Written {
  kind: 'from';
  base: string;
  /** Lower case; '' without AS. */
  name: string;
  platform: string;
}

export interface Stage extends FromInstruction {
  instructions: Instruction[];
}

export interface Dockerfile {
  stages: Stage[];
  /** ARG before the first FROM. */
  globalArgs: ArgInstruction[];
  escapeToken: string;
  warnings: string[];
}
