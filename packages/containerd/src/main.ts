// tscontainerd, the lifecycle daemon: parses the command line, opens the stores, serves gRPC and the shims' events.
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessageOf } from '@tscontainer/core/errors';
import { trimMalloc } from '@tscontainer/linux/process';
import { onShutdown } from '@tscontainer/platform/daemon';
import { serveGrpc } from '@tscontainer/platform/grpc-server';
import { IdleMemory, touching } from '@tscontainer/platform/idle-memory';
import { createLogger, type Logger } from '@tscontainer/platform/logger';
import { serveTtrpc } from '@tscontainer/platform/ttrpc/ttrpc-server';
import { openDaemon } from './daemon.ts';
import { type DaemonConfig, parseCommandLine, usage } from './daemon-config.ts';
import { lockRoot } from './daemon-lock.ts';
import { daemonParts } from './service-list.ts';
import { ttrpcEventsService } from './services/events-service.ts';
import { daemonRevision, daemonVersion } from './services/version-service.ts';
import { claimSocket } from './socket-address.ts';

/** Calls under way may end for so long. */
const drainMs = 500;
const shutdownTimeoutMs = 15_000;
/** Garbage of an earlier life is collected once the first clients have been served. */
const firstCollectionMs = 5_000;

async function serve(config: DaemonConfig, log: Logger): Promise<void> {
  const unlockRoot = lockRoot(config.root);
  const daemon = openDaemon(config, log);
  for (const snapshotter of daemon.snapshotters.values()) await snapshotter.recover();
  const eventsAddress = `${config.address}.ttrpc`;
  await claimSocket(config.address);
  await claimSocket(eventsAddress);
  const parts = daemonParts(daemon);
  // shims may have events for us before we serve anyone
  const events = await serveTtrpc({ path: eventsAddress }, [ttrpcEventsService(daemon.tasks.shimEvents)], log);
  chmodSync(eventsAddress, 0o660);
  for (const part of parts) await part.start?.();
  const idle = new IdleMemory(trimMalloc);
  const services = parts.flatMap((part) => part.services).map((service) => touching(service, idle));
  const server = await serveGrpc(config.address, services, log);
  chmodSync(config.address, 0o660);
  const pidFile = join(config.state, 'tscontainerd.pid');
  writeFileSync(pidFile, `${process.pid}\n`);
  daemon.collector.schedule(firstCollectionMs);
  idle.touch();
  log.info({ address: config.address, root: config.root, state: config.state }, 'serving');

  onShutdown(log, shutdownTimeoutMs, async () => {
    daemon.events.close();
    await server.stop(drainMs);
    for (const part of parts.reverse()) await part.stop?.();
    events.close();
    await daemon.collector.stop();
    for (const snapshotter of daemon.snapshotters.values()) await snapshotter.close();
    await daemon.content.settled();
    daemon.store.close();
    for (const path of [config.address, eventsAddress, pidFile]) rmSync(path, { force: true });
    unlockRoot();
    log.info('stopped');
  });
}

async function main(): Promise<void> {
  if (process.argv[2] === 'fsck') {
    const { fsckCommand } = await import('./fsck/fsck-command.ts'); // a daemon does without it
    process.exitCode = await fsckCommand(process.argv.slice(3), (line) => process.stdout.write(`${line}\n`));
    return;
  }
  const commandLine = await parseCommandLine(process.argv.slice(2));
  if (commandLine.action === 'help') {
    process.stdout.write(usage);
  } else if (commandLine.action === 'version') {
    process.stdout.write(`tscontainerd tscontainer ${daemonVersion} ${daemonRevision}\n`);
  } else {
    const level = commandLine.config.logLevel === 'panic' ? 'fatal' : commandLine.config.logLevel;
    await serve(commandLine.config, createLogger({ name: 'tscontainerd', level }));
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`tscontainerd: ${errorMessageOf(error)}\n`);
  process.exit(process.argv[2] === 'fsck' ? 8 : 1);
});
