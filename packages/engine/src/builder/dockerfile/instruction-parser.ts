// One instruction line as an instruction: arguments counted, flags read; variables are expanded later, when it is its turn.
import { buildFailure } from '../build-failure.ts';
import { parseHealthcheck } from './healthcheck-instruction.ts';
import { readFlags, refuseFlags } from './instruction-flags.ts';
import {
  jsonList,
  type SplitLine,
  splitBlankWords,
  splitInstruction,
  splitPairs,
  splitQuotedWords,
} from './instruction-words.ts';
import type { ArgInstruction, CommandLine, CopyInstruction, FromInstruction, Instruction } from './instructions.ts';

export type ParsedInstruction = Instruction | FromInstruction;

type Parser = (split: SplitLine, code: string, escapeToken: string) => ParsedInstruction;

/** Syntax alone: docker tells its faults before those of any instruction's arguments. Throws invalid-argument. */
export function checkSyntax(line: string, escapeToken: string): void {
  const { name, rest } = splitInstruction(line);
  if (name === 'env' || name === 'label') splitPairs(name.toUpperCase(), rest, escapeToken);
  else if (name === 'onbuild' && rest !== '') checkSyntax(rest, escapeToken);
  else if (name === 'healthcheck') jsonList(rest.replace(/^\S+\s*/, ''));
  else if (takesList.has(name)) jsonList(rest);
}

const takesList = new Set(['add', 'cmd', 'copy', 'entrypoint', 'run', 'shell', 'volume']);

/** Throws invalid-argument with docker's words. */
export function parseInstruction(line: string, escapeToken: string): ParsedInstruction {
  const split = splitInstruction(line);
  const parser = Object.hasOwn(parsers, split.name) ? parsers[split.name] : undefined;
  if (parser === undefined) throw buildFailure(`unknown instruction: ${split.name.toUpperCase()}`);
  return parser(split, line.trim(), escapeToken);
}

const parsers: Record<string, Parser> = {
  add: (split, code) => copyOf('add', split, code),
  arg: parseArg,
  cmd: ({ flags, rest }, code) => {
    refuseFlags(flags);
    return { kind: 'cmd', code, command: commandOf(rest) };
  },
  copy: (split, code) => copyOf('copy', split, code),
  entrypoint: ({ flags, rest }, code) => {
    refuseFlags(flags);
    return { kind: 'entrypoint', code, command: commandOf(rest) };
  },
  env: ({ flags, rest }, code, escapeToken) => {
    refuseFlags(flags);
    return { kind: 'env', code, pairs: pairsOf('ENV', rest, escapeToken) };
  },
  expose: ({ flags, rest }, code) => {
    const ports = splitBlankWords(rest);
    atLeastOne('EXPOSE', ports);
    refuseFlags(flags);
    return { kind: 'expose', code, ports: ports.sort() };
  },
  from: parseFrom,
  healthcheck: ({ flags, rest }, code) => ({ kind: 'healthcheck', code, healthcheck: parseHealthcheck(flags, rest) }),
  label: ({ flags, rest }, code, escapeToken) => {
    refuseFlags(flags);
    return { kind: 'label', code, pairs: pairsOf('LABEL', rest, escapeToken), isLiteral: false };
  },
  maintainer: ({ flags, rest }, code) => {
    const text = onlyOne('MAINTAINER', rest);
    refuseFlags(flags);
    return { kind: 'maintainer', code, text };
  },
  onbuild: parseOnbuild,
  run: ({ flags, rest }, code) => ({ kind: 'run', code, command: commandOf(rest), flags: flags.map(flagName) }),
  shell: ({ flags, rest }, code) => {
    refuseFlags(flags);
    const shell = jsonList(rest);
    if (rest === '' || shell?.length === 0) throw buildFailure('SHELL requires at least one argument');
    if (shell === undefined) throw buildFailure(`SHELL requires the arguments to be in JSON form`);
    return { kind: 'shell', code, shell };
  },
  stopsignal: ({ rest }, code) => ({ kind: 'stopsignal', code, signal: onlyOne('STOPSIGNAL', rest) }),
  user: ({ flags, rest }, code) => {
    const user = onlyOne('USER', rest);
    refuseFlags(flags);
    return { kind: 'user', code, user };
  },
  volume: ({ flags, rest }, code) => {
    const paths = jsonList(rest) ?? splitBlankWords(rest);
    atLeastOne('VOLUME', paths);
    refuseFlags(flags);
    if (paths.some((path) => path.trim() === '')) throw buildFailure('VOLUME specified can not be an empty string');
    return { kind: 'volume', code, paths: paths.map((path) => path.trim()) };
  },
  workdir: ({ flags, rest }, code) => {
    const path = onlyOne('WORKDIR', rest);
    refuseFlags(flags);
    return { kind: 'workdir', code, path };
  },
};

function flagName(flag: string): string {
  const name = /^--([^=]*)/.exec(flag)?.[1] ?? '';
  if (!['mount', 'network', 'security'].includes(name)) throw buildFailure(`Unknown flag: ${name}`);
  return name;
}

function atLeastOne(instruction: string, words: readonly string[]): void {
  if (words.length === 0) throw buildFailure(`${instruction} requires at least one argument`);
}

function onlyOne(instruction: string, rest: string): string {
  if (rest === '') throw buildFailure(`${instruction} requires exactly one argument`);
  return rest;
}

function commandOf(rest: string): CommandLine {
  const list = jsonList(rest);
  if (list !== undefined) return { words: list, isShellForm: false };
  return { words: rest === '' ? [] : [rest], isShellForm: true };
}

function pairsOf(instruction: string, rest: string, escapeToken: string): [string, string][] {
  const pairs = splitPairs(instruction, rest, escapeToken);
  atLeastOne(instruction, pairs.map(String));
  if (pairs.some(([name]) => name === '')) throw buildFailure(`${instruction} names can not be blank`);
  return pairs;
}

function copyOf(kind: CopyInstruction['kind'], { flags, rest }: SplitLine, code: string): CopyInstruction {
  const words = jsonList(rest) ?? splitBlankWords(rest);
  const destination = words.at(-1);
  if (words.length < 2 || destination === undefined)
    throw buildFailure(
      `${kind.toUpperCase()} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
  const values = readFlags(flags, kind === 'copy' ? ['chown', 'chmod', 'from'] : ['chown', 'chmod']);
  return {
    kind,
    code,
    sources: words.slice(0, -1),
    destination,
    from: values.get('from') ?? '',
    chown: values.get('chown') ?? '',
    chmod: values.get('chmod') ?? '',
  };
}

function parseArg({ rest }: SplitLine, code: string, escapeToken: string): ArgInstruction {
  const words = splitQuotedWords(rest, escapeToken);
  atLeastOne('ARG', words);
  const args = words.map((word): [string, string | undefined] => {
    const equals = word.indexOf('=');
    if (equals === 0) throw buildFailure('ARG names can not be blank');
    return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
  });
  return { kind: 'arg', code, args };
}

function parseFrom({ flags, rest }: SplitLine, code: string): FromInstruction {
  const words = splitBlankWords(rest);
  const [base = '', as = '', wanted = ''] = words;
  const isNamed = words.length === 3 && as.toLowerCase() === 'as';
  if (!isNamed && words.length !== 1) throw buildFailure('FROM requires either one or three arguments');
  const name = isNamed ? wanted.toLowerCase() : '';
  if (isNamed && !/^[a-z][a-z0-9-_.]*$/.test(name))
    throw buildFailure(
      `invalid name for build stage: ${JSON.stringify(wanted)}, name can't start with a number or contain symbols`,
    );
  return { kind: 'from', code, base, name, platform: readFlags(flags, ['platform']).get('platform') ?? '' };
}

function parseOnbuild({ flags, rest }: SplitLine, code: string): Instruction {
  if (rest === '') throw buildFailure('ONBUILD requires at least one argument');
  refuseFlags(flags);
  const trigger = splitInstruction(rest).name.toUpperCase();
  if (trigger === 'ONBUILD') throw buildFailure("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === 'MAINTAINER' || trigger === 'FROM')
    throw buildFailure(`${trigger} isn't allowed as an ONBUILD trigger`);
  return { kind: 'onbuild', code, expression: code.replace(/^\s*ONBUILD\s*/i, '') };
}
