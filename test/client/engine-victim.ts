// A program that starts an engine for itself and has everything that an engine can hold; start-engine.test.ts ends it.
import { startEngine } from '@tsctl/client/testing';

const [network = 'own', ending = 'stay'] = process.argv.slice(2);
const engine = await startEngine({ network: network as 'own' | 'host', readyTimeoutMs: 90_000 });
const Image = 'tscontainer/whoami';
await engine.networks.create({ Name: 'net' });
const sleeping = async (name: string, HostConfig: object) => {
  const body = { Image, Cmd: ['sleep', '1000'], ExposedPorts: { '80/tcp': {} }, HostConfig };
  await (await engine.containers.create(body, { name })).start();
};
await sleeping('plain', { PortBindings: { '80/tcp': [{ HostPort: '' }] } });
await sleeping('paused', { NetworkMode: 'net', Binds: ['vol:/vol'] });
await engine.containers.get('paused').pause();
await sleeping('always', { NetworkMode: 'none', RestartPolicy: { Name: 'always' } });
const again = { Name: 'always', MaximumRetryCount: 0 };
await engine.containers.run({ Image, Cmd: ['false'], HostConfig: { RestartPolicy: again } }, { name: 'restarting' });
const exec = await engine.containers.get('plain').exec(['sleep', '1000']);
exec.closed.catch(() => undefined);
process.stdout.write(`${JSON.stringify({ directory: engine.directory, pid: engine.pid, own: process.pid })}\n`);
if (ending === 'throw') throw new Error('a test that fails outside of everything');
if (ending === 'exit') process.exit(3);
if (ending === 'stay') setInterval(() => undefined, 1000);
exec.close();
engine.close();
