// Networks that are a configuration alone (`--config-only`), and those made from one (`--config-from`): the manager's rules.
import { ContainerError } from '@tscontainer/core/errors';
import type { NetworkRecord } from './network-record.ts';
import type { NetworkRequest } from './network-request.ts';

function forbidden(message: string): ContainerError {
  return new ContainerError('permission-denied', message);
}

/** Throws permission-denied, in docker's words, for what goes with neither. `isSwarms`: it asks for a scope, or for ingress. */
export function checkConfigRules(request: NetworkRequest, isSwarms: boolean): void {
  if (request.isConfigOnly && (request.isInternal || request.isAttachable || isSwarms))
    throw forbidden(
      'configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.',
    );
  if (request.configFrom === '') return;
  if (request.isConfigOnly) throw forbidden('a configuration network cannot depend on another configuration network');
  const { ipamDriver, isIpv6, labels, ipamOptions, pools, options } = request;
  const isConfigured =
    ipamDriver !== 'default' || isIpv6 || pools.length > 0 || hasEntries(labels) || hasEntries(ipamOptions ?? {});
  if (isConfigured)
    throw forbidden(
      'user specified configurations are not supported if the network depends on a configuration network',
    );
  if (hasEntries(options))
    throw forbidden('network driver options are not supported if the network depends on a configuration network');
}

function hasEntries(record: object): boolean {
  return Object.keys(record).length > 0;
}

/** The request with what its configuration says. Throws not-found. */
export function configuredRequest(request: NetworkRequest, records: readonly NetworkRecord[]): NetworkRequest {
  if (request.configFrom === '') return request;
  const source = records.find((record) => record.isConfigOnly === true && record.name === request.configFrom);
  if (source === undefined)
    throw new ContainerError('not-found', `configuration network ${JSON.stringify(request.configFrom)} does not exist`);
  const { isIpv4, isIpv6, ipamDriver, ipamOptions, pools, options, labels } = source;
  return { ...request, isIpv4, isIpv6, ipamDriver, ipamOptions, pools, options, labels };
}

/** Throws permission-denied for a configuration that networks stand on. */
export function checkConfigUnused(record: NetworkRecord, records: readonly NetworkRecord[]): void {
  if (record.isConfigOnly === true && records.some((other) => other.configFrom === record.name))
    throw forbidden(`error while removing network: configuration network ${JSON.stringify(record.name)} is in use`);
}

/** Throws permission-denied: nobody can be in a configuration. */
export function checkHasEndpoints(record: NetworkRecord): void {
  if (record.isConfigOnly === true) throw forbidden('cannot create endpoint on configuration-only network');
}
