// What a machine of the second world has for its ordinary user: the user, other runtimes to compare with and, under
// systemd, a manager of the user's own with its message bus, as a login would have started it.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { World } from './check.ts';

type InstallProgram = (root: string, source: string, target: string) => void;

export const userId = 1000;

const units: Record<string, string> = {
  // As Debian's, but for PAM, which would make the runtime directory and set these variables.
  'system/user@.service': `[Unit]
Description=User Manager for UID %i
After=dbus.service
Requires=dbus.service
[Service]
User=%i
Type=notify
Environment=XDG_RUNTIME_DIR=/run/user/%i HOME=/home/user
ExecStart=/lib/systemd/systemd --user
Slice=user-%i.slice
KillMode=mixed
Delegate=pids memory cpu
TasksMax=infinity
OOMScoreAdjust=100
`,
  'system/dbus.socket': '[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/dbus/system_bus_socket\n',
  'system/dbus.service': `[Unit]
DefaultDependencies=no
Requires=dbus.socket
[Service]
ExecStart=/usr/bin/dbus-daemon --config-file=/etc/bus.conf --address=systemd: --nofork --nopidfile --systemd-activation
`,
  'user/dbus.socket': '[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=%t/bus\n',
  'user/dbus.service': `[Unit]
DefaultDependencies=no
Requires=dbus.socket
[Service]
ExecStart=/usr/bin/dbus-daemon --config-file=/etc/bus.conf --address=systemd: --nofork --nopidfile --systemd-activation
`,
  'user/default.target': '[Unit]\nDefaultDependencies=no\nWants=dbus.socket dbus.service\n',
  'user/basic.target': '[Unit]\nDefaultDependencies=no\n',
  'user/shutdown.target': '[Unit]\nDefaultDependencies=no\n',
  'user/exit.target': '[Unit]\nDefaultDependencies=no\n',
};

/** Everybody may do everything: who may call whom is systemd's own affair. */
const busConfiguration = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=/dev/null/unused</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;

export function installOrdinaryUser(world: World, root: string, installProgram: InstallProgram): void {
  appendFileSync(join(root, 'etc/passwd'), `user:x:${userId}:${userId}:user:/home/user:/bin/sh\n`);
  appendFileSync(join(root, 'etc/group'), `user:x:${userId}:\n`);
  for (const [source, target] of [
    ['/usr/bin/setpriv', '/sbin/setpriv'],
    ['/usr/sbin/runc', '/sbin/runc'],
    ['/usr/bin/crun', '/sbin/crun'],
  ] as const)
    installProgram(root, source, target);
  // Nobody but root could make these there.
  for (const name of ['proc', 'dev', 'sys', 'tmp']) mkdirSync(join(root, 'rootfs', name), { recursive: true });
  if (world.init !== 'systemd') return;
  installProgram(root, '/usr/bin/dbus-daemon', '/usr/bin/dbus-daemon');
  installProgram(root, '/usr/bin/systemd-run', '/sbin/systemd-run');
  writeFileSync(join(root, 'etc/bus.conf'), busConfiguration);
  for (const [name, text] of Object.entries(units)) {
    const path = join(root, 'etc/systemd', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
