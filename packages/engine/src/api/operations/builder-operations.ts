// The operations of the builder.
import { cachePruneFilters } from '../../routes/builder/build-routes.ts';
import { progress } from '../image-answers.ts';
import type { Operation, Parameter } from '../operation.ts';
import { cachePruned } from '../resource-answers.ts';

const limit = (text: string): Parameter => ({ kind: 'int', text: `Of each container that RUN makes: ${text}.` });

export const builderOperations: Operation[] = [
  {
    id: 'ImageBuild',
    method: 'POST',
    path: '/build',
    tag: 'Image',
    summary: 'Build an image',
    description: 'Docker’s classic builder. What it cannot do is refused by name.',
    query: {
      dockerfile: { kind: 'string', text: 'Its path in the context.' },
      t: { kind: 'strings', text: 'Names of the image.' },
      extrahosts: { kind: 'strings', text: 'Lines of /etc/hosts for RUN: name:address.' },
      remote: { kind: 'string', text: 'A tar or a Dockerfile over HTTP, in place of the body.' },
      q: { kind: 'bool', text: 'Nothing but the image’s id.' },
      nocache: { kind: 'bool', text: 'Every step anew.' },
      cachefrom: { kind: 'string', text: 'JSON list of images whose history serves as cache.' },
      pull: { kind: 'bool', text: 'Pull base images though they are here.' },
      rm: { kind: 'bool', text: 'Remove containers after steps that went well; true by default.' },
      forcerm: { kind: 'bool', text: 'And after one that failed.' },
      memory: limit('bytes'),
      memswap: limit('bytes with swap'),
      cpushares: limit('relative weight'),
      cpusetcpus: { kind: 'string', text: 'Processors for RUN.' },
      cpusetmems: { kind: 'string', text: 'Memory nodes for RUN.' },
      cpuperiod: limit('microseconds of a period'),
      cpuquota: limit('microseconds in a period'),
      cgroupparent: { kind: 'string', text: 'Control group above those of RUN.' },
      buildargs: { kind: 'string', text: 'JSON object: values of ARG.' },
      shmsize: limit('bytes of /dev/shm'),
      ulimits: { kind: 'string', text: 'JSON list of limits for RUN.' },
      labels: { kind: 'string', text: 'JSON object: further labels.' },
      networkmode: { kind: 'string', text: 'Network of RUN.' },
      platform: { kind: 'string', text: 'os[/arch[/variant]] of base images.' },
      target: { kind: 'string', text: 'The stage to stop after.' },
      version: { kind: { values: ['1'] }, text: 'The classic builder; BuildKit (2) is refused.' },
      buildid: { kind: 'string', text: 'By which the build can be cancelled.' },
    },
    headers: { 'X-Registry-Config': 'Base64url of JSON: credentials by registry.' },
    body: { type: 'application/x-tar' },
    answers: {
      200: {
        text: 'What the steps print. A failure after the first line is the last line: `errorDetail`, with the exit code of RUN.',
        body: { lines: progress },
      },
    },
    errors: [404, 501],
  },
  {
    id: 'BuildPrune',
    method: 'POST',
    path: '/build/prune',
    tag: 'Image',
    summary: 'Remove the build cache',
    description: 'The classic builder’s cache are images, which POST /images/prune removes: nothing is left for this.',
    query: {
      all: { kind: 'bool', text: 'Not only what dangles.' },
      'keep-storage': { kind: 'int', text: 'Bytes to keep.' },
      filters: { kind: { filters: cachePruneFilters }, text: 'Only those that match.' },
    },
    answers: { 200: { text: 'What is gone.', body: { json: cachePruned } } },
  },
  {
    id: 'BuildCancel',
    method: 'POST',
    path: '/build/cancel',
    tag: 'Image',
    summary: 'Cancel a build',
    query: { id: { kind: 'string', text: 'Its buildid.', isRequired: true } },
    answers: { 200: { text: 'Done, or there is no such build any more.' } },
  },
  {
    id: 'Session',
    method: 'POST',
    path: '/session',
    tag: 'Session',
    summary: 'Let the engine call its client',
    description:
      'After the upgrade the roles are turned: over HTTP/2 the client serves gRPC, grpc.health.v1.Health among it, and the engine calls. The session lasts as long as the connection, and ends when the client does not answer for its health. The classic builder asks nothing of it.',
    headers: {
      'X-Docker-Expose-Session-Uuid': 'By which a build names it; one that is there is refused.',
      'X-Docker-Expose-Session-Name': 'For people.',
      'X-Docker-Expose-Session-Sharedkey': 'The same for builds of the same directory.',
      'X-Docker-Expose-Session-Grpc-Method': 'A method that may be called; repeated.',
    },
    answers: {},
    upgrade: 'h2c',
  },
  {
    id: 'BuildKitControl',
    method: 'POST',
    path: '/grpc',
    tag: 'Session',
    summary: 'Where BuildKit would be',
    description: 'After the upgrade every gRPC call is answered by UNIMPLEMENTED, and what to do without BuildKit.',
    answers: {},
    upgrade: 'h2c',
  },
];
