// Reads the parts of requests that many services share: whose call it is, field masks, messages that must be there.
import { ContainerError } from '@tscontainer/core/errors';
import { checkIdentifier } from '@tscontainer/core/ids';
import { type CallContext, requireNamespace } from '@tscontainer/platform/grpc-server';
import type { Scope } from '../metadata/scope.ts';

export interface MaskedRequest {
  updateMask: { paths: string[] } | null;
}

/** [] when there is no mask: all fields. */
export function maskOf(request: MaskedRequest): string[] {
  return request.updateMask?.paths ?? [];
}

/** Namespace and lease of the call. Throws failed-precondition without a namespace. */
export function scopeOf(context: CallContext): Scope {
  const namespace = requireNamespace(context);
  checkIdentifier('namespace validation: ', namespace);
  return { namespace, lease: context.lease };
}

export function required<T>(message: T | null | undefined, name: string): T {
  if (message === null || message === undefined)
    throw new ContainerError('invalid-argument', `${name} must be set: invalid argument`);
  return message;
}

/** A list in messages of bounded length. */
export function* inBatches<T>(items: Iterable<T>, size: number): Iterable<T[]> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
