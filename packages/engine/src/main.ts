// tsengined, the engine daemon: parses the command line, claims the pid file, runs the engine until a signal or its lifeline.
import { mkdirSync } from 'node:fs';
import { errorMessageOf } from '@tscontainer/core/errors';
import { claimPidFile, onShutdown, releasePidFile } from '@tscontainer/platform/daemon';
import { createLogger, type Logger } from '@tscontainer/platform/logger';
import { type RunningEngine, startEngine } from './engine.ts';
import { type EngineConfig, engineUsage, parseEngineCommand } from './engine-config.ts';
import { checkEphemeralRoots, markEphemeral } from './ephemeral/ephemeral-roots.ts';
import { watchLifeline } from './ephemeral/lifeline.ts';
import { engineVersion } from './version.ts';

/** What an ephemeral engine has for its traces, beyond the time of an orderly end. */
const eraseMs = 15_000;

async function run(config: EngineConfig): Promise<void> {
  const log = createLogger({ name: 'tsengined', level: config.logLevel });
  if (process.getuid?.() !== 0) {
    process.stderr.write('tsengined: must run as root: namespaces, mounts and cgroups of containers need it\n');
    process.exit(1);
  }
  if (config.isEphemeral) checkEphemeralRoots(config.dataRoot, config.execRoot);
  mkdirSync(config.execRoot, { recursive: true, mode: 0o711 });
  claimPidFile(config.pidFile);
  try {
    if (config.isEphemeral) markEphemeral(config.dataRoot);
    const started = Promise.withResolvers<RunningEngine | undefined>();
    const orderlyMs = config.shutdownTimeoutSeconds * 1000;
    // from now on: a signal that comes while it starts stops what is there by then
    const shutDown = onShutdown(log, config.isEphemeral ? orderlyMs + eraseMs : orderlyMs, async () => {
      const engine = await started.promise;
      await (config.isEphemeral ? endEphemeral(config, engine, log) : engine?.stop());
      releasePidFile(config.pidFile);
    });
    if (config.lifelineFd !== undefined) watchLifeline(config.lifelineFd, () => shutDown('lifeline'));
    try {
      started.resolve(await startEngine(config, log));
    } catch (error) {
      started.resolve(undefined);
      if (config.isEphemeral) await endEphemeral(config, undefined, log);
      throw error;
    }
  } catch (error) {
    releasePidFile(config.pidFile);
    throw error;
  }
}

/** In good order as far as that goes in its time; then what is left goes without. */
async function endEphemeral(config: EngineConfig, engine: RunningEngine | undefined, log: Logger): Promise<void> {
  const bound = new Promise((resolve) => setTimeout(resolve, config.shutdownTimeoutSeconds * 1000).unref());
  const stopping = engine?.stop({ removesContainers: true }).catch((error) => {
    log.error({ err: errorMessageOf(error) }, 'stop failed');
  });
  await Promise.race([stopping, bound]);
  const { eraseTraces } = await import('./ephemeral/traces.ts'); // other engines do without it
  await eraseTraces(config, log);
}

try {
  const command = parseEngineCommand(process.argv.slice(2));
  if (command.kind === 'help') process.stdout.write(engineUsage);
  else if (command.kind === 'version') process.stdout.write(`tsengined version ${engineVersion}\n`);
  else await run(command.config);
} catch (error) {
  process.stderr.write(`tsengined: ${errorMessageOf(error)}\n`);
  process.exit(1);
}
