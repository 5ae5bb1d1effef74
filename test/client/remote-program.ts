// Talks with an engine at the address and with the certificates that are given; remote.test.ts runs it beside the engine.
import { connect } from '@tsctl/client';

const [host = '', certificates = ''] = process.argv.slice(2);
const file = (name: string) => `${certificates}/${name}`;
const tls = { verify: true, caPath: file('ca.crt'), certPath: file('tls.crt'), keyPath: file('tls.key') };
try {
  await using engine = connect({ host, ...(certificates === '' ? {} : { tls }) });
  const body = {
    Image: 'busybox',
    Cmd: ['sh', '-c', 'cat; sleep 0.2; echo after'],
    HostConfig: { NetworkMode: 'none' },
  };
  await using run = await engine.containers.run(body, { stdin: 'typed\n' });
  const output = await run.output();
  const lines: string[] = [];
  for await (const { text } of run.container.logs()) lines.push(text);
  process.stdout.write(JSON.stringify({ output, lines }));
} catch (error) {
  process.stdout.write(JSON.stringify({ failure: (error as Error).name }));
}
