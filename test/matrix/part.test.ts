// A part of the matrix for every test run, with both clients; `pnpm test:matrix` runs the whole. Docker 28 is Debian sid's
// package: where that cannot be had, or sid has gone on to another Docker, its half says so and is skipped.
import { run } from '../harness/command.ts';
import { newerDocker } from '../harness/newer-docker.ts';
import { keptImages, startColumns20, startColumns28 } from './column-sets.ts';
import { explanations20 } from './explanations-20.ts';
import { explanations28 } from './explanations-28.ts';
import { describeMatrix } from './matrix-suite.ts';
import { errors } from './topics/errors.ts';
import { listing } from './topics/listing.ts';
import { volumes } from './topics/volumes.ts';

const part = { keepImages: keptImages, isPart: true };

describeMatrix('docker 20.10, a part', {
  start: startColumns20,
  explanations: explanations20,
  topics: [volumes, errors],
  ...part,
});

describeMatrix('docker 28, a part', {
  start: startColumns28,
  explanations: explanations28,
  topics: [listing, volumes, errors],
  ...part,
  reasonToSkip: await reasonWithout28(),
});

/** Why there is no Docker 28 here; '' when there is. */
async function reasonWithout28(): Promise<string> {
  try {
    const { stdout } = await run((await newerDocker()).docker, ['--version'], {});
    return / version 28\./.test(stdout) ? '' : `sid has another Docker: ${stdout.trim()}`;
  } catch (error) {
    return `no Docker 28: ${String(error)}`;
  }
}
