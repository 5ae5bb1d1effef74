// systemd, the host's own, as pid 1 of a machine: its binaries and the few units that it needs to run the checks.
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type InstallProgram = (root: string, source: string, target: string) => void;

const unitDirectory = 'etc/systemd/system';

const units: Record<string, string> = {
  // Its own output goes to the console; its end is the machine's.
  'world.service': `[Unit]
Description=Checks of the second world
DefaultDependencies=no
After=sysinit.target
[Service]
Type=oneshot
Environment=TS_FLAGS=--systemd-cgroup
ExecStart=/bin/sh /world/guest.sh
ExecStopPost=/bin/poweroff -f
StandardInput=null
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
`,
  'world.target': `[Unit]
Description=The second world
DefaultDependencies=no
Wants=world.service
AllowIsolate=yes
`,
  'sysinit.target': '[Unit]\nDescription=System Initialization\nDefaultDependencies=no\n',
  'basic.target': '[Unit]\nDescription=Basic System\nDefaultDependencies=no\n',
  'shutdown.target': '[Unit]\nDescription=Shutdown\nDefaultDependencies=no\n',
};

export function installSystemd(root: string, installProgram: InstallProgram): void {
  installProgram(root, '/lib/systemd/systemd', '/lib/systemd/systemd');
  installProgram(root, '/bin/systemctl', '/sbin/systemctl');
  mkdirSync(join(root, unitDirectory), { recursive: true });
  for (const [name, text] of Object.entries(units)) writeFileSync(join(root, unitDirectory, name), text);
  symlinkSync('world.target', join(root, unitDirectory, 'default.target'));
  writeFileSync(join(root, 'etc/machine-id'), '0123456789abcdef0123456789abcdef\n');
  writeFileSync(join(root, 'etc/os-release'), 'ID=world\nNAME=world\n');
  // Only what systemd itself looks for; a journal and udev are not there.
  writeFileSync(join(root, 'etc/systemd/system.conf'), '[Manager]\nLogTarget=kmsg\nShowStatus=no\n');
  const nss = '/lib/x86_64-linux-gnu/libnss_files.so.2';
  if (existsSync(nss)) cpSync(nss, join(root, nss), { dereference: true });
}
