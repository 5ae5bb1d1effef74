// Splits a command line into flags and arguments by docker's rules (pflag's): main.ts calls it for global and command flags.
import { FlagError } from './failures.ts';
import { type FlagDefinition, FlagValues } from './flags.ts';

export interface ParsedLine {
  flags: FlagValues;
  args: string[];
  /** -h without a flag of that letter, or --help. */
  wantsHelp: boolean;
}

/**
 * Understands `--flag value`, `--flag=value`, `-it`, `-eNAME=x`, `-e=NAME=x`, `--bool=false` and `--`. With
 * `stopsAtFirstArgument` everything from the first argument on is left alone. Throws FlagError.
 */
export function parseFlags(
  words: readonly string[],
  definitions: readonly FlagDefinition[],
  stopsAtFirstArgument: boolean,
): ParsedLine {
  const line: ParsedLine = { flags: new FlagValues(definitions), args: [], wantsHelp: false };
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      line.args.push(...rest);
      break;
    }
    if (word.startsWith('--')) readLong(word.slice(2), rest, definitions, line);
    else if (word.startsWith('-') && word !== '-') readShort(word.slice(1), rest, definitions, line);
    else {
      line.args.push(word);
      if (!stopsAtFirstArgument) continue;
      line.args.push(...rest);
      break;
    }
  }
  return line;
}

function readLong(text: string, rest: string[], definitions: readonly FlagDefinition[], line: ParsedLine): void {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  const definition = definitions.find((each) => each.name === name || each.aliases?.includes(name));
  if (definition === undefined) {
    if (name !== 'help') throw new FlagError(`unknown flag: --${name}`);
    line.wantsHelp = true;
    return;
  }
  if (equals >= 0) line.flags.add(definition, text.slice(equals + 1));
  else if (definition.kind === 'bool') line.flags.add(definition, 'true');
  else line.flags.add(definition, takeValue(`flag needs an argument: --${name}`, rest));
}

/** A cluster of one-letter flags; the first that takes a value takes the rest of the word. */
function readShort(cluster: string, rest: string[], definitions: readonly FlagDefinition[], line: ParsedLine): void {
  for (let at = 0; at < cluster.length; at += 1) {
    const letter = cluster.charAt(at);
    const definition = definitions.find((each) => each.short === letter);
    if (definition === undefined) {
      if (letter !== 'h') throw new FlagError(`unknown shorthand flag: '${letter}' in -${cluster.slice(at)}`);
      line.wantsHelp = true;
      continue;
    }
    const tail = cluster.slice(at + 1);
    if (definition.kind === 'bool' && !tail.startsWith('=')) {
      line.flags.add(definition, 'true');
      continue;
    }
    const missing = `flag needs an argument: '${letter}' in -${cluster}`;
    line.flags.add(definition, tail === '' ? takeValue(missing, rest) : tail.replace(/^=/, ''));
    return;
  }
}

function takeValue(missing: string, rest: string[]): string {
  const value = rest.shift();
  if (value === undefined) throw new FlagError(missing);
  return value;
}
