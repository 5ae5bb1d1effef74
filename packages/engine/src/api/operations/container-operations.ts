// The operations on containers: lists, life, streams, files.
import { configSchema } from '../../containers/container-config.ts';
import { containerFilters } from '../../containers/container-list.ts';
import { createBodySchema } from '../../containers/create-request.ts';
import { updateSchema } from '../../routes/containers/inspect-routes.ts';
import { containerPruneFilters, waitConditions } from '../../routes/containers/lifecycle-routes.ts';
import { execSchema, startSchema } from '../../routes/exec/exec-routes.ts';
import {
  change,
  containerInspect,
  containerSummary,
  containersPruned,
  created,
  execCreated,
  execInspect,
  processTable,
  updated,
  waitAnswer,
} from '../container-answers.ts';
import { imageId } from '../image-answers.ts';
import type { Answer, Operation, Parameter } from '../operation.ts';
import { listOf, nullable } from '../shape.ts';
import { containerStats } from '../stats-answers.ts';

const done: Answer = { text: 'Done.' };
const tar = ['application/x-tar'];
const streamTypes = ['application/vnd.docker.raw-stream', 'application/vnd.docker.multiplexed-stream'];
const signal: Parameter = { kind: 'string', text: 'A signal by name or number.' };
const seconds: Parameter = { kind: 'int', text: 'Seconds until SIGKILL; -1 waits for ever.' };
const height: Parameter = { kind: 'int', text: 'Rows.', isRequired: true };
const width: Parameter = { kind: 'int', text: 'Columns.', isRequired: true };
const pathParameter: Parameter = { kind: 'string', text: 'Where, inside the container.', isRequired: true };
const statHeader = {
  'X-Docker-Container-Path-Stat': 'Base64 of JSON: name, size, mode (as Go’s os.FileMode), mtime, linkTarget.',
};

const attachQuery: Record<string, Parameter> = {
  detachKeys: { kind: 'string', text: 'The keys that end the session and leave the container be.' },
  logs: { kind: 'bool', text: 'First what it has written so far.' },
  stream: { kind: 'bool', text: 'What it writes from now on.' },
  stdin: {
    kind: 'bool',
    text: 'What is sent goes to its standard input; half-closing the connection ends that input.',
  },
  stdout: { kind: 'bool', text: 'Its standard output.' },
  stderr: { kind: 'bool', text: 'Its standard error.' },
};

const lists: Operation[] = [
  {
    id: 'ContainerList',
    method: 'GET',
    path: '/containers/json',
    tag: 'Container',
    summary: 'List containers',
    query: {
      all: { kind: 'bool', text: 'Those that do not run, too.' },
      limit: { kind: 'int', text: 'The newest so many, running or not.' },
      size: { kind: 'bool', text: 'With their sizes on disk, which takes time.' },
      filters: { kind: { filters: containerFilters }, text: 'Only those that match.' },
    },
    answers: { 200: { text: 'The newest first.', body: { json: listOf(containerSummary) } } },
  },
  {
    id: 'ContainerInspect',
    method: 'GET',
    path: '/containers/{id}/json',
    tag: 'Container',
    summary: 'Show a container',
    query: { size: { kind: 'bool', text: 'With its sizes on disk.' } },
    answers: { 200: { text: 'All that is known of it.', body: { json: containerInspect } } },
    errors: [404],
  },
  {
    id: 'ContainerTop',
    method: 'GET',
    path: '/containers/{id}/top',
    tag: 'Container',
    summary: 'List the processes of a container',
    query: { ps_args: { kind: 'string', text: 'Arguments of ps(1), -ef by default; PID must be among the columns.' } },
    answers: { 200: { text: 'As ps on the host prints them.', body: { json: processTable } } },
    errors: [404, 409],
  },
  {
    id: 'ContainerChanges',
    method: 'GET',
    path: '/containers/{id}/changes',
    tag: 'Container',
    summary: 'List what differs from the image',
    answers: { 200: { text: 'Null when nothing does.', body: { json: nullable(listOf(change)) } } },
    errors: [404],
  },
];

const life: Operation[] = [
  {
    id: 'ContainerCreate',
    method: 'POST',
    path: '/containers/create',
    tag: 'Container',
    summary: 'Create a container',
    description: 'Every field is in force or refused by name. An image that is not there is 404, and nothing was made.',
    query: {
      name: { kind: 'string', text: 'Its name; one is made up without.' },
      platform: { kind: 'string', text: 'os[/arch[/variant]]: the image must be for it.' },
    },
    body: { schema: createBodySchema, name: 'ContainerCreateBody', isRequired: true },
    answers: { 201: { text: 'Made.', body: { json: created } } },
    errors: [404, 409],
  },
  {
    id: 'ContainerStart',
    method: 'POST',
    path: '/containers/{id}/start',
    tag: 'Container',
    summary: 'Start a container',
    query: { detachKeys: attachQuery['detachKeys'] as Parameter },
    answers: { 204: { text: 'Its process runs.' }, 304: { text: 'It ran already.' } },
    errors: [404, 409],
  },
  {
    id: 'ContainerStop',
    method: 'POST',
    path: '/containers/{id}/stop',
    tag: 'Container',
    summary: 'Stop a container',
    description: 'Sends its stop signal, and SIGKILL after the time.',
    query: { t: seconds, signal },
    answers: { 204: { text: 'It has ended.' }, 304: { text: 'It did not run.' } },
    errors: [404],
  },
  {
    id: 'ContainerRestart',
    method: 'POST',
    path: '/containers/{id}/restart',
    tag: 'Container',
    summary: 'Stop a container and start it again',
    query: { t: seconds, signal },
    answers: { 204: { text: 'Its new process runs.' } },
    errors: [404, 409],
  },
  {
    id: 'ContainerKill',
    method: 'POST',
    path: '/containers/{id}/kill',
    tag: 'Container',
    summary: 'Send a signal to a container',
    query: { signal: { ...signal, text: 'SIGKILL by default.' } },
    answers: { 204: { text: 'Sent; after SIGKILL it has ended.' } },
    errors: [404, 409],
  },
  {
    id: 'ContainerPause',
    method: 'POST',
    path: '/containers/{id}/pause',
    tag: 'Container',
    summary: 'Freeze a container',
    answers: { 204: done },
    errors: [404, 409],
  },
  {
    id: 'ContainerUnpause',
    method: 'POST',
    path: '/containers/{id}/unpause',
    tag: 'Container',
    summary: 'Thaw a container',
    answers: { 204: done },
    errors: [404, 409],
  },
  {
    id: 'ContainerRename',
    method: 'POST',
    path: '/containers/{id}/rename',
    tag: 'Container',
    summary: 'Rename a container',
    query: { name: { kind: 'string', text: 'The new name.', isRequired: true } },
    answers: { 204: done },
    errors: [404, 409],
  },
  {
    id: 'ContainerUpdate',
    method: 'POST',
    path: '/containers/{id}/update',
    tag: 'Container',
    summary: 'Change limits, restart policy or published ports',
    description:
      'In force at once and at every further start; zero values change nothing. PublishAdd and PublishRemove are this engine’s own: they work while the container runs.',
    body: { schema: updateSchema, name: 'ContainerUpdateBody', isRequired: true },
    answers: { 200: { text: 'Changed.', body: { json: updated } } },
    errors: [404, 409],
  },
  {
    id: 'ContainerWait',
    method: 'POST',
    path: '/containers/{id}/wait',
    tag: 'Container',
    summary: 'Wait for a container to end',
    description: 'The headers come at once: whoever has them may start the container and misses no exit.',
    query: {
      condition: { kind: { values: waitConditions }, text: 'not-running by default; next-exit ignores a past exit.' },
    },
    answers: { 200: { text: 'How it ended.', body: { lines: waitAnswer } } },
    errors: [404],
  },
  {
    id: 'ContainerDelete',
    method: 'DELETE',
    path: '/containers/{id}',
    tag: 'Container',
    summary: 'Remove a container',
    query: {
      v: { kind: 'bool', text: 'Its anonymous volumes, too.' },
      force: { kind: 'bool', text: 'Kill it if it runs.' },
      link: { kind: 'bool', text: 'Refused: this engine has no links to remove.' },
    },
    answers: { 204: { text: 'Gone.' } },
    errors: [404, 409],
  },
  {
    id: 'ContainerPrune',
    method: 'POST',
    path: '/containers/prune',
    tag: 'Container',
    summary: 'Remove the containers that do not run',
    query: { filters: { kind: { filters: containerPruneFilters }, text: 'Only those that match.' } },
    answers: { 200: { text: 'What is gone.', body: { json: containersPruned } } },
  },
];

const streams: Operation[] = [
  {
    id: 'ContainerResize',
    method: 'POST',
    path: '/containers/{id}/resize',
    tag: 'Container',
    summary: 'Set the size of a container’s terminal',
    query: { h: height, w: width },
    answers: { 200: { text: 'Set, or there is no terminal.' } },
    errors: [404, 409],
  },
  {
    id: 'ContainerAttach',
    method: 'POST',
    path: '/containers/{id}/attach',
    tag: 'Container',
    summary: 'Attach to the streams of a container',
    description:
      'The connection leaves HTTP: with `Upgrade: tcp` after 101, without it after 200. Without a terminal what comes is framed: stream (1 stdout, 2 stderr), three zero bytes, length in four bytes (big-endian), payload.',
    query: attachQuery,
    answers: { 200: { text: 'Bytes until the container ends.', body: { types: streamTypes } } },
    errors: [404, 409],
    upgrade: 'tcp',
  },
  {
    id: 'ContainerAttachWebsocket',
    method: 'GET',
    path: '/containers/{id}/attach/ws',
    tag: 'Container',
    summary: 'Attach by WebSocket',
    description: 'Binary messages, never framed. Without a handshake it is refused.',
    query: attachQuery,
    answers: {},
    errors: [404, 409],
    upgrade: 'websocket',
  },
  {
    id: 'ContainerLogs',
    method: 'GET',
    path: '/containers/{id}/logs',
    tag: 'Container',
    summary: 'Read what a container has written',
    description: 'Framed as attach is, unless the container has a terminal.',
    query: {
      follow: { kind: 'bool', text: 'Go on until the container ends.' },
      stdout: { kind: 'bool', text: 'Its standard output; one of the two is needed.' },
      stderr: { kind: 'bool', text: 'Its standard error.' },
      since: { kind: 'timestamp', text: 'Nothing older.' },
      until: { kind: 'timestamp', text: 'Nothing newer.' },
      timestamps: { kind: 'bool', text: 'Before each line when it was written.' },
      details: { kind: 'bool', text: 'With the attributes of the log driver.' },
      tail: { kind: 'string', text: 'The last so many lines, or all.' },
    },
    answers: { 200: { text: 'Lines.', body: { types: streamTypes } } },
    errors: [404, 501],
  },
  {
    id: 'ContainerStats',
    method: 'GET',
    path: '/containers/{id}/stats',
    tag: 'Container',
    summary: 'Measure what a container uses',
    query: {
      stream: { kind: 'bool', text: 'A sample a second; true by default.' },
      'one-shot': { kind: 'bool', text: 'With stream=false: one reading at once, without the one before it.' },
    },
    answers: { 200: { text: 'Samples.', body: { lines: containerStats } } },
    errors: [404],
  },
];

const files: Operation[] = [
  {
    id: 'ContainerArchiveInfo',
    method: 'HEAD',
    path: '/containers/{id}/archive',
    tag: 'Container',
    summary: 'Say what is at a path',
    query: { path: pathParameter },
    answers: { 200: { text: 'In a header.', headers: statHeader } },
    errors: [404],
  },
  {
    id: 'ContainerArchive',
    method: 'GET',
    path: '/containers/{id}/archive',
    tag: 'Container',
    summary: 'Read a file or directory as a tar',
    query: { path: pathParameter },
    answers: { 200: { text: 'Links are resolved within the container.', headers: statHeader, body: { types: tar } } },
    errors: [404],
  },
  {
    id: 'PutContainerArchive',
    method: 'PUT',
    path: '/containers/{id}/archive',
    tag: 'Container',
    summary: 'Unpack a tar into a directory',
    query: {
      path: { ...pathParameter, text: 'An existing directory.' },
      noOverwriteDirNonDir: { kind: 'bool', text: 'No directory takes a file’s place, and no file a directory’s.' },
      copyUIDGID: { kind: 'bool', text: 'Files belong to the container’s user.' },
    },
    body: { type: 'application/x-tar', isRequired: true },
    answers: { 200: { text: 'Unpacked.' } },
    errors: [403, 404],
  },
  {
    id: 'ContainerExport',
    method: 'GET',
    path: '/containers/{id}/export',
    tag: 'Container',
    summary: 'Read the whole filesystem as a tar',
    answers: { 200: { text: 'Without what is mounted into it.', body: { types: ['application/octet-stream'] } } },
    errors: [404],
  },
  {
    id: 'ImageCommit',
    method: 'POST',
    path: '/commit',
    tag: 'Image',
    summary: 'Make an image of a container',
    query: {
      container: { kind: 'string', text: 'Its id or name.', isRequired: true },
      repo: { kind: 'string', text: 'Name of the image; none without.' },
      tag: { kind: 'string', text: 'latest by default.' },
      comment: { kind: 'string', text: 'For the history.' },
      author: { kind: 'string', text: 'For the image.' },
      pause: { kind: 'bool', text: 'Freeze it meanwhile; true by default.' },
      changes: { kind: 'strings', text: 'Instructions as in a Dockerfile: CMD, ENTRYPOINT, ENV and others.' },
    },
    body: { schema: configSchema, name: 'ContainerConfigBody' },
    answers: { 201: { text: 'Made.', body: { json: imageId } } },
    errors: [404, 409],
  },
];

const execs: Operation[] = [
  {
    id: 'ContainerExec',
    method: 'POST',
    path: '/containers/{id}/exec',
    tag: 'Exec',
    summary: 'Prepare another process in a container',
    body: { schema: execSchema, name: 'ExecCreateBody', isRequired: true },
    answers: { 201: { text: 'Not started yet.', body: { json: execCreated } } },
    errors: [404, 409],
  },
  {
    id: 'ExecStart',
    method: 'POST',
    path: '/exec/{id}/start',
    tag: 'Exec',
    summary: 'Start the process and attach to it',
    description: 'Framed as attach is. The exit code is that of inspect, once the stream has ended.',
    body: { schema: startSchema, name: 'ExecStartBody' },
    answers: { 200: { text: 'Bytes until it ends; with Detach nothing, once it runs.', body: { types: streamTypes } } },
    errors: [404, 409],
    upgrade: 'tcp',
  },
  {
    id: 'ExecInspect',
    method: 'GET',
    path: '/exec/{id}/json',
    tag: 'Exec',
    summary: 'Show such a process',
    answers: { 200: { text: 'ExitCode is null until it has ended.', body: { json: execInspect } } },
    errors: [404],
  },
  {
    id: 'ExecResize',
    method: 'POST',
    path: '/exec/{id}/resize',
    tag: 'Exec',
    summary: 'Set the size of its terminal',
    query: { h: height, w: width },
    answers: { 200: done },
    errors: [404, 409],
  },
];

export const containerOperations: Operation[] = [...lists, ...life, ...streams, ...files, ...execs];
