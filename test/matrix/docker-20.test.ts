// Docker's command line on the real dockerd 20.10, on our engine, and through tsctl on our engine: the same words, the same
// exit code, the same objects afterwards. docs/compatibility.md says where not, and why. `pnpm test:matrix`.
import { keptImages, startColumns20 } from './column-sets.ts';
import { explanations20 } from './explanations-20.ts';
import { describeMatrix } from './matrix-suite.ts';
import { topics } from './topics/all.ts';

describeMatrix('docker 20.10', {
  start: startColumns20,
  topics,
  explanations: explanations20,
  keepImages: keptImages,
});
