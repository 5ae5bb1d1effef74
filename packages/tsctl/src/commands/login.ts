// `tsctl login`: checks credentials with the registry and keeps them in config.json.
import { createInterface } from 'node:readline/promises';
import type { Command, CommandContext } from '../cli/command.ts';
import { dockerHubAddress } from '../cli/config-file.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { EngineError } from '../client/engine-error.ts';
import { enterRawMode } from '../terminal/raw-mode.ts';

export const loginCommand: Command = {
  name: 'login',
  summary: 'Log in to a registry',
  usage: '[SERVER]',
  flags: [
    flag('string', 'password,p', 'Password'),
    flag('bool', 'password-stdin', 'Take the password from stdin'),
    flag('string', 'username,u', 'Username'),
  ],
  args: { min: 0, max: 1 },
  async run(context) {
    const { flags, config, out, err } = context;
    const serveraddress = (context.args[0] ?? dockerHubAddress).replace(
      /\/$/,
      context.args[0] === undefined ? '/' : '',
    );
    if (flags.has('password')) err.line('WARNING! Using --password via the CLI is insecure. Use --password-stdin.');
    if (flags.bool('password-stdin') && flags.text('username') === '')
      throw new CommandFailure('Must provide --username with --password-stdin');
    const username = flags.text('username') || (await ask(context, 'Username: '));
    const password =
      flags.text('password') || (flags.bool('password-stdin') ? await wholeInput() : await askSecret(context));
    if (username === '' || password === '')
      throw new CommandFailure(`Error: ${username === '' ? 'username' : 'password'} is empty`);
    const status = await checkedStatus(context, { username, password, serveraddress });
    config.storeAuth(hostOf(serveraddress), username, password);
    err.line(`WARNING! Your password will be stored unencrypted in ${config.path}.`);
    out.line(status);
    return 0;
  },
};

const notImplemented = 501;

/** An engine that does not check credentials here does so when it pulls: they are kept, and that is said. */
async function checkedStatus(context: CommandContext, body: object): Promise<string> {
  try {
    return (await context.client.json<{ Status: string }>('POST', '/auth', { body })).Status;
  } catch (error) {
    if (!(error instanceof EngineError) || error.status !== notImplemented) throw error;
    return 'Login saved: this engine checks credentials when an image is pulled';
  }
}

/** Docker Hub keeps its address, others their host. */
export function hostOf(address: string): string {
  return address === dockerHubAddress ? address : address.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

async function wholeInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks)
    .toString()
    .replace(/\r?\n$/, '');
}

async function ask(context: CommandContext, prompt: string): Promise<string> {
  requireTerminal();
  const reader = createInterface({ input: process.stdin, output: context.out.stream });
  try {
    return (await reader.question(prompt)).trim();
  } finally {
    reader.close();
  }
}

function requireTerminal(): void {
  if (!process.stdin.isTTY)
    throw new CommandFailure('Error: Cannot perform an interactive login from a non TTY device');
}

/** Typed without echo; ctrl-c and ctrl-d end it. */
async function askSecret(context: CommandContext): Promise<string> {
  requireTerminal();
  context.out.write('Password: ');
  const leave = enterRawMode();
  let text = '';
  try {
    for await (const chunk of process.stdin) {
      for (const letter of String(chunk)) {
        if (letter === '\r' || letter === '\n') return text;
        if (letter === '\x03' || letter === '\x04') throw new CommandFailure('', 130);
        text = letter === '\x7f' ? text.slice(0, -1) : text + letter;
      }
    }
    return text;
  } finally {
    leave();
    context.out.line();
  }
}
