// Runs the cases of one client library one after the other and prints a line of JSON for each: a program of its own, so that it can live in the daemon's network namespace.

export interface CaseResult {
  name: string;
  passed: boolean;
  /** Why not; '' when it passed. */
  reason: string;
  ms: number;
}

const caseTimeoutMs = 30_000;

/** Libraries throw from callbacks too: that fails the case under way, not the program. */
let failCase: (error: Error) => void = () => undefined;
process.on('uncaughtException', (error) => failCase(error));

function withTimeout(work: Promise<void>, name: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    failCase = reject;
    timer = setTimeout(() => reject(new Error(`${name}: no end in ${caseTimeoutMs} ms`)), caseTimeoutMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** In the order of their names' first mention; the process ends after the last, whatever it has left open. */
export async function runCases(cases: Record<string, () => Promise<void>>): Promise<never> {
  for (const [name, work] of Object.entries(cases)) {
    const start = Date.now();
    const reason = await withTimeout(work(), name).then(
      () => '',
      (error: unknown) => (error instanceof Error ? error.message : String(error)).slice(0, 600) || 'failed',
    );
    const result: CaseResult = { name, passed: reason === '', reason, ms: Date.now() - start };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
  process.exit(0);
}
