// What an engine holds, object by object, as its own inspect tells it; the matrix compares what a line has changed of it.
import type { Column } from './column.ts';

/** `container web`, `volume data`, `network front`, `image busybox:latest` -> the inspected object. */
export type EngineState = ReadonlyMap<string, any>;

/** An image of no name is called after its place among those of no name. */
const untagged = 'image <untagged>';

export async function readState(column: Column): Promise<EngineState> {
  const state = new Map<string, any>();
  const add = (key: string, value: any) => {
    if (value !== undefined) state.set(key, inOrder(value)); // it may go while we look
  };
  const containers = (await column.get('/containers/json?all=1')) ?? [];
  for (const { Id } of containers) {
    const inspected = await column.get(`/containers/${Id}/json`);
    add(`container ${String(inspected?.Name).slice(1)}`, inspected);
  }
  for (const { Id, Name } of (await column.get('/networks')) ?? [])
    add(`network ${Name}`, await column.get(`/networks/${Id}`));
  for (const volume of (await column.get('/volumes'))?.Volumes ?? []) add(`volume ${volume.Name}`, volume);
  const images = (await column.get('/images/json')) ?? [];
  for (const { Id, RepoTags } of images) {
    const name = (RepoTags ?? []).filter((tag: string) => tag !== '<none>:<none>').sort()[0];
    add(name === undefined ? `${untagged} ${Id}` : `image ${name}`, await column.get(`/images/${Id}/json`));
  }
  return state;
}

/** Lists that docker gives in the order of a hash table. */
const unordered = new Set(['RepoTags', 'Binds', 'Mounts', 'Links', 'Aliases', 'DNSNames', 'Config', 'Env']);

export function inOrder(value: any): any {
  if (Array.isArray(value)) return value.map(inOrder);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, each]) => {
    const inner = inOrder(each);
    return [key, unordered.has(key) && Array.isArray(inner) ? inner.toSorted(byText) : inner];
  });
  return Object.fromEntries(entries);
}

/** A mount by its place; a source may have an id of chance in it. */
function byText(left: any, right: any): number {
  const text = (value: any) =>
    typeof value === 'string' ? value : String(value?.Destination ?? value?.Target ?? value?.Subnet);
  return text(left) < text(right) ? -1 : 1;
}

/** Objects of `after` that are new or other than in `before`, and `null` for those that are gone. */
export function touched(before: EngineState, after: EngineState): Map<string, any> {
  const found = new Map<string, any>();
  for (const [key, value] of after)
    if (JSON.stringify(before.get(key)) !== JSON.stringify(value)) found.set(key, value);
  for (const key of before.keys()) if (!after.has(key)) found.set(key, null);
  return found;
}

const predefinedNetworks = new Set(['bridge', 'host', 'none']);

/** Takes away what a topic has made; images named in `keep` stay. */
export async function clearEngine(column: Column, keep: readonly string[]): Promise<void> {
  for (const { Id } of (await column.get('/containers/json?all=1')) ?? [])
    await column.remove(`/containers/${Id}?force=1&v=1`);
  for (const { Id, Name } of (await column.get('/networks')) ?? [])
    if (!predefinedNetworks.has(Name)) await column.remove(`/networks/${Id}`);
  for (const { Name } of (await column.get('/volumes'))?.Volumes ?? []) await column.remove(`/volumes/${Name}?force=1`);
  for (const { Id, RepoTags } of (await column.get('/images/json')) ?? []) {
    const tags: string[] = (RepoTags ?? []).filter((tag: string) => tag !== '<none>:<none>');
    if (tags.length === 0) await column.remove(`/images/${Id}?force=1`);
    for (const tag of tags.filter((each) => !keep.includes(each))) await column.remove(`/images/${tag}?force=1`);
  }
}
