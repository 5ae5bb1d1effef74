// `tsctl logout`: forgets a registry's credentials, wherever they are kept.
import type { Command } from '../cli/command.ts';
import { dockerHubAddress, eraseCredentials } from '../cli/credential-store.ts';
import { hostOf } from './login.ts';

export const logoutCommand: Command = {
  name: 'logout',
  summary: 'Log out from a registry',
  usage: '[SERVER]',
  flags: [],
  args: { min: 0, max: 1 },
  async run({ args, config, out, err }) {
    const key = hostOf(args[0] ?? dockerHubAddress);
    out.line(`Removing login credentials for ${key}`);
    try {
      // older clients wrote these forms
      for (const each of key === dockerHubAddress ? [key] : [key, `http://${key}`, `https://${key}`])
        await eraseCredentials(config, each);
    } catch (error) {
      err.line(`WARNING: could not erase credentials:\n${key}: ${(error as Error).message}`);
    }
    return 0;
  },
};
