// `tsctl logout`: forgets a registry's credentials.
import type { Command } from '../cli/command.ts';
import { dockerHubAddress } from '../cli/config-file.ts';
import { hostOf } from './login.ts';

export const logoutCommand: Command = {
  name: 'logout',
  summary: 'Log out from a registry',
  usage: '[SERVER]',
  flags: [],
  args: { min: 0, max: 1 },
  async run(context) {
    const address = context.args[0] ?? dockerHubAddress;
    const key = hostOf(address);
    if (context.config.removeAuth(key)) context.out.line(`Removing login credentials for ${key}`);
    else context.out.line(`Not logged in to ${key}`);
    return 0;
  },
};
