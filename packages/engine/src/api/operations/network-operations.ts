// The operations on networks.
import { networkCreateSchema } from '../../networks/network-request.ts';
import {
  connectSchema,
  disconnectSchema,
  networkListFilters,
  networkPruneFilters,
} from '../../routes/networks/network-routes.ts';
import type { Operation } from '../operation.ts';
import { network, networkCreated, networksPruned } from '../resource-answers.ts';
import { listOf } from '../shape.ts';

export const networkOperations: Operation[] = [
  {
    id: 'NetworkList',
    method: 'GET',
    path: '/networks',
    tag: 'Network',
    summary: 'List networks',
    query: { filters: { kind: { filters: networkListFilters }, text: 'Only those that match.' } },
    answers: { 200: { text: 'Without the containers in them.', body: { json: listOf(network) } } },
  },
  {
    id: 'NetworkInspect',
    method: 'GET',
    path: '/networks/{id}',
    tag: 'Network',
    summary: 'Show a network',
    query: {
      scope: { kind: 'string', text: 'local, or it is not found.' },
      verbose: { kind: 'bool', text: 'Accepted; there is nothing more to say.' },
    },
    answers: { 200: { text: 'With the containers in it.', body: { json: network } } },
    errors: [404],
  },
  {
    id: 'NetworkCreate',
    method: 'POST',
    path: '/networks/create',
    tag: 'Network',
    summary: 'Create a network',
    body: { schema: networkCreateSchema, name: 'NetworkCreateBody', isRequired: true },
    answers: { 201: { text: 'Made.', body: { json: networkCreated } } },
    errors: [403, 404, 409, 503],
  },
  {
    id: 'NetworkDelete',
    method: 'DELETE',
    path: '/networks/{id}',
    tag: 'Network',
    summary: 'Remove a network',
    answers: { 204: { text: 'Gone.' } },
    errors: [403, 404, 409],
  },
  {
    id: 'NetworkConnect',
    method: 'POST',
    path: '/networks/{id}/connect',
    tag: 'Network',
    summary: 'Put a container into a network',
    body: { schema: connectSchema, name: 'NetworkConnectBody', isRequired: true },
    answers: { 200: { text: 'It is in.' } },
    errors: [403, 404, 409],
  },
  {
    id: 'NetworkDisconnect',
    method: 'POST',
    path: '/networks/{id}/disconnect',
    tag: 'Network',
    summary: 'Take a container out of a network',
    body: { schema: disconnectSchema, name: 'NetworkDisconnectBody', isRequired: true },
    answers: { 200: { text: 'It is out.' } },
    errors: [403, 404, 409],
  },
  {
    id: 'NetworkPrune',
    method: 'POST',
    path: '/networks/prune',
    tag: 'Network',
    summary: 'Remove networks that no container uses',
    query: { filters: { kind: { filters: networkPruneFilters }, text: 'Only those that match.' } },
    answers: { 200: { text: 'What is gone.', body: { json: networksPruned } } },
  },
];
