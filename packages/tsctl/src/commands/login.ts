// `tsctl login`: checks credentials with the registry and keeps them in config.json.
import { createInterface } from 'node:readline/promises';
import type { Command, CommandContext } from '../cli/command.ts';
import { credentialsFor, dockerHubAddress, type RegistryAuth, storeCredentials } from '../cli/credential-store.ts';
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
    if (flags.has('password') && flags.bool('password-stdin'))
      throw new CommandFailure('--password and --password-stdin are mutually exclusive');
    if (flags.bool('password-stdin') && flags.text('username') === '')
      throw new CommandFailure('Must provide --username with --password-stdin');
    const answer = (await withKept(context, serveraddress)) ?? (await withGiven(context, serveraddress));
    if (await stored(context, hostOf(serveraddress), answer.auth)) err.line(unencryptedWarning(config.path));
    out.line(answer.status);
    return 0;
  },
};

/** Credentials and what the engine said to them. */
interface Checked {
  auth: RegistryAuth;
  status: string;
}

async function stored({ config }: CommandContext, key: string, auth: RegistryAuth): Promise<boolean> {
  try {
    return await storeCredentials(config, key, auth);
  } catch (error) {
    throw new CommandFailure(`Error saving credentials: ${(error as Error).message}`);
  }
}

function unencryptedWarning(path: string): string {
  return [
    `WARNING! Your password will be stored unencrypted in ${path}.`,
    'Configure a credential helper to remove this warning. See',
    'https://docs.docker.com/engine/reference/commandline/login/#credentials-store\n',
  ].join('\n');
}

/** Undefined when none are kept, or the registry takes them no more. */
async function withKept(context: CommandContext, serveraddress: string): Promise<Checked | undefined> {
  const { flags, config, out, err } = context;
  if (flags.text('username') !== '' || flags.text('password') !== '') return undefined;
  const host = hostOf(serveraddress) === dockerHubAddress ? 'docker.io' : hostOf(serveraddress);
  const kept = await credentialsFor(config, host);
  if (kept === undefined) return undefined;
  out.line('Authenticating with existing credentials...');
  try {
    return await checked(context, { ...kept, serveraddress });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    err.line(`Login did not succeed, error: ${error.message}`);
    return undefined;
  }
}

async function withGiven(context: CommandContext, serveraddress: string): Promise<Checked> {
  const { flags } = context;
  const username = flags.text('username') || (await ask(context, 'Username: '));
  const password =
    flags.text('password') || (flags.bool('password-stdin') ? await wholeInput() : await askSecret(context));
  if (username === '' || password === '')
    throw new CommandFailure(`Error: ${username === '' ? 'username' : 'password'} is empty`);
  return await checked(context, { username, password, serveraddress });
}

async function checked(context: CommandContext, auth: RegistryAuth): Promise<Checked> {
  const { Status, IdentityToken } = await statusOf(context, auth);
  if (IdentityToken === undefined || IdentityToken === '') return { auth, status: Status };
  const { password: _replaced, ...others } = auth;
  return { auth: { ...others, identitytoken: IdentityToken }, status: Status };
}

const notImplemented = 501;

/** An engine that does not check credentials here does so when it pulls: they are kept, and that is said. */
async function statusOf(context: CommandContext, body: object): Promise<{ Status: string; IdentityToken?: string }> {
  try {
    return await context.client.json('POST', '/auth', { body });
  } catch (error) {
    if (!(error instanceof EngineError) || error.status !== notImplemented) throw error;
    return { Status: 'Login saved: this engine checks credentials when an image is pulled' };
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
