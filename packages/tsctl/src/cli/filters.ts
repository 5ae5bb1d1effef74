// --filter name=value flags as the API's `filters` parameter.

/** JSON of `{"name": {"value": true}}`; undefined without filters. */
export function filtersParameter(entries: readonly string[]): string | undefined {
  if (entries.length === 0) return undefined;
  const filters: Record<string, Record<string, boolean>> = {};
  for (const entry of entries) {
    const [name = '', value = ''] = entry.split(/=(.*)/s).map((part) => part.trim());
    const key = name.toLowerCase();
    filters[key] = { ...filters[key], [value]: true };
  }
  return JSON.stringify(filters);
}
