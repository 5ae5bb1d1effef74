// tsengined, the engine daemon: parses the command line, claims the pid file, runs the engine until a signal.
import { mkdirSync } from 'node:fs';
import { errorMessageOf } from '@tscontainer/core/errors';
import { claimPidFile, onShutdown, releasePidFile } from '@tscontainer/platform/daemon';
import { createLogger } from '@tscontainer/platform/logger';
import { type RunningEngine, startEngine } from './engine.ts';
import { type EngineConfig, engineUsage, parseEngineCommand } from './engine-config.ts';
import { engineVersion } from './version.ts';

async function run(config: EngineConfig): Promise<void> {
  const log = createLogger({ name: 'tsengined', level: config.logLevel });
  if (process.getuid?.() !== 0) {
    process.stderr.write('tsengined: must run as root: namespaces, mounts and cgroups of containers need it\n');
    process.exit(1);
  }
  mkdirSync(config.execRoot, { recursive: true, mode: 0o711 });
  claimPidFile(config.pidFile);
  try {
    const started = Promise.withResolvers<RunningEngine | undefined>();
    // from now on: a signal that comes while it starts stops what is there by then
    onShutdown(log, config.shutdownTimeoutSeconds * 1000, async () => {
      await (await started.promise)?.stop();
      releasePidFile(config.pidFile);
    });
    try {
      started.resolve(await startEngine(config, log));
    } catch (error) {
      started.resolve(undefined);
      throw error;
    }
  } catch (error) {
    releasePidFile(config.pidFile);
    throw error;
  }
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
