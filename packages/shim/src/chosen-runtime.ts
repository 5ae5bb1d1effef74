// Opens the runtime that a bundle names: our own in this process, or another OCI runtime's command line.
import type { Runtime, RuntimeOptions } from '@tscontainer/linux/runtime';
import { openRuntime } from '@tscontainer/linux/runtime-manager';
import type { RuntimeChoice } from './bundle.ts';
import { OciCommandRuntime } from './oci-command/oci-command-runtime.ts';

export function openChosenRuntime(choice: RuntimeChoice, options: RuntimeOptions): Runtime {
  const { binary, root, isSystemdCgroup } = choice;
  return binary === '' ? openRuntime(options) : new OciCommandRuntime({ binary, root, isSystemdCgroup }, options);
}
