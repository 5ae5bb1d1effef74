// How Go's templates see values: what is true, how a value prints, what a field of it is. template.ts evaluates with these.
import { ContainerError } from '@tscontainer/core/errors';
import { exactDigits } from './exact-json.ts';

export type Value = unknown;

export function isTruthy(value: Value): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

/** Go's %v. */
export function printed(value: Value): string {
  if (value === undefined) return '<no value>';
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(printed).join(' ')}]`;
  if (typeof value === 'number') return printedNumber(value);
  if (typeof value !== 'object') return String(value);
  const digits = exactDigits(value);
  if (digits !== undefined) return digits;
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `map[${entries.map(([key, each]) => `${key}:${printed(each)}`).join(' ')}]`;
}

function printedNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) < 1e-4 || Math.abs(value) >= 1e21
    ? value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
    : String(value);
}

/** Go's encoding/json escapes <, > and & too; object keys keep their order. */
export function toJson(value: Value, indent?: string): string {
  const text = JSON.stringify(value ?? null, undefined, indent) ?? 'null';
  return text.replace(/[<>&\u2028\u2029]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** `.Name` of a value: the exact key, else docker's struct spelling of it (`.ID` for `Id`). Throws for a missing key. */
export function fieldOf(value: Value, name: string): Value {
  if (value === undefined || value === null) {
    throw templateFailure(name, `nil data; no entry for key ${JSON.stringify(name)}`);
  }
  if (typeof value !== 'object' || Array.isArray(value))
    throw templateFailure(name, `can't evaluate field ${name} in type ${typeof value}`);
  const fields = value as Record<string, Value>;
  if (name in fields) return fields[name];
  const same = Object.keys(fields).find((key) => key.toLowerCase() === name.toLowerCase());
  if (same !== undefined) return fields[same];
  throw templateFailure(name, `map has no entry for key ${JSON.stringify(name)}`);
}

function templateFailure(field: string, why: string): ContainerError {
  return new ContainerError(
    'invalid-argument',
    `template parsing error: template: :1:2: executing "" at <.${field}>: ${why}`,
  );
}
