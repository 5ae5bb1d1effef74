// Where the runtime's static program is: TSCONTAINER_TSRUNC, else in the release's bin directory.
import { fileURLToPath } from 'node:url';

export function tsruncPath(): string {
  const override = process.env['TSCONTAINER_TSRUNC'];
  if (override) return override;
  const fromSource = import.meta.url.endsWith('/packages/shim/src/tsrunc-path.ts');
  return fileURLToPath(new URL(fromSource ? '../../../dist/bin/tsrunc' : '../bin/tsrunc', import.meta.url));
}
