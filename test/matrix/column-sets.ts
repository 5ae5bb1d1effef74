// Starts the columns of a matrix: docker's command line on a real dockerd and on our engine, and tsctl on our engine.
import { expect } from 'vitest';
import { busyboxArchive } from '../harness/images.ts';
import { newerDocker } from '../harness/newer-docker.ts';
import { startRealDockerd } from '../harness/real-dockerd.ts';
import { binDirectory } from '../harness/repository.ts';
import { startStack } from '../harness/stack.ts';
import { Column, removeEmbeddedImage } from './column.ts';

const debianDocker = '/usr/bin/docker';

/** Debian 12's docker 20.10, and tsctl. The first column is the reference. */
export async function startColumns20(): Promise<Column[]> {
  const [dockerd, stack, tsctlStack] = await Promise.all([
    startRealDockerd([], { isWithoutPlugins: true }),
    startStack(),
    startStack(),
  ]);
  return withBusybox([
    new Column('docker on dockerd', debianDocker, dockerd),
    new Column('docker on tsengined', debianDocker, stack),
    new Column('tsctl on tsengined', `${binDirectory}/tsctl`, tsctlStack),
  ]);
}

/** Debian sid's docker 28.5. */
export async function startColumns28(): Promise<Column[]> {
  const programs = await newerDocker();
  const [dockerd, stack] = await Promise.all([
    startRealDockerd([], { programs, isWithoutPlugins: true }),
    startStack(),
  ]);
  return withBusybox([
    new Column('docker 28 on dockerd', programs.docker, dockerd),
    new Column('docker 28 on tsengined', programs.docker, stack),
  ]);
}

/** The one image that stays from topic to topic. */
export const keptImages = ['busybox:latest'];

async function withBusybox(columns: Column[]): Promise<Column[]> {
  const archive = await busyboxArchive();
  for (const column of columns) {
    const loaded = await column.run({ line: `load -i ${archive}` });
    expect(loaded, column.name).toMatchObject({ code: 0 });
    if (column.name.includes('tsengined')) await removeEmbeddedImage(column);
  }
  return columns;
}
