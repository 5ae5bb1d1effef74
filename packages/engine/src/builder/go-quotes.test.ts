// Go's %q, as docker's history shows commands.
import { describe, expect, it } from 'vitest';
import { goDuration, goQuote, goQuotedHealthcheck, goQuotedList } from './go-quotes.ts';

describe('goQuote', () => {
  it.each([
    ['a"b\\', '"a\\"b\\\\"'],
    ['\n\t\u0001\u007f', '"\\n\\t\\x01\\x7f"'],
    ["é'", '"é\'"'],
    ['\u200b', '"\\u200b"'],
  ])('%j', (text, expected) => expect(goQuote(text)).toBe(expected));

  it('quotes lists', () => expect(goQuotedList(['a', 'b c'])).toBe('["a" "b c"]'));
});

describe('goDuration', () => {
  it.each<[number, string]>([
    [0, '0s'],
    [1, '1ns'],
    [1500, '1.5µs'],
    [2e6, '2ms'],
    [1.5e9, '1.5s'],
    [65e9, '1m5s'],
    [3600e9, '1h0m0s'],
    [5_400.25e9, '1h30m0.25s'],
  ])('%s is %s', (ns, expected) => expect(goDuration(ns)).toBe(expected));
});

it('writes a health check as the struct that it is', () => {
  const check = { Test: ['CMD-SHELL', 'true'], Interval: 30e9, Retries: 3 };
  expect(goQuotedHealthcheck(check)).toBe(`&{["CMD-SHELL" "true"] "30s" "0s" "0s" '\\x03'}`);
});
