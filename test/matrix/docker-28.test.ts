// The same command lines with the client of Docker 28, on dockerd 28.5 (with overlay2) and on our engine. `pnpm test:matrix`.
import { keptImages, startColumns28 } from './column-sets.ts';
import { explanations28 } from './explanations-28.ts';
import { describeMatrix } from './matrix-suite.ts';
import { topics } from './topics/all.ts';

describeMatrix('docker 28', {
  start: startColumns28,
  topics,
  explanations: explanations28,
  keepImages: keptImages,
});
