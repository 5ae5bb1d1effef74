// Sizes, ages, tables and port lists in docker's forms.
import { describe, expect, it } from 'vitest';
import { humanDuration, parseDurationNs, toTimestamp } from './durations.ts';
import { listText } from './list-format.ts';
import { displayPorts } from './ports.ts';
import { formatBinarySize, formatSize, parseSize } from './sizes.ts';
import { ellipsis, formatTable } from './table.ts';

describe('sizes', () => {
  it.each([
    [0, '0B'],
    [999, '999B'],
    [1984162, '1.98MB'],
    [1_240_000, '1.24MB'],
    [72_800_000, '72.8MB'],
    [1_000, '1kB'],
    [123_456_789_012, '123GB'],
  ])('%i bytes are %s', (bytes, text) => expect(formatSize(bytes)).toBe(text));

  it('has binary units with four digits', () => {
    expect([formatBinarySize(561_152), formatBinarySize(25_276_899_328), formatBinarySize(0)]).toEqual([
      '548KiB',
      '23.54GiB',
      '0B',
    ]);
  });

  it.each([
    ['512', 512],
    ['64m', 67_108_864],
    ['1.5g', 1_610_612_736],
    ['10KiB', 10_240],
    ['2GB', 2_147_483_648],
    ['7b', 7],
    ['3z', undefined],
    ['', undefined],
  ])('reads %s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });
});

describe('times', () => {
  it.each([
    [0, 'Less than a second'],
    [1000, '1 second'],
    [59_999, '59 seconds'],
    [60_000, 'About a minute'],
    [150_000, '2 minutes'],
    [3_600_000, 'About an hour'],
    [7_200_000, '2 hours'],
    [47 * 3_600_000, '47 hours'],
    [49 * 3_600_000, '2 days'],
    [20 * 86_400_000, '2 weeks'],
    [90 * 86_400_000, '3 months'],
    [800 * 86_400_000, '2 years'],
  ])('%i ms are %s', (ms, text) => expect(humanDuration(ms)).toBe(text));

  it('reads durations', () => {
    expect([
      parseDurationNs('1h30m'),
      parseDurationNs('1.5s'),
      parseDurationNs('-2ms'),
      parseDurationNs('3'),
      parseDurationNs('x'),
    ]).toEqual([5400e9, 1.5e9, -2e6, undefined, undefined]);
  });

  it('turns moments into seconds with nine digits', () => {
    expect(toTimestamp('10m', 1_000_000_000)).toBe('999400.000000000');
    expect(toTimestamp('2026-11-23T23:36:44.5Z')).toBe('1795477004.500000000');
    expect(toTimestamp('1700000000.25')).toBe('1700000000.25');
    expect(toTimestamp('yesterday')).toBeUndefined();
  });
});

describe('tables', () => {
  it('pads all but the last column: at least 10 wide, 3 apart', () => {
    expect(
      formatTable([
        ['A', 'LONGER HEADER', 'C'],
        ['123456789012', 'x', 'yy'],
      ]),
    ).toBe('A              LONGER HEADER   C\n123456789012   x               yy');
    expect(formatTable([['A', 'B']])).toBe('A         B');
  });

  it('cuts with an ellipsis', () => {
    expect([ellipsis('12345', 5), ellipsis('123456', 5)]).toEqual(['12345', '1234…']);
  });

  const options = { preset: 'table {{.ID}}\t{{.Name}}', headers: { ID: 'ID', Name: 'NAME' } };
  const rows = [{ Name: 'b', ID: '1', Label: (name: unknown) => `<${String(name)}>` }];

  it('knows table, templates, labels, json and quiet', () => {
    expect(listText(rows, { ...options, format: '' })).toBe('ID        NAME\n1         b\n');
    expect(listText(rows, { ...options, format: '', quietField: 'ID' })).toBe('1\n');
    expect(listText(rows, { ...options, format: 'table {{.Name}}\\t{{.Label "com.example.kind"}}' })).toBe(
      'NAME      kind\nb         <com.example.kind>\n',
    );
    expect(listText(rows, { ...options, format: '{{.Name}}: {{json .}}' })).toBe('b: {"ID":"1","Name":"b"}\n');
    expect(listText(rows, { ...options, format: 'json' })).toBe('{"ID":"1","Name":"b"}\n');
    expect(listText([], { ...options, format: '{{.Name}}' })).toBe('');
  });
});

describe('ports', () => {
  it('joins neighbours to ranges', () => {
    const ports = [80, 81, 82].map((port) => ({ IP: '0.0.0.0', PrivatePort: port, PublicPort: port, Type: 'tcp' }));
    expect(
      displayPorts([
        ...ports,
        { IP: '::', PrivatePort: 443, PublicPort: 8443, Type: 'tcp' },
        { PrivatePort: 53, Type: 'udp' },
      ]),
    ).toBe(':::8443->443/tcp, 53/udp, 0.0.0.0:80-82->80-82/tcp');
  });
});
