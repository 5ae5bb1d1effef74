// The flags that describe a container, shared by run and create; the other files of this folder turn them into the request.
import { type FlagDefinition, flag } from '../cli/flags.ts';

const processFlags: readonly FlagDefinition[] = [
  flag('list', 'attach,a', 'Attach to STDIN, STDOUT or STDERR'),
  flag('string', 'entrypoint', 'Overwrite the default ENTRYPOINT of the image'),
  flag('env', 'env,e', 'Set environment variables'),
  flag('list', 'env-file', 'Read in a file of environment variables'),
  flag('list', 'group-add', 'Add additional groups to join'),
  flag('string', 'hostname,h', 'Container host name'),
  flag('string', 'domainname', 'Container NIS domain name'),
  flag('bool', 'init', 'Run an init inside the container that forwards signals and reaps processes'),
  flag('bool', 'interactive,i', 'Keep STDIN open even if not attached'),
  flag('string', 'stop-signal', 'Signal to stop the container'),
  flag('int', 'stop-timeout', 'Timeout (in seconds) to stop a container'),
  flag('bool', 'tty,t', 'Allocate a pseudo-TTY'),
  flag('string', 'user,u', 'Username or UID (format: <name|uid>[:<group|gid>])'),
  flag('string', 'workdir,w', 'Working directory inside the container'),
];

const metadataFlags: readonly FlagDefinition[] = [
  flag('map', 'annotation', 'Add an annotation to the container (passed through to the OCI runtime)'),
  flag('string', 'cidfile', 'Write the container ID to the file'),
  flag('label', 'label,l', 'Set meta data on a container'),
  flag('list', 'label-file', 'Read in a line delimited file of labels'),
  flag('string', 'name', 'Assign a name to the container'),
  { ...flag('bool', 'disable-content-trust', 'Skip image verification', 'true'), hidden: true },
  flag('string', 'platform', 'Set platform if server is multi-platform capable'),
  flag('string', 'pull', 'Pull image before running ("always"|"missing"|"never")', 'missing'),
  flag('bool', 'quiet,q', 'Suppress the pull output'),
  flag('string', 'restart', 'Restart policy to apply when a container exits', 'no'),
  flag('bool', 'rm', 'Automatically remove the container when it exits'),
  flag('string', 'runtime', 'Runtime to use for this container'),
];

const mountFlags: readonly FlagDefinition[] = [
  flag('list', 'device', 'Add a host device to the container'),
  flag('string', 'gpus', "GPU devices to add to the container ('all' to pass all GPUs)"),
  flag('device-rule', 'device-cgroup-rule', 'Add a rule to the cgroup allowed devices list'),
  flag('mount', 'mount', 'Attach a filesystem mount to the container'),
  flag('bool', 'read-only', "Mount the container's root filesystem as read only"),
  flag('list', 'storage-opt', 'Storage driver options for the container'),
  flag('list', 'tmpfs', 'Mount a tmpfs directory'),
  flag('list', 'volume,v', 'Bind mount a volume'),
  flag('string', 'volume-driver', 'Optional volume driver for the container'),
  flag('list', 'volumes-from', 'Mount volumes from the specified container(s)'),
];

const isolationFlags: readonly FlagDefinition[] = [
  flag('list', 'cap-add', 'Add Linux capabilities'),
  flag('list', 'cap-drop', 'Drop Linux capabilities'),
  flag('string', 'cgroup-parent', 'Optional parent cgroup for the container'),
  flag('string', 'cgroupns', 'Cgroup namespace to use (host|private)'),
  flag('string', 'ipc', 'IPC mode to use'),
  flag('string', 'isolation', 'Container isolation technology'),
  flag('string', 'pid', 'PID namespace to use'),
  flag('bool', 'privileged', 'Give extended privileges to this container'),
  flag('list', 'security-opt', 'Security Options'),
  flag('sysctl', 'sysctl', 'Sysctl options'),
  flag('string', 'userns', 'User namespace to use'),
  flag('string', 'uts', 'UTS namespace to use'),
];

const networkFlags: readonly FlagDefinition[] = [
  flag('extra-host', 'add-host', 'Add a custom host-to-IP mapping (host:ip)'),
  flag('ip', 'dns', 'Set custom DNS servers'),
  { ...flag('list', 'dns-option', 'Set DNS options'), aliases: ['dns-opt'] },
  flag('list', 'dns-search', 'Set custom DNS search domains'),
  flag('list', 'expose', 'Expose a port or a range of ports'),
  flag('string', 'ip', 'IPv4 address (e.g., 172.30.100.104)'),
  flag('string', 'ip6', 'IPv6 address (e.g., 2001:db8::33)'),
  flag('list', 'link', 'Add link to another container'),
  flag('list', 'link-local-ip', 'Container IPv4/IPv6 link-local addresses'),
  flag('string', 'mac-address', 'Container MAC address (e.g., 92:d0:c6:0a:29:33)'),
  { ...flag('network', 'network', 'Connect a container to a network'), aliases: ['net'] },
  { ...flag('list', 'network-alias', 'Add network-scoped alias for the container'), aliases: ['net-alias'] },
  flag('list', 'publish,p', "Publish a container's port(s) to the host"),
  flag('bool', 'publish-all,P', 'Publish all exposed ports to random ports'),
];

const resourceFlags: readonly FlagDefinition[] = [
  flag('int', 'blkio-weight', 'Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)'),
  flag('list', 'blkio-weight-device', 'Block IO weight (relative device weight)'),
  flag('int', 'cpu-period', 'Limit CPU CFS (Completely Fair Scheduler) period'),
  flag('int', 'cpu-quota', 'Limit CPU CFS (Completely Fair Scheduler) quota'),
  flag('int', 'cpu-rt-period', 'Limit CPU real-time period in microseconds'),
  flag('int', 'cpu-rt-runtime', 'Limit CPU real-time runtime in microseconds'),
  flag('int', 'cpu-shares,c', 'CPU shares (relative weight)'),
  flag('decimal', 'cpus', 'Number of CPUs'),
  flag('string', 'cpuset-cpus', 'CPUs in which to allow execution (0-3, 0,1)'),
  flag('string', 'cpuset-mems', 'MEMs in which to allow execution (0-3, 0,1)'),
  flag('throttle', 'device-read-bps', 'Limit read rate (bytes per second) from a device'),
  flag('throttle', 'device-read-iops', 'Limit read rate (IO per second) from a device'),
  flag('throttle', 'device-write-bps', 'Limit write rate (bytes per second) to a device'),
  flag('throttle', 'device-write-iops', 'Limit write rate (IO per second) to a device'),
  flag('bytes', 'kernel-memory', 'Kernel memory limit'),
  flag('bytes', 'memory,m', 'Memory limit'),
  flag('bytes', 'memory-reservation', 'Memory soft limit'),
  flag('bytes', 'memory-swap', "Swap limit equal to memory plus swap: '-1' to enable unlimited swap"),
  flag('int', 'memory-swappiness', 'Tune container memory swappiness (0 to 100)', '-1'),
  flag('bool', 'oom-kill-disable', 'Disable OOM Killer'),
  flag('int', 'oom-score-adj', "Tune host's OOM preferences (-1000 to 1000)"),
  flag('int', 'pids-limit', 'Tune container pids limit (set -1 for unlimited)'),
  flag('bytes', 'shm-size', 'Size of /dev/shm'),
  flag('ulimit', 'ulimit', 'Ulimit options'),
];

const healthAndLogFlags: readonly FlagDefinition[] = [
  flag('string', 'health-cmd', 'Command to run to check health'),
  flag('duration', 'health-interval', 'Time between running the check (ms|s|m|h)'),
  flag('int', 'health-retries', 'Consecutive failures needed to report unhealthy'),
  flag('duration', 'health-start-interval', 'Time between running the check during the start period (ms|s|m|h)'),
  flag('duration', 'health-start-period', 'Start period for the container to initialize before health-retries count'),
  flag('duration', 'health-timeout', 'Maximum time to allow one check to run (ms|s|m|h)'),
  flag('bool', 'no-healthcheck', 'Disable any container-specified HEALTHCHECK'),
  flag('string', 'log-driver', 'Logging driver for the container'),
  flag('list', 'log-opt', 'Log driver options'),
];

export const containerFlags: readonly FlagDefinition[] = [
  ...processFlags,
  ...metadataFlags,
  ...mountFlags,
  ...isolationFlags,
  ...networkFlags,
  ...resourceFlags,
  ...healthAndLogFlags,
];
