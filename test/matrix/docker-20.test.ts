// Docker's command line on the real dockerd 20.10, on our engine, and through tsctl on our engine: the same words, the same
// exit code, the same objects afterwards. docs/compatibility.md says where not, and why.
import { expect } from 'vitest';
import { busyboxArchive } from '../harness/images.ts';
import { startRealDockerd } from '../harness/real-dockerd.ts';
import { binDirectory } from '../harness/repository.ts';
import { startStack } from '../harness/stack.ts';
import { Column, removeEmbeddedImage } from './column.ts';
import { explanations } from './explanations.ts';
import { describeMatrix } from './matrix-suite.ts';
import { topics } from './topics/all.ts';

const debianDocker = '/usr/bin/docker';

async function start(): Promise<Column[]> {
  const archive = await busyboxArchive();
  const engines = await Promise.all([startRealDockerd([]), startStack(), startStack()]);
  const [dockerd, stack, tsctlStack] = engines;
  const columns = [
    new Column('docker on dockerd', debianDocker, dockerd),
    new Column('docker on tsengined', debianDocker, stack),
    new Column('tsctl on tsengined', `${binDirectory}/tsctl`, tsctlStack),
  ];
  for (const column of columns) {
    const loaded = await column.run({ line: `load -i ${archive}` });
    expect(loaded, column.name).toMatchObject({ code: 0 });
    if (column.name.includes('tsengined')) await removeEmbeddedImage(column);
  }
  return columns;
}

describeMatrix('docker 20.10', { start, topics, explanations, keepImages: ['busybox:latest'] });
