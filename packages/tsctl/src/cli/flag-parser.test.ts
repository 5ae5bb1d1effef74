// Flags and arguments as docker's command line takes them apart.
import { describe, expect, it } from 'vitest';
import { parseFlags } from './flag-parser.ts';
import { flag } from './flags.ts';

const definitions = [
  flag('bool', 'interactive,i', ''),
  flag('bool', 'tty,t', ''),
  flag('list', 'env,e', ''),
  flag('string', 'name', ''),
  flag('bool', 'sig-proxy', '', 'true'),
  flag('int', 'time,t2', ''),
  flag('bytes', 'memory,m', ''),
  { ...flag('network', 'network', ''), aliases: ['net'] },
];
const parse = (words: string[], stops = true) => parseFlags(words, definitions, stops);

describe('parseFlags', () => {
  it('takes clusters, joined values and repeated flags', () => {
    const { flags, args } = parse(['-it', '-eA=1', '-e', 'B=2', '-e=C', '--env=D=x=y', 'image']);
    expect([flags.bool('interactive'), flags.bool('tty')]).toEqual([true, true]);
    expect(flags.list('env')).toEqual(['A=1', 'B=2', 'C', 'D=x=y']);
    expect(args).toEqual(['image']);
  });

  it('lets a cluster end in a flag with a value', () => {
    expect(parse(['-ite', 'A=1', 'image']).flags.list('env')).toEqual(['A=1']);
    expect(parse(['-iteA=1', 'image']).flags.list('env')).toEqual(['A=1']);
  });

  it('leaves everything after the first argument alone when told to', () => {
    expect(parse(['--name', 'x', 'image', '-it', '--bad']).args).toEqual(['image', '-it', '--bad']);
    expect(parse(['image', '-i', 'other'], false).args).toEqual(['image', 'other']);
  });

  it('ends flags at --', () => {
    expect(parse(['-i', '--', '-t', 'x'], false).args).toEqual(['-t', 'x']);
  });

  it('keeps presets until told otherwise', () => {
    expect(parse([]).flags.bool('sig-proxy')).toBe(true);
    expect(parse(['--sig-proxy=false']).flags.bool('sig-proxy')).toBe(false);
    expect(parse(['--sig-proxy', 'false']).args).toEqual(['false']);
  });

  it('knows other names of a flag', () => {
    expect(parse(['--net=host']).flags.text('network')).toBe('host');
  });

  it('reads sizes and the word for no limit', () => {
    expect(parse(['-m', '64m']).flags.bytes('memory')).toBe(64 * 1024 * 1024);
    expect(parse(['-m=-1']).flags.bytes('memory')).toBe(-1);
  });

  it.each([
    [['--bad'], 'unknown flag: --bad'],
    [['-ix'], "unknown shorthand flag: 'x' in -x"],
    [['--name'], 'flag needs an argument: --name'],
    [['-e'], "flag needs an argument: 'e' in -e"],
    [
      ['--tty=maybe'],
      'invalid argument "maybe" for "-t, --tty" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    [['-m', '3z'], `invalid argument "3z" for "-m, --memory" flag: invalid size: '3z'`],
  ])('refuses %j as docker does', (words, message) => {
    expect(() => parse(words)).toThrow(message);
  });

  it('asks for help unless -h is a flag of the command', () => {
    expect(parse(['--help']).wantsHelp).toBe(true);
    expect(parse(['-h']).wantsHelp).toBe(true);
    expect(parseFlags(['-h', 'box'], [flag('string', 'hostname,h', '')], true).flags.text('hostname')).toBe('box');
  });
});
