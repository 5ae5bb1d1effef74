// Answers about images and registries, and the lines of progress that pull, push, load, import and build write.
import { containerConfig, graphDriver } from './container-answers.ts';
import { listOf, named, nullable, optional } from './shape.ts';

export const imageSummary = named('ImageSummary', {
  Containers: 'int',
  Created: 'int',
  Id: 'string',
  Labels: nullable('stringMap'),
  ParentId: 'string',
  RepoDigests: 'strings',
  RepoTags: 'strings',
  SharedSize: 'int',
  Size: 'int',
  VirtualSize: optional('int'),
});

export const descriptor = named('Descriptor', { mediaType: 'string', digest: 'string', size: 'int' });

export const imageInspect = named('ImageInspect', {
  Id: 'string',
  RepoTags: 'strings',
  RepoDigests: 'strings',
  Parent: 'string',
  Comment: 'string',
  Created: 'time',
  DockerVersion: 'string',
  Author: 'string',
  Config: containerConfig,
  Architecture: 'string',
  Variant: optional('string'),
  Os: 'string',
  Size: 'int',
  VirtualSize: optional('int'),
  GraphDriver: graphDriver,
  RootFS: named('RootFs', { Type: 'string', Layers: optional('strings') }),
  Metadata: named('ImageMetadata', { LastTagTime: 'time' }),
  Descriptor: optional(descriptor),
});

export const imageHistory = named('ImageHistoryRow', {
  Comment: 'string',
  Created: 'int',
  CreatedBy: 'string',
  Id: 'string',
  Size: 'int',
  Tags: nullable('strings'),
});

export const removalRow = named('ImageRemovalRow', { Untagged: optional('string'), Deleted: optional('string') });

export const imagesPruned = named('ImagesPruned', {
  ImagesDeleted: nullable(listOf(removalRow)),
  SpaceReclaimed: 'int',
});

export const imageId = named('ImageCommitted', { Id: 'string' });

const progressDetail = named('ProgressDetail', { current: optional('int'), total: optional('int') });

export const progress = named('ProgressMessage', {
  status: optional('string'),
  id: optional('string'),
  progress: optional('string'),
  progressDetail: optional(progressDetail),
  stream: optional('string'),
  aux: optional({ map: 'any' }),
  error: optional('string'),
  errorDetail: optional(named('ErrorDetail', { message: 'string', code: optional('int') })),
});

const platform = named('Platform', {
  architecture: 'string',
  os: 'string',
  variant: optional('string'),
  'os.version': optional('string'),
  'os.features': optional('strings'),
});

export const distributionInspect = named('DistributionInspect', {
  Descriptor: descriptor,
  Platforms: listOf(platform),
});

export const authAnswer = named('AuthAnswer', { Status: 'string', IdentityToken: 'string' });

export const searchResult = named('SearchResult', {
  star_count: 'int',
  is_official: 'bool',
  name: 'string',
  is_automated: 'bool',
  description: 'string',
});
