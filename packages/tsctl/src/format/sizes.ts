// Sizes as docker reads (`64m`, `1.5GB`, binary units) and writes them (`1.24MB` decimal, `3.5MiB` binary).

const readUnits: Readonly<Record<string, number>> = { '': 0, b: 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** Bytes of `512`, `64m`, `1.5g`, `10KiB` (all units are powers of 1024); undefined when it is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kKmMgGtTpP])?(?:[iI]?[bB])?$/.exec(text) ?? /^(\d+(?:\.\d+)?) ?()[bB]$/.exec(text);
  if (match === null) return undefined;
  const power = readUnits[(match[2] ?? '').toLowerCase()] ?? 0;
  return Math.trunc(Number(match[1]) * 1024 ** power);
}

/** Four (or so) significant digits as Go's %.Ng prints them. */
function significant(value: number, digits: number): string {
  if (value === 0) return '0';
  const text = value.toPrecision(digits);
  return text.includes('e') ? String(Number(text)) : text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function scaled(bytes: number, base: number, units: readonly string[], digits: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit += 1;
  }
  return `${significant(value, digits)}${units[unit]}`;
}

const decimalUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** Powers of 1000, as `docker images` shows sizes; `digits` significant digits. */
export function formatSize(bytes: number, digits = 3): string {
  return scaled(bytes, 1000, decimalUnits, digits);
}

/** Powers of 1024, as `docker stats` shows memory. */
export function formatBinarySize(bytes: number, digits = 4): string {
  return scaled(bytes, 1024, binaryUnits, digits);
}
