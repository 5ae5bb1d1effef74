// Doing the same to several named objects: each name is printed as it succeeds, failures are told at the end, exit 1.
import type { CommandContext } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';

/** `action` may return what to print instead of the name; '' prints nothing. */
export async function forEachObject(
  context: CommandContext,
  names: readonly string[],
  action: (name: string) => Promise<string | undefined>,
): Promise<number> {
  const failures: string[] = [];
  for (const name of names) {
    try {
      const text = (await action(name)) ?? name;
      if (text !== '') context.out.line(text);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (failures.length > 0) throw new CommandFailure(failures.join('\n'));
  return 0;
}
