// The part of Go's templates that --format needs, value by value.
import { describe, expect, it } from 'vitest';
import { parseExact } from './exact-json.ts';
import { compileTemplate } from './template.ts';

const data = {
  Id: 'abc',
  State: { Status: 'running', Pid: 12, Paused: false },
  Names: ['a', 'b'],
  Labels: { x: '1', y: 'z' },
  Nothing: null,
  Half: 0.5,
  Html: '<a & b>',
  Label: (name: unknown) => `label ${String(name)}`,
};

describe('compileTemplate', () => {
  it.each([
    ['{{.Id}}-{{.State.Status}}', 'abc-running'],
    ['{{.ID}}', 'abc'],
    ['{{json .State}}', '{"Status":"running","Pid":12,"Paused":false}'],
    ['{{json .Html}}', '"\\u003ca \\u0026 b\\u003e"'],
    ['{{.Names}} {{.Labels}} {{.Nothing}} {{.Half}} {{.State.Paused}}', '[a b] map[x:1 y:z] <nil> 0.5 false'],
    ['{{range .Names}}<{{.}}>{{end}}', '<a><b>'],
    ['{{range $i, $name := .Names}}{{$i}}={{$name}} {{end}}', '0=a 1=b '],
    ['{{range $key, $value := .Labels}}{{$key}}:{{$value}},{{end}}', 'x:1,y:z,'],
    ['{{range .Nothing}}x{{else}}none{{end}}', 'none'],
    ['{{with .State}}{{.Pid}}{{end}}', '12'],
    ['{{if .Nothing}}a{{else if .Id}}b{{else}}c{{end}}', 'b'],
    ['{{if and .Id (eq .State.Status "created" "running")}}up{{end}}', 'up'],
    ['{{if or .Nothing .Names}}some{{end}}{{if not .Nothing}}!{{end}}', 'some!'],
    ['{{if ne .State.Pid 12}}other{{else}}twelve{{end}}', 'twelve'],
    ['{{if gt .State.Pid 3}}big{{end}}', 'big'],
    ['{{index .Names 1}} {{index .Labels "y"}}', 'b z'],
    ['{{len .Names}} {{join .Names ", "}} {{index (split "p:q" ":") 1}}', '2 a, b q'],
    ['{{.Id | upper | printf "%-5s|%s" "x"}}', 'x    |ABC'],
    ['{{printf "%05d %q %.2f %%" 42 "a\\"b" 1.239}}', '00042 "a\\"b" 1.24 %'],
    ['{{upper "x"}}{{lower "Y"}}{{title "hello world"}}', 'XyHello World'],
    ['{{println "a" 1}}', 'a 1\n'],
    ['{{$id := .Id}}{{range .Names}}{{$id}}{{$.State.Pid}} {{end}}', 'abc12 abc12 '],
    ['a  {{- " b " -}}  c', 'a b c'],
    ['{{/* nothing */}}x', 'x'],
    ['{{.Label "k"}}', 'label k'],
    ['{{"}}"}}', '}}'],
    ['{{slice .Id 1 2}}', 'b'],
  ])('%s', (template, expected) => {
    expect(compileTemplate(template)(data)).toBe(expected);
  });

  it('prints numbers that JavaScript cannot hold', () => {
    expect(compileTemplate('{{.n}} {{json .}}')(parseExact('{"n":1763942164657577775}'))).toBe(
      '1763942164657577775 {"n":1763942164657577775}',
    );
  });

  it.each([
    ['{{.Id', 'unclosed action'],
    ['{{nosuch}}', 'function "nosuch" not defined'],
    ['{{if .Id}}x', 'unexpected EOF'],
    ['{{end}}', 'unexpected {{end}}'],
    ['{{}}', 'missing value for command'],
    ['{{.Id | }}', 'missing value for command'],
    ['{{$x}}', 'undefined variable "$x"'],
    ['{{.Nope}}', 'map has no entry for key "Nope"'],
    ['{{index .Names 7}}', 'index out of range: 7'],
  ])('refuses %s', (template, message) => {
    expect(() => compileTemplate(template)(data)).toThrow(message);
  });
});
