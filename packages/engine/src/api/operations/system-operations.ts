// The operations on the daemon itself, and those that it refuses because it is in no swarm and has no plugins.
import { eventFilters } from '../../events/event-hub.ts';
import { pluginFilters } from '../../routes/plugins/plugin-routes.ts';
import { managed } from '../../routes/swarm/swarm-routes.ts';
import { diskUsageKinds } from '../../routes/system/disk-usage-routes.ts';
import type { Answer, Operation } from '../operation.ts';
import { diskUsage, event, info, version } from '../resource-answers.ts';
import { listOf } from '../shape.ts';

const pong: Answer = {
  text: 'It answers.',
  headers: {
    'Api-Version': 'The newest version that is served.',
    'Builder-Version': 'Which builder a client may use: 1 is the classic one.',
    Swarm: 'inactive.',
  },
};

const daemon: Operation[] = [
  {
    id: 'SystemPing',
    method: 'GET',
    path: '/_ping',
    tag: 'System',
    summary: 'Ask whether the engine answers',
    answers: { 200: { ...pong, body: { text: 'OK' } } },
  },
  {
    id: 'SystemPingHead',
    method: 'HEAD',
    path: '/_ping',
    tag: 'System',
    summary: 'Ask which version of the API is served',
    answers: { 200: pong },
  },
  {
    id: 'SystemVersion',
    method: 'GET',
    path: '/version',
    tag: 'System',
    summary: 'Say what runs',
    answers: { 200: { text: 'Versions.', body: { json: version } } },
  },
  {
    id: 'SystemInfo',
    method: 'GET',
    path: '/info',
    tag: 'System',
    summary: 'Describe the engine and its machine',
    answers: { 200: { text: 'What it has and can.', body: { json: info } } },
  },
  {
    id: 'SystemEvents',
    method: 'GET',
    path: '/events',
    tag: 'System',
    summary: 'Follow what happens',
    query: {
      since: { kind: 'timestamp', text: 'First those of the last 256 that are not older.' },
      until: { kind: 'timestamp', text: 'End then.' },
      filters: { kind: { filters: eventFilters }, text: 'Only those that match.' },
    },
    answers: { 200: { text: 'One event a line; the headers come at once.', body: { lines: event } } },
  },
  {
    id: 'SystemDataUsage',
    method: 'GET',
    path: '/system/df',
    tag: 'System',
    summary: 'Say what takes how much disk',
    query: { type: { kind: 'strings', text: `Only these: ${diskUsageKinds.join(', ')}.` } },
    answers: { 200: { text: 'What was not asked for is null.', body: { json: diskUsage } } },
  },
  {
    id: 'SystemApiDocument',
    method: 'GET',
    path: '/openapi.json',
    tag: 'System',
    summary: 'This document',
    description: 'This engine’s own: Docker has no such call.',
    answers: { 200: { text: 'OpenAPI 3.1.', body: { json: { map: 'any' } } } },
  },
];

const swarmMembership: Operation[] = (['init', 'join', 'leave'] as const).map((action) => ({
  id: `Swarm${action[0]?.toUpperCase()}${action.slice(1)}`,
  method: 'POST',
  path: `/swarm/${action}`,
  tag: 'Swarm',
  summary: 'Refused: this engine joins no swarm',
  answers: {},
  errors: [action === 'leave' ? 503 : 501],
}));

const methods = ['GET', 'POST', 'DELETE'] as const;
const verbs = { GET: 'Get', POST: 'Post', DELETE: 'Delete' } as const;

const swarm: Operation[] = managed.flatMap((path) => {
  const name = `${path[1]?.toUpperCase()}${path.slice(2)}`;
  return methods.flatMap((method): Operation[] => [
    {
      id: `${name}${verbs[method]}`,
      method,
      path,
      tag: 'Swarm',
      summary: 'Refused: this engine is in no swarm',
      answers: {},
      errors: [503],
    },
    {
      id: `${name}${verbs[method]}Below`,
      method,
      path: `${path}/{path}`,
      route: `${path}/*`,
      tag: 'Swarm',
      summary: 'Refused: this engine is in no swarm',
      answers: {},
      errors: [503],
    },
  ]);
});

const plugins: Operation[] = [
  {
    id: 'PluginList',
    method: 'GET',
    path: '/plugins',
    tag: 'Plugin',
    summary: 'List managed plugins',
    query: { filters: { kind: { filters: pluginFilters }, text: 'Only those that match.' } },
    answers: { 200: { text: 'There are none.', body: { json: listOf('any') } } },
  },
  {
    id: 'PluginPrivileges',
    method: 'GET',
    path: '/plugins/privileges',
    tag: 'Plugin',
    summary: 'Nothing is asked for, since nothing is installed',
    answers: { 200: { text: 'None.', body: { json: listOf('any') } } },
  },
  ...(['POST /plugins/pull', 'POST /plugins/create'] as const).map((call): Operation => {
    const [method, path = ''] = call.split(' ') as ['POST', string];
    const action = path.slice('/plugins/'.length);
    return {
      id: `Plugin${action[0]?.toUpperCase()}${action.slice(1)}`,
      method,
      path,
      tag: 'Plugin',
      summary: 'Refused: managed plugins are not installed',
      answers: {},
      errors: [501],
    };
  }),
  ...methods.map(
    (method): Operation => ({
      id: `Plugin${verbs[method]}`,
      method,
      path: '/plugins/{path}',
      route: '/plugins/*',
      tag: 'Plugin',
      summary: 'Answered by: there is no such plugin',
      answers: {},
      errors: [404],
    }),
  ),
];

export const systemOperations: Operation[] = [...daemon, ...swarmMembership, ...swarm, ...plugins];
