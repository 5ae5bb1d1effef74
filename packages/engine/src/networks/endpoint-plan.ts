// The endpoints that a start is to make, in the order of their interfaces; and what a start is told when that fails.
import { ContainerError, errorCodeOf, errorMessageOf } from '@tscontainer/core/errors';
import type { ContainerSettings } from '../containers/container-record.ts';
import { checkEndpoint } from './endpoint-rules.ts';
import type { NetworkManager } from './network-manager.ts';
import type { EndpointRequest, NetworkRecord } from './network-record.ts';

export interface PlannedEndpoint {
  record: NetworkRecord;
  request: EndpointRequest;
}

/** By priority, then by name. Throws network-setup-failed for a network that is not there. */
export function plannedEndpoints(manager: NetworkManager, settings: ContainerSettings): PlannedEndpoint[] {
  try {
    const plan = Object.entries(settings.endpoints).map(([name, request]) => {
      const record = manager.find(request.networkId || name);
      checkEndpoint(record, request);
      request.networkId = record.id;
      return { record, request };
    });
    return plan.sort(
      (a, b) => b.request.gatewayPriority - a.request.gatewayPriority || (a.record.name < b.record.name ? -1 : 1),
    );
  } catch (error) {
    throw setupFailed(error);
  }
}

/** For the start that it ends: the reason tells it from a task's failure, the code stays. */
export function setupFailed(error: unknown): ContainerError {
  return new ContainerError(errorCodeOf(error), `failed to set up container networking: ${errorMessageOf(error)}`, {
    reason: 'network-setup-failed',
    cause: error,
  });
}
