// A Dockerfile's text as stages of instructions. The builder calls it once per build, and once per ONBUILD trigger.
import { errorMessageOf } from '@tscontainer/core/errors';
import { buildFailure } from '../build-failure.ts';
import { readInstructionLines } from './instruction-lines.ts';
import { checkSyntax, parseInstruction } from './instruction-parser.ts';
import type { ArgInstruction, Dockerfile, Instruction, Stage } from './instructions.ts';

/** Instructions of one Dockerfile: more is no build. */
const maxInstructions = 10_000;

/** `name`: the file's, for messages. Throws invalid-argument with docker's words. */
export function parseDockerfile(content: string, name: string): Dockerfile {
  if (content === '') throw buildFailure(`the Dockerfile (${name}) cannot be empty`);
  const read = inContext(`failed to parse ${name}`, () => {
    const found = readInstructionLines(content);
    if (found.lines.length > maxInstructions) throw buildFailure(`more than ${maxInstructions} instructions`);
    for (const { text } of found.lines) checkSyntax(text, found.escapeToken);
    return found;
  });
  const stages: Stage[] = [];
  const globalArgs: ArgInstruction[] = [];
  for (const { text, number } of read.lines) {
    const instruction = inContext(`dockerfile parse error line ${number}`, () =>
      parseInstruction(text, read.escapeToken),
    );
    if (instruction.kind === 'from') stages.push({ ...instruction, instructions: [] });
    else if (stages.length === 0 && instruction.kind === 'arg') globalArgs.push(instruction);
    else if (stages.length === 0) throw buildFailure('no build stage in current context');
    else stages.at(-1)?.instructions.push(instruction);
  }
  return { stages, globalArgs, escapeToken: read.escapeToken, warnings: read.warnings };
}

/** A trigger that a base image brought along. */
export function parseTrigger(expression: string): Instruction {
  const { lines, escapeToken } = readInstructionLines(expression);
  const [only] = lines;
  if (only === undefined || lines.length > 1) throw buildFailure('onbuild trigger should be a single expression');
  checkSyntax(only.text, escapeToken);
  const instruction = parseInstruction(only.text, escapeToken);
  if (instruction.kind === 'from') throw buildFailure("FROM isn't allowed as an ONBUILD trigger");
  return instruction;
}

function inContext<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const message = errorMessageOf(error);
    throw message.startsWith('dockerfile parse error') ? error : buildFailure(`${where}: ${message}`, error);
  }
}
