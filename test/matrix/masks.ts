// Hides what two runs may differ in: ids, times, paths, pids, ports of chance, and the client's own name.
import type { Column } from './column.ts';
import type { EngineState } from './engine-state.ts';

/** What a column has called its objects so far: id -> name. Ids that are the same everywhere are not in it. */
export class IdNames {
  readonly #names = new Map<string, string>();
  readonly #kept = new Set<string>();

  learn(state: EngineState): void {
    for (const [key, object] of state) {
      const id: string | undefined = object?.Id ?? object?.ID;
      if (id === undefined || id === '') continue;
      const hex = id.replace(/^sha256:/, '');
      if (key.startsWith('image ') && isDeterministic(key)) {
        this.#kept.add(hex.slice(0, 12));
        continue;
      }
      this.#names.set(hex, `<${key.replace(/ sha256:.*/, '')}>`);
      this.#names.set(hex.slice(0, 12), `<${key.replace(/ sha256:.*/, '')}>`);
      const name = object.Config?.Hostname;
      if (/^[0-9a-f]{12}$/.test(name ?? '')) this.#names.set(name, '<short id>');
    }
  }

  /** Whether it is the short id of an image that is the same everywhere. */
  isKept(shortId: string): boolean {
    return this.#kept.has(shortId);
  }

  replace(text: string): string {
    return text.replace(/\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b/g, (id) => this.#names.get(id) ?? id);
  }
}

/** Images that were loaded from the same archive have the same id on every engine. */
const deterministicImages = ['busybox', 'other', 'tagged'];
function isDeterministic(key: string): boolean {
  return deterministicImages.some((name) => key.startsWith(`image ${name}`));
}

const timestamp = /\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|UTC|[+-]\d\d:?\d\d( [A-Z]{3,4})?))?/g;
const size = /(?<![\w.])\d+(\.\d+)?([kMG]i?)?B\b( \(\d+%\))?/g;
const duration = /\b(About an? |Less than an? |An? |\d+ )(second|minute|hour|day|week|month|year)s?( ago)?/g;

export function maskText(text: string, column: Column, names: IdNames): string {
  const { directory } = column.engine;
  return (
    names
      .replace(text)
      .replaceAll(column.scratch, '<dir>')
      .replaceAll(column.engine.socket, '<socket>')
      .replaceAll(directory, '<engine>')
      .replaceAll(column.client, '<client>')
      // docker 20.10 logs this sometimes when a start fails: it gave up waiting for the container
      .replace(/^time=.*error waiting for container:.*\n/gm, '')
      // docker 28 logs this when the daemon has refused before all of the archive was sent
      .replace(/^time=.*Can't add file .* to tar: io: read\/write on closed pipe"\n/gm, '')
      // dockerd 28 wakes who waits for an end before it tells of the end: a stop is told before or after it
      .replace(/^stop (\S+)\ndie \1$/gm, 'die $1\nstop $1')
      .replace(/\btsctl\b/g, 'docker')
      .replace(/(?<!sha256:)\b[0-9a-f]{64}\b/g, '<64 hex>')
      .replace(/(?<![:\w])(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{12}\b/g, (id) => (names.isKept(id) ? id : '<12 hex>'))
      .replace(timestamp, (time) => (time.startsWith('0001-01-01') ? time : '<time>'))
      .replace(/\b1[67]\d{8}(\.\d{9})?\b/g, '<unix time>')
      .replace(duration, '<duration>')
      .replace(size, '<size>')
      .replace(/ {2,}/g, '  ')
      .replace(/^\d{2,7}(?= {2}\w)/gm, '<pid>')
  );
}

/** Fields whose values are of chance, by the end of their path. Null and zero stay as they are. */
const chanceFields =
  /\.(Created|CreatedAt|StartedAt|FinishedAt|LastTagTime|Pid|ContainerPid|Start|End|LastUsed|SandboxID|EndpointID|Size|VirtualSize|ParentSize|SizeRw|SizeRootFs|FailingStreak)$/;

/** The object with the same masks, and fields of chance as `<chance>`. */
export function maskValue(value: any, column: Column, names: IdNames, path = ''): unknown {
  if (typeof value === 'string') {
    const isChance = chanceFields.test(path) && value !== '' && !value.startsWith('0001-01-01');
    return isChance ? '<chance>' : maskText(value, column, names);
  }
  if (typeof value === 'number')
    return chanceFields.test(path) && (value > 0 || /Size/.test(path)) ? '<chance>' : value;
  // how often a check has run is of chance
  if (/\.(Health\.Log|ExecIDs)$/.test(path)) return '<chance>';
  if (Array.isArray(value)) {
    const masked = value.map((each, at) => maskValue(each, column, names, `${path}[${at}]`));
    // sorted by ids so far
    return path.endsWith('.DNSNames') ? masked.toSorted() : masked;
  }
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      maskText(key, column, names),
      maskValue(each, column, names, `${path}.${key}`),
    ]),
  );
}
