// Networks of containers in user namespaces: their interfaces come after the task is made, in a namespace of its own.
import { describe, expect, it } from 'vitest';
import { busyboxArchive } from '../harness/images.ts';
import { startStack } from '../harness/stack.ts';

describe('user namespaces', () => {
  it('own their network namespace, and have the same networks', async () => {
    const remapped = await startStack({ engineFlags: ['--userns-remap', '300000:65536'] });
    try {
      expect((await remapped.docker(['load', '-i', await busyboxArchive()])).code).toBe(0);
      expect((await remapped.docker(['network', 'create', 'own'])).code).toBe(0);
      const script = 'ip link add type dummy 2>/dev/null; ip addr show eth0; ip route; ls /sys/class/net; nslookup box';
      const args = [
        'run',
        '--rm',
        '--name',
        'box',
        '--network',
        'own',
        '--cap-add',
        'NET_ADMIN',
        'busybox',
        'sh',
        '-c',
      ];
      const { stdout } = await remapped.docker([...args, `${script}; ip addr add 10.0.0.1/8 dev lo && echo mine`]);
      expect(stdout).toMatch(
        /172\.18\.0\.2\/16[\s\S]*default via 172\.18\.0\.1[\s\S]*Address: 172\.18\.0\.2[\s\S]*mine/,
      );
      expect((await remapped.docker(['run', '--rm', 'busybox', 'ip', 'route'])).stdout).toContain('via 172.17.0.1');
    } finally {
      await remapped.stop();
    }
  });
});
