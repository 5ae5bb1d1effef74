// Tests the progress lines of a pull against docker's.
import { parseReference } from '@tscontainer/core/reference';
import { expect, it } from 'vitest';
import { humanSize, type ProgressLine, PullReporter, progressBar } from './pull-reporter.ts';

const layer = { mediaType: 'l', digest: `sha256:${'a'.repeat(64)}`, size: 2_000 };

function reporter(): { lines: ProgressLine[]; report: PullReporter } {
  const lines: ProgressLine[] = [];
  return { lines, report: new PullReporter(parseReference('busybox:1'), (line) => lines.push(line)) };
}

it('tells a layer’s life in docker’s words', () => {
  const { lines, report } = reporter();
  report.event({ kind: 'resolved', target: layer });
  report.event({ kind: 'layers', manifest: layer, layers: [layer, layer] });
  report.event({ kind: 'downloading', layer, current: 1_000 });
  report.event({ kind: 'downloaded', layer });
  report.event({ kind: 'extracting', layer });
  report.event({ kind: 'extracted', layer });
  report.finish(layer, true);
  expect(lines.map((line) => line.status)).toEqual([
    'Pulling from library/busybox',
    'Pulling fs layer',
    'Downloading',
    'Download complete',
    'Extracting',
    'Pull complete',
    `Digest: ${layer.digest}`,
    'Status: Downloaded newer image for busybox:1',
  ]);
  expect(lines[0]?.id).toBe('1');
  expect(lines[2]).toEqual({
    status: 'Downloading',
    progressDetail: { current: 1_000, total: 2_000 },
    progress: `[${'='.repeat(25)}>${' '.repeat(24)}]  1kB/2kB`,
    id: 'a'.repeat(12),
  });
});

it('says once that a layer is there, though it is also unpacked', () => {
  const { lines, report } = reporter();
  report.event({ kind: 'exists', layer });
  report.event({ kind: 'extracted', layer });
  expect(lines.map((line) => line.status)).toEqual([
    'Pulling from library/busybox',
    'Pulling fs layer',
    'Already exists',
  ]);
});

it('ends every layer, also those whose unpacking nobody told', () => {
  const { lines, report } = reporter();
  report.event({ kind: 'downloaded', layer });
  report.finish(layer, true);
  expect(lines.map((line) => line.status).slice(1, 4)).toEqual([
    'Pulling fs layer',
    'Download complete',
    'Pull complete',
  ]);
});

it('draws bars of one width', () => {
  for (const current of [0, 1, 999, 2_000, 5_000]) expect(progressBar(current, 2_000).indexOf(']')).toBe(51);
  expect([humanSize(0), humanSize(999), humanSize(1_234_567), humanSize(5e12)]).toEqual([
    '0B',
    '999B',
    '1.235MB',
    '5TB',
  ]);
});
