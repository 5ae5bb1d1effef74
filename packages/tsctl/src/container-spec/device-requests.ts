// `--gpus` and devices by their CDI names, as DeviceRequests of a create request.
import { invalidFlag } from '../cli/flags.ts';

export interface DeviceRequest {
  Driver: string;
  Count: number;
  DeviceIDs: string[] | null;
  Capabilities: string[][] | null;
  Options: Record<string, string>;
}

const cdiName = /^[A-Za-z][A-Za-z0-9_.-]*\/[A-Za-z][A-Za-z0-9_-]*=[A-Za-z0-9][A-Za-z0-9_.:-]*$/;

/** `vendor.com/class=name`. */
export function isCdiName(entry: string): boolean {
  return cdiName.test(entry);
}

export function cdiRequest(names: string[]): DeviceRequest[] {
  if (names.length === 0) return [];
  return [{ Driver: 'cdi', Count: 0, DeviceIDs: names, Capabilities: null, Options: {} }];
}

/** Fields of CSV, of which one in quotes may hold commas. */
function fieldsOf(text: string): string[] {
  return [...text.matchAll(/(?:"([^"]*)"|[^,"]+)+/g)].map((match) => match[1] ?? match[0]);
}

/** `all`, a number, or `device=0,count=1,driver=D,capabilities=gpu,options=k=v`, as docker takes it. */
export function gpuRequest(text: string): DeviceRequest[] {
  if (text === '') return [];
  const request: DeviceRequest = { Driver: '', Count: 0, DeviceIDs: null, Capabilities: null, Options: {} };
  const capabilities = new Set(['gpu']);
  const count = (value: string) => {
    if (value === 'all') return -1;
    if (!/^-?\d+$/.test(value)) throw invalidFlag('--gpus', text, 'count must be an integer');
    return Number(value);
  };
  for (const field of fieldsOf(text)) {
    const at = field.indexOf('=');
    const [key, value] = at < 0 ? ['count', field] : [field.slice(0, at), field.slice(at + 1)];
    if (key === 'count') request.Count = count(value);
    else if (key === 'driver') request.Driver = value;
    else if (key === 'device') request.DeviceIDs = value.split(',');
    else if (key === 'capabilities') for (const name of value.split(',')) capabilities.add(name);
    else if (key === 'options') request.Options[value.split('=', 1)[0] ?? ''] = value.slice(value.indexOf('=') + 1);
    else throw invalidFlag('--gpus', text, `unexpected key '${key}' in '${field}'`);
  }
  if (request.DeviceIDs === null && request.Count === 0) request.Count = 1;
  return [{ ...request, Capabilities: [[...capabilities]] }];
}
