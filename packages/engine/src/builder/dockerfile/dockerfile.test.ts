// The Dockerfile parser by itself; beside dockerd it is held in test/interop.
import { describe, expect, it } from 'vitest';
import { parseDockerfile, parseTrigger } from './dockerfile.ts';
import { jsonList, splitInstruction, splitPairs, splitQuotedWords } from './instruction-words.ts';

const parse = (text: string) => parseDockerfile(text, 'Dockerfile');
const instructionsOf = (text: string) => parse(`FROM x\n${text}`).stages[0]?.instructions;

describe('lines', () => {
  it('joins continuations, passes comments over and keeps the code as written', () =>
    expect(instructionsOf('RUN a \\\n# no\n  b \\\n\n  c  ')).toMatchObject([
      { kind: 'run', code: 'RUN a   b   c', command: { words: ['a   b   c'], isShellForm: true } },
    ]));

  it('warns of empty continuation lines', () =>
    expect(parse('FROM x\nRUN a \\\n\nb\n').warnings).toEqual([
      '[WARNING]: Empty continuation line found in:\n    RUN a b',
      '[WARNING]: Empty continuation lines will become errors in a future release.',
    ]));

  it('takes a byte order mark, carriage returns and no newline at the end', () =>
    expect(parse('\uFEFFFROM x\r\nENV a=b\r').stages[0]?.instructions).toMatchObject([{ pairs: [['a', 'b']] }]));

  it('heeds the escape directive at the top only', () => {
    expect(parse('# escape=`\nFROM x').escapeToken).toBe('`');
    expect(parse('# comment\n# escape=`\nFROM x').escapeToken).toBe('\\');
    expect(parse('# syntax=a\n# ESCAPE = `\nFROM x').escapeToken).toBe('`');
  });

  it('takes no continuation from an escaped escape', () => expect(instructionsOf('RUN a \\\\\nRUN b')).toHaveLength(2));

  it.each([
    ['RUN cat <<EOF\nx\nEOF', 'RUN <<EOF'],
    ["COPY <<-'END' /x\n\tx\n\tEND", 'COPY <<END'],
    ['RUN 3<<EOF cat\nEOF', 'RUN <<EOF'],
  ])('refuses the heredoc %j by name', (text, word) =>
    expect(() => instructionsOf(text)).toThrow(`dockerfile parse error line 2: ${word}: heredocs need BuildKit`),
  );

  it.each(['RUN echo $((1<<2))', 'RUN echo "a <<EOF"\nRUN true', 'RUN cat <<EOF'])('takes %j for no heredoc', (text) =>
    expect(instructionsOf(text)).not.toHaveLength(0),
  );

  it('bounds a line', () => expect(() => parse(`FROM ${'x'.repeat(70_000)}`)).toThrow('max allowed size'));
});

describe('words', () => {
  it.each<[string, string[], string]>([
    ['COPY --from=a --chown=b c d', ['--from=a', '--chown=b'], 'c d'],
    ['RUN -- --x', [], '--x'],
    ['COPY --from="a b" c', ['--from=a b'], 'c'],
    ['RUN echo --x', [], 'echo --x'],
    ['HEALTHCHECK', [], ''],
  ])('%s', (line, flags, rest) => expect(splitInstruction(line)).toMatchObject({ flags, rest }));

  it('keeps quotes and escapes for the expansion', () =>
    expect(splitQuotedWords('a="b c" d=\'e f\' g=h\\ i ', '\\')).toEqual(['a="b c"', "d='e f'", 'g=h\\ i']));

  it('knows both forms of pairs', () => {
    expect(splitPairs('ENV', 'a b  c', '\\')).toEqual([['a', 'b  c']]);
    expect(splitPairs('ENV', 'a=b c=', '\\')).toEqual([
      ['a', 'b'],
      ['c', ''],
    ]);
  });

  it.each<[string, string[] | undefined]>([
    ['["a", "b\\"]"] tail', ['a', 'b"]']],
    ['[]', []],
    ['[ a ]', undefined],
    ["['a']", undefined],
    ['x', undefined],
    ['["a"', undefined],
  ])('list %s', (text, expected) => expect(jsonList(text)).toEqual(expected));

  it.each(['[1]', '["a", null]', '[["a"]]'])('refuses %s', (text) =>
    expect(() => jsonList(text)).toThrow('strings only'),
  );
});

describe('instructions', () => {
  it('puts ARG before FROM aside', () => {
    const { globalArgs, stages } = parse('ARG a=b c\nFROM x AS Name\nFROM y');
    expect(globalArgs).toMatchObject([
      {
        args: [
          ['a', 'b'],
          ['c', undefined],
        ],
      },
    ]);
    expect(stages.map(({ name, base }) => [name, base])).toEqual([
      ['name', 'x'],
      ['', 'y'],
    ]);
  });

  it('reads triggers', () => {
    expect(parseTrigger('RUN a')).toMatchObject({ kind: 'run' });
    expect(() => parseTrigger('RUN a\nRUN b')).toThrow('single expression');
    expect(() => parseTrigger('FROM x')).toThrow("isn't allowed");
  });

  it('counts what it is fed', () => expect(() => parse('FROM x\n'.repeat(10_001))).toThrow('more than'));

  it('never fails but with an error of its own', () => {
    const pieces = [
      'FROM x',
      'RUN',
      'ENV a=',
      '\\',
      '"',
      "'",
      '[',
      ']',
      '$',
      '${',
      '`',
      '--',
      '#',
      '\n',
      ' ',
      '<<E',
      'é',
      '\0',
      '\t',
    ];
    let seed = 7;
    const random = (bound: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % bound;
    };
    for (let round = 0; round < 3000; round++) {
      const text = Array.from({ length: random(14) }, () => pieces[random(pieces.length)]).join('');
      try {
        parse(text);
      } catch (error) {
        expect(error, text).toMatchObject({ code: 'invalid-argument' });
      }
    }
  });
});
