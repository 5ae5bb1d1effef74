// All commands by the words that name them. Each is loaded when used, so that a short command starts fast.
import type { Command } from './command.ts';

export type CommandLoader = () => Promise<Command>;

export interface CommandGroup {
  summary: string;
  commands: Readonly<Record<string, CommandLoader>>;
  /** Other words for a command: not listed in help. */
  aliases?: Readonly<Record<string, string>>;
}

const attach: CommandLoader = async () => (await import('../commands/attach.ts')).attachCommand;
const build: CommandLoader = async () => (await import('../commands/build.ts')).buildCommand;
const commit: CommandLoader = async () => (await import('../commands/commit.ts')).commitCommand;
const cp: CommandLoader = async () => (await import('../commands/cp.ts')).cpCommand;
const create: CommandLoader = async () => (await import('../commands/create.ts')).createCommand;
const diff: CommandLoader = async () => (await import('../commands/diff.ts')).diffCommand;
const events: CommandLoader = async () => (await import('../commands/events.ts')).eventsCommand;
const exec: CommandLoader = async () => (await import('../commands/exec.ts')).execCommand;
const exportContainer: CommandLoader = async () => (await import('../commands/export.ts')).exportCommand;
const history: CommandLoader = async () => (await import('../commands/history.ts')).historyCommand;
const images: CommandLoader = async () => (await import('../commands/images.ts')).imagesCommand;
const importImage: CommandLoader = async () => (await import('../commands/import.ts')).importCommand;
const info: CommandLoader = async () => (await import('../commands/info.ts')).infoCommand;
const kill: CommandLoader = async () => (await import('../commands/kill.ts')).killCommand;
const load: CommandLoader = async () => (await import('../commands/load.ts')).loadCommand;
const logs: CommandLoader = async () => (await import('../commands/logs.ts')).logsCommand;
const pause: CommandLoader = async () => (await import('../commands/pause.ts')).pauseCommand;
const port: CommandLoader = async () => (await import('../commands/port.ts')).portCommand;
const ps: CommandLoader = async () => (await import('../commands/ps.ts')).psCommand;
const pull: CommandLoader = async () => (await import('../commands/pull.ts')).pullCommand;
const push: CommandLoader = async () => (await import('../commands/push.ts')).pushCommand;
const rename: CommandLoader = async () => (await import('../commands/rename.ts')).renameCommand;
const restart: CommandLoader = async () => (await import('../commands/restart.ts')).restartCommand;
const rm: CommandLoader = async () => (await import('../commands/rm.ts')).rmCommand;
const rmi: CommandLoader = async () => (await import('../commands/rmi.ts')).rmiCommand;
const run: CommandLoader = async () => (await import('../commands/run.ts')).runCommand;
const save: CommandLoader = async () => (await import('../commands/save.ts')).saveCommand;
const start: CommandLoader = async () => (await import('../commands/start.ts')).startCommand;
const stats: CommandLoader = async () => (await import('../commands/stats.ts')).statsCommand;
const stop: CommandLoader = async () => (await import('../commands/stop.ts')).stopCommand;
const tag: CommandLoader = async () => (await import('../commands/tag.ts')).tagCommand;
const top: CommandLoader = async () => (await import('../commands/top.ts')).topCommand;
const unpause: CommandLoader = async () => (await import('../commands/unpause.ts')).unpauseCommand;
const update: CommandLoader = async () => (await import('../commands/update.ts')).updateCommand;
const wait: CommandLoader = async () => (await import('../commands/wait.ts')).waitCommand;

const contexts = () => import('../commands/context.ts');
const contextEdits = () => import('../commands/context-edit.ts');
const inspections = () => import('../commands/inspect.ts');
const prunes = () => import('../commands/prune.ts');
const volumes = () => import('../commands/volume.ts');
const volumeCopies = () => import('../commands/volume-copies.ts');
const networks = () => import('../commands/network.ts');
const memberships = () => import('../commands/network-membership.ts');

export const commands: Readonly<Record<string, CommandLoader>> = {
  attach,
  build,
  commit,
  cp,
  diff,
  export: exportContainer,
  import: importImage,
  push,
  completion: async () => (await import('../commands/completion.ts')).completionCommand,
  create,
  events,
  exec,
  history,
  images,
  info,
  inspect: async () => (await inspections()).inspectCommand,
  kill,
  load,
  login: async () => (await import('../commands/login.ts')).loginCommand,
  logout: async () => (await import('../commands/logout.ts')).logoutCommand,
  logs,
  pause,
  port,
  ps,
  pull,
  rename,
  restart,
  rm,
  rmi,
  run,
  save,
  search: async () => (await import('../commands/search.ts')).searchCommand,
  start,
  stats,
  stop,
  tag,
  top,
  tour: async () => (await import('../commands/tour.ts')).tourCommand,
  unpause,
  unshare: async () => (await import('../commands/unshare.ts')).unshareCommand,
  update,
  version: async () => (await import('../commands/version.ts')).versionCommand,
  wait,
};

/** Not listed: the shells' completion scripts call it. */
const hiddenCommands: Readonly<Record<string, CommandLoader>> = {
  __complete: async () => (await import('../commands/complete.ts')).completeCommand,
};

/** Those that help lists first. */
export const commonCommands: readonly string[] = [
  'run',
  'exec',
  'ps',
  'build',
  'pull',
  'images',
  'login',
  'logout',
  'version',
  'info',
  'tour',
];

export const groups: Readonly<Record<string, CommandGroup>> = {
  builder: {
    summary: 'Manage builds',
    commands: {
      build,
      prune: async () => (await prunes()).builderPruneCommand,
    },
  },
  container: {
    summary: 'Manage containers',
    commands: {
      attach,
      commit,
      cp,
      diff,
      export: exportContainer,
      create,
      exec,
      kill,
      logs,
      pause,
      port,
      rename,
      restart,
      rm,
      run,
      start,
      stats,
      stop,
      top,
      unpause,
      update,
      wait,
      inspect: async () => (await inspections()).containerInspectCommand,
      ls: ps,
      prune: async () => (await prunes()).containerPruneCommand,
    },
    aliases: { list: 'ls', ps: 'ls' },
  },
  context: {
    summary: 'Manage contexts',
    commands: {
      create: async () => (await contextEdits()).contextCreateCommand,
      export: async () => (await contextEdits()).contextExportCommand,
      import: async () => (await contextEdits()).contextImportCommand,
      inspect: async () => (await contexts()).contextInspectCommand,
      ls: async () => (await contexts()).contextListCommand,
      rm: async () => (await contexts()).contextRemoveCommand,
      show: async () => (await contexts()).contextShowCommand,
      update: async () => (await contextEdits()).contextUpdateCommand,
      use: async () => (await contexts()).contextUseCommand,
    },
    aliases: { list: 'ls', remove: 'rm' },
  },
  image: {
    summary: 'Manage images',
    commands: {
      build,
      history,
      import: importImage,
      load,
      pull,
      push,
      save,
      tag,
      inspect: async () => (await inspections()).imageInspectCommand,
      ls: images,
      prune: async () => (await prunes()).imagePruneCommand,
      rm: rmi,
    },
    aliases: { list: 'ls', remove: 'rm' },
  },
  network: {
    summary: 'Manage networks',
    commands: {
      connect: async () => (await memberships()).networkConnectCommand,
      create: async () => (await import('../commands/network-create.ts')).networkCreateCommand,
      disconnect: async () => (await memberships()).networkDisconnectCommand,
      inspect: async () => (await inspections()).networkInspectCommand,
      ls: async () => (await networks()).networkListCommand,
      prune: async () => (await prunes()).networkPruneCommand,
      rm: async () => (await networks()).networkRemoveCommand,
    },
    aliases: { list: 'ls', remove: 'rm' },
  },
  system: {
    summary: 'Manage the engine',
    commands: {
      df: async () => (await import('../commands/disk-usage.ts')).diskUsageCommand,
      events,
      info,
      prune: async () => (await prunes()).systemPruneCommand,
    },
  },
  volume: {
    summary: 'Manage volumes',
    commands: {
      clone: async () => (await volumeCopies()).volumeCloneCommand,
      create: async () => (await volumes()).volumeCreateCommand,
      inspect: async () => (await inspections()).volumeInspectCommand,
      ls: async () => (await volumes()).volumeListCommand,
      prune: async () => (await prunes()).volumePruneCommand,
      rename: async () => (await volumeCopies()).volumeRenameCommand,
      rm: async () => (await volumes()).volumeRemoveCommand,
      snapshot: async () => (await volumeCopies()).volumeSnapshotCommand,
    },
    aliases: { list: 'ls', remove: 'rm' },
  },
};

/** The loader for `words`, and how many of them name the command; undefined when none does. */
export function findCommand(words: readonly string[]): { load: CommandLoader; path: string; used: number } | undefined {
  const [first = '', second = ''] = words;
  const group = Object.hasOwn(groups, first) ? groups[first] : undefined;
  if (group !== undefined) {
    const name = group.aliases?.[second] ?? second;
    const load = Object.hasOwn(group.commands, name) ? group.commands[name] : undefined;
    return load === undefined ? undefined : { load, path: `${first} ${name}`, used: 2 };
  }
  const table = Object.hasOwn(commands, first) ? commands : hiddenCommands;
  const found = Object.hasOwn(table, first) ? table[first] : undefined;
  return found === undefined ? undefined : { load: found, path: first, used: 1 };
}
