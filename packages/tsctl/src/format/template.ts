// Evaluates --format templates over plain values; every command that takes --format compiles through here.
import { templateFunctions } from './template-functions.ts';
import { templateError } from './template-lexer.ts';
import { type Node, type Operand, type Pipe, parseTemplate } from './template-parser.ts';
import { fieldOf, isTruthy, printed, type Value } from './template-values.ts';

/** A compiled template; a field that is a function is called with the operands after it: `{{.Label "x"}}`. */
export type Template = (data: Value) => string;

/** Throws invalid-argument for a bad template, now or when a field is missing. */
export function compileTemplate(text: string): Template {
  const nodes = parseTemplate(text);
  checkCalls(nodes);
  return (data) => evaluateList(nodes, { dot: data, variables: new Map([['$', data]]) });
}

interface Scope {
  dot: Value;
  variables: Map<string, Value>;
}

function evaluateList(nodes: readonly Node[], scope: Scope): string {
  return nodes.map((node) => evaluateNode(node, scope)).join('');
}

function evaluateNode(node: Node, scope: Scope): string {
  if (node.kind === 'text') return node.text;
  if (node.kind === 'print') {
    const value = evaluatePipe(node.pipe, scope);
    return node.pipe.assignsTo === undefined ? printed(value) : '';
  }
  if (node.kind === 'range') return evaluateRange(node, scope);
  const inner: Scope = { dot: scope.dot, variables: new Map(scope.variables) };
  const value = evaluatePipe(node.pipe, inner);
  if (!isTruthy(value)) return evaluateList(node.otherwise, scope);
  return evaluateList(node.body, node.kind === 'with' ? { ...inner, dot: value } : inner);
}

function evaluateRange(node: Node & { kind: 'range' }, scope: Scope): string {
  const entries = entriesOf(evaluatePipe(node.pipe, scope));
  if (entries.length === 0) return evaluateList(node.otherwise, scope);
  return entries
    .map(([key, value]) => {
      const variables = new Map(scope.variables);
      if (node.key !== undefined) variables.set(node.key, key);
      if (node.value !== undefined) variables.set(node.value, value);
      return evaluateList(node.body, { dot: value, variables });
    })
    .join('');
}

/** Maps are walked in the order of their keys, as Go does. */
function entriesOf(value: Value): [Value, Value][] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.map((each, at) => [at, each]);
  if (typeof value === 'object') return Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  throw templateError(`range can't iterate over ${printed(value)}`);
}

function evaluatePipe(pipe: Pipe, scope: Scope): Value {
  let carried: Value[] = [];
  for (const command of pipe.commands) carried = [evaluateCommand(command, carried, scope)];
  if (pipe.assignsTo !== undefined) scope.variables.set(pipe.assignsTo, carried[0]);
  return carried[0];
}

function evaluateCommand(command: readonly Operand[], carried: Value[], scope: Scope): Value {
  const [head, ...rest] = command;
  if (head === undefined) throw templateError('missing value for command');
  const parameters = [...rest.map((operand) => evaluateOperand(operand, scope)), ...carried];
  if (head.kind === 'call') return callNamed(head.name, parameters);
  const value = operandValue(head, scope);
  if (typeof value === 'function') return (value as (...given: Value[]) => Value)(...parameters);
  if (parameters.length > 0) throw templateError("can't give argument to non-function");
  return value;
}

function evaluateOperand(operand: Operand, scope: Scope): Value {
  if (operand.kind === 'call') return callNamed(operand.name, []);
  const value = operandValue(operand, scope);
  return typeof value === 'function' ? (value as () => Value)() : value;
}

/** A missing field at the end of a chain is an error, as docker's inspect has it (missingkey=error). */
function operandValue(operand: Exclude<Operand, { kind: 'call' }>, scope: Scope): Value {
  if (operand.kind === 'literal') return operand.value;
  return operand.fields.reduce((value: Value, field) => fieldOf(value, field), startOf(operand.from, scope));
}

function startOf(from: (Operand & { kind: 'path' })['from'], scope: Scope): Value {
  if (from === 'dot') return scope.dot;
  if ('pipe' in from) return evaluatePipe(from.pipe, scope);
  if (!scope.variables.has(from.variable)) throw templateError(`undefined variable ${JSON.stringify(from.variable)}`);
  return scope.variables.get(from.variable);
}

function callNamed(name: string, parameters: Value[]): Value {
  const call = templateFunctions[name];
  if (call === undefined) throw templateError(`function ${JSON.stringify(name)} not defined`);
  return call(...parameters);
}

/** A function that does not exist is told before anything is printed. */
function checkCalls(nodes: readonly Node[]): void {
  for (const node of nodes) {
    if (node.kind === 'text') continue;
    checkPipe(node.pipe);
    if (node.kind === 'print') continue;
    checkCalls(node.body);
    checkCalls(node.otherwise);
  }
}

function checkPipe(pipe: Pipe): void {
  for (const operand of pipe.commands.flat()) {
    if (operand.kind === 'call' && templateFunctions[operand.name] === undefined) {
      throw templateError(`function ${JSON.stringify(operand.name)} not defined`);
    }
    if (operand.kind === 'path' && typeof operand.from === 'object' && 'pipe' in operand.from)
      checkPipe(operand.from.pipe);
  }
}
