// What the reading of a body leaves open and the code behind it checks: named parts, and the inside of free-form fields.
import {
  configSchema,
  deviceRequestSchema,
  deviceSchema,
  healthcheckSchema,
  hostConfigSchema,
  mountSchema,
  resourcesSchema,
  throttledDeviceSchema,
  ulimitSchema,
  weightedDeviceSchema,
} from '../containers/container-config.ts';
import { createBodySchema } from '../containers/create-request.ts';
import type { Schema } from '../http/json-body.ts';
import { networkingSchema } from '../networks/network-modes.ts';
import { endpointSchema, ipamConfigSchema } from '../networks/network-request.ts';
import { updateSchema } from '../routes/containers/inspect-routes.ts';
import { connectSchema } from '../routes/networks/network-routes.ts';
import { portBinding } from './container-answers.ts';
import { listOf, mapOf, nullable, type Shape } from './shape.ts';

/** Parts of bodies that stand in the document under a name of their own. */
export const bodyNames = new Map<Schema, string>([
  [hostConfigSchema, 'HostConfigBody'],
  [healthcheckSchema, 'HealthcheckBody'],
  [mountSchema, 'MountBody'],
  [deviceSchema, 'DeviceBody'],
  [deviceRequestSchema, 'DeviceRequestBody'],
  [throttledDeviceSchema, 'ThrottledDeviceBody'],
  [weightedDeviceSchema, 'WeightedDeviceBody'],
  [ulimitSchema, 'UlimitBody'],
  [ipamConfigSchema, 'IpamPoolBody'],
  [endpointSchema, 'EndpointSettingsBody'],
  [networkingSchema, 'NetworkingConfigBody'],
]);

const endpoint: Shape = { object: endpointSchema };
const empty = mapOf({ map: 'any' });
const ports = mapOf(nullable(listOf(portBinding)));

const configDetails = { ExposedPorts: empty, Volumes: empty };

const hostDetails = { PortBindings: ports };

export const bodyDetails = new Map<Schema, Record<string, Shape>>([
  [configSchema, configDetails],
  [createBodySchema, configDetails],
  [networkingSchema, { EndpointsConfig: mapOf(nullable(endpoint)) }],
  [hostConfigSchema, hostDetails],
  [resourcesSchema, {}],
  [updateSchema, { PublishAdd: ports }],
  [connectSchema, { EndpointConfig: endpoint }],
]);
