// Every operation that the engine serves: what /openapi.json says, and what tests hold the routes and answers against.
import type { Operation } from '../operation.ts';
import { builderOperations } from './builder-operations.ts';
import { containerOperations } from './container-operations.ts';
import { imageOperations } from './image-operations.ts';
import { networkOperations } from './network-operations.ts';
import { systemOperations } from './system-operations.ts';
import { volumeOperations } from './volume-operations.ts';

export const allOperations: readonly Operation[] = [
  ...containerOperations,
  ...imageOperations,
  ...builderOperations,
  ...networkOperations,
  ...volumeOperations,
  ...systemOperations,
];
