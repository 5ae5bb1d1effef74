// The operations on volumes.
import { volumeCreateSchema, volumeListFilters, volumePruneFilters } from '../../routes/volumes/volume-routes.ts';
import type { Operation, Parameter } from '../operation.ts';
import { volume, volumeList, volumesPruned } from '../resource-answers.ts';

const newName: Parameter = { kind: 'string', text: 'The new name.' };

export const volumeOperations: Operation[] = [
  {
    id: 'VolumeList',
    method: 'GET',
    path: '/volumes',
    tag: 'Volume',
    summary: 'List volumes',
    query: { filters: { kind: { filters: volumeListFilters }, text: 'Only those that match.' } },
    answers: { 200: { text: 'In an object, with warnings.', body: { json: volumeList } } },
  },
  {
    id: 'VolumeCreate',
    method: 'POST',
    path: '/volumes/create',
    tag: 'Volume',
    summary: 'Create a volume',
    description: 'One of that name that is there already is the answer.',
    body: { schema: volumeCreateSchema, name: 'VolumeCreateBody', isRequired: true },
    answers: { 201: { text: 'Made, or there.', body: { json: volume } } },
    errors: [404, 409],
  },
  {
    id: 'VolumeInspect',
    method: 'GET',
    path: '/volumes/{name}',
    tag: 'Volume',
    summary: 'Show a volume',
    answers: { 200: { text: 'All that is known of it.', body: { json: volume } } },
    errors: [404],
  },
  {
    id: 'VolumeUpdate',
    method: 'PUT',
    path: '/volumes/{name}',
    tag: 'Volume',
    summary: 'Refused: only the volumes of a cluster are updated',
    answers: {},
    errors: [503],
  },
  {
    id: 'VolumeDelete',
    method: 'DELETE',
    path: '/volumes/{name}',
    tag: 'Volume',
    summary: 'Remove a volume',
    query: { force: { kind: 'bool', text: 'No error when there is none.' } },
    answers: { 204: { text: 'Gone.' } },
    errors: [404, 409],
  },
  {
    id: 'VolumePrune',
    method: 'POST',
    path: '/volumes/prune',
    tag: 'Volume',
    summary: 'Remove volumes that no container uses',
    query: { filters: { kind: { filters: volumePruneFilters }, text: 'all=true: those with names, too.' } },
    answers: { 200: { text: 'What is gone.', body: { json: volumesPruned } } },
  },
  {
    id: 'VolumeRename',
    method: 'POST',
    path: '/volumes/{name}/rename',
    tag: 'Volume',
    summary: 'Rename a volume',
    description: 'This engine’s own: Docker has no such call.',
    query: { name: { ...newName, isRequired: true } },
    answers: { 200: { text: 'Under its new name.', body: { json: volume } } },
    errors: [404, 409],
  },
  {
    id: 'VolumeClone',
    method: 'POST',
    path: '/volumes/{name}/clone',
    tag: 'Volume',
    summary: 'Copy a volume',
    description: 'This engine’s own: Docker has no such call.',
    query: {
      name: { ...newName, text: 'The copy’s name; one is made up without.' },
      snapshot: { kind: 'bool', text: 'Labelled as taken of this volume.' },
    },
    answers: { 201: { text: 'The copy.', body: { json: volume } } },
    errors: [404, 409],
  },
];
