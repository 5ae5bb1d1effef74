// The matrix's data as a whole: every topic, in the order in which they run.
import type { Topic } from '../row.ts';
import { attachAndExec } from './attach-exec.ts';
import { contexts } from './contexts.ts';
import { createFlags } from './create-flags.ts';
import { errors } from './errors.ts';
import { files } from './files.ts';
import { images } from './images.ts';
import { lifecycle } from './lifecycle.ts';
import { listing } from './listing.ts';
import { logs } from './logs.ts';
import { networks } from './networks.ts';
import { registry } from './registry.ts';
import { run } from './run.ts';
import { system } from './system.ts';
import { volumes } from './volumes.ts';

export const topics: readonly Topic[] = [
  system,
  run,
  createFlags,
  lifecycle,
  listing,
  logs,
  attachAndExec,
  files,
  images,
  registry,
  volumes,
  networks,
  errors,
  contexts,
];
