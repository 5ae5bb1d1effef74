// Checks where a process's stdio leads before the runtime opens it.
import { ContainerError } from '@tscontainer/core/errors';
import type { ProcessIo } from '@tscontainer/linux/runtime';

/** FIFO and file paths, `fifo://`, `file://` and `binary://` URIs pass; other schemes are refused by name. */
export function checkedIo(given: { stdin: string; stdout: string; stderr: string; terminal: boolean }): ProcessIo {
  return {
    stdin: checkedTarget('stdin', given.stdin),
    stdout: checkedTarget('stdout', given.stdout),
    stderr: given.terminal ? '' : checkedTarget('stderr', given.stderr),
    terminal: given.terminal,
  };
}

function checkedTarget(name: string, target: string): string {
  const scheme = /^([a-z0-9+.-]+):\/\//i.exec(target)?.[1];
  if (scheme === undefined || scheme === 'file') return target;
  if (scheme === 'binary' && name !== 'stdin') return target;
  if (scheme === 'fifo') return target.slice('fifo://'.length);
  throw new ContainerError('unimplemented', `${name} ${target}: scheme "${scheme}" is not supported`);
}
