// The request that run's flags make: field by field as the API wants it.
import { describe, expect, it } from 'vitest';
import { parseFlags } from '../cli/flag-parser.ts';
import { containerFlags } from './container-flags.ts';
import { containerRequest } from './container-request.ts';

function request(line: string, isDetached = false) {
  const { flags, args } = parseFlags(line.split(' '), containerFlags, true);
  return containerRequest(flags, args, isDetached);
}
const host = (line: string) => request(line).HostConfig;

describe('containerRequest', () => {
  it('attaches output, and input only if asked', () => {
    expect(request('box')).toMatchObject({
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      OpenStdin: false,
      StdinOnce: false,
      Tty: false,
    });
    expect(request('-it box sh')).toMatchObject({
      AttachStdin: true,
      OpenStdin: true,
      StdinOnce: true,
      Tty: true,
      Image: 'box',
      Cmd: ['sh'],
    });
    expect(request('-i box', true)).toMatchObject({
      AttachStdin: false,
      AttachStdout: false,
      OpenStdin: true,
      StdinOnce: false,
    });
    expect(request('-a stderr box')).toMatchObject({ AttachStdin: false, AttachStdout: false, AttachStderr: true });
  });

  it('leaves out what was not given', () => {
    const { Cmd, Entrypoint, Hostname, WorkingDir, Healthcheck } = request('box');
    expect([Cmd, Entrypoint, Hostname, WorkingDir, Healthcheck]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(host('box')).not.toHaveProperty('Memory');
    expect(host('box')).not.toHaveProperty('Init');
  });

  it('takes limits', () => {
    expect(
      host('-m 64m --memory-swap -1 --cpus 1.5 -c 512 --pids-limit 10 --cpuset-cpus 0-1 --shm-size 1m box'),
    ).toMatchObject({
      Memory: 67_108_864,
      MemorySwap: -1,
      NanoCpus: 1_500_000_000,
      CpuShares: 512,
      PidsLimit: 10,
      CpusetCpus: '0-1',
      ShmSize: 1_048_576,
    });
    expect(host('--ulimit nofile=10:20 --ulimit nproc=5 box')['Ulimits']).toEqual([
      { Name: 'nofile', Soft: 10, Hard: 20 },
      { Name: 'nproc', Soft: 5, Hard: 5 },
    ]);
    expect(() => request('--ulimit nofile=30:20 box')).toThrow(
      'soft limit must be less than or equal to hard limit: 30 > 20',
    );
  });

  it('takes mounts', () => {
    const { HostConfig, Volumes } = request(
      '-v /a:/b:ro -v name:/c -v /anonymous --tmpfs /t:size=1m --mount type=bind,src=/x,dst=/y,ro,bind-propagation=rslave box',
    );
    expect(HostConfig).toMatchObject({ Binds: ['/a:/b:ro', 'name:/c'], Tmpfs: { '/t': 'size=1m' } });
    expect(Volumes).toEqual({ '/anonymous': {} });
    expect(HostConfig['Mounts']).toEqual([
      { Type: 'bind', Source: '/x', Target: '/y', ReadOnly: true, BindOptions: { Propagation: 'rslave' } },
    ]);
    expect(() => request('--mount type=bind box')).toThrow('target is required');
    expect(() => request('--mount type=bind,dst=/a,odd=1 box')).toThrow("unexpected key 'odd' in 'odd=1'");
  });

  it('takes ports', () => {
    const { HostConfig, ExposedPorts } = request(
      '-p 8080:80 -p 127.0.0.1::53/udp -p 90-91:70-71 -p 443 --expose 5 box',
    );
    expect(HostConfig['PortBindings']).toEqual({
      '80/tcp': [{ HostIp: '', HostPort: '8080' }],
      '53/udp': [{ HostIp: '127.0.0.1', HostPort: '' }],
      '70/tcp': [{ HostIp: '', HostPort: '90' }],
      '71/tcp': [{ HostIp: '', HostPort: '91' }],
      '443/tcp': [{ HostIp: '', HostPort: '' }],
    });
    expect(Object.keys(ExposedPorts as object)).toEqual(['80/tcp', '53/udp', '70/tcp', '71/tcp', '443/tcp', '5/tcp']);
    expect(() => request('-p x:80 box')).toThrow('Invalid hostPort: x');
  });

  it('takes networks', () => {
    expect(host('box')['NetworkMode']).toBe('default');
    const named = request('--network net1 --network-alias a --network name=net2,ip=10.0.0.2 box');
    expect(named.HostConfig['NetworkMode']).toBe('net1');
    expect(named['NetworkingConfig']).toEqual({
      EndpointsConfig: { net1: { Aliases: ['a'] }, net2: { IPAMConfig: { IPv4Address: '10.0.0.2' } } },
    });
  });

  it('takes isolation, policies and health', () => {
    expect(
      host(
        '--pid host --ipc none --uts host --userns private --cgroupns private --cap-add A --cap-drop ALL --privileged --read-only --init box',
      ),
    ).toMatchObject({
      PidMode: 'host',
      IpcMode: 'none',
      UTSMode: 'host',
      UsernsMode: 'private',
      CgroupnsMode: 'private',
      CapAdd: ['A'],
      CapDrop: ['ALL'],
      Privileged: true,
      ReadonlyRootfs: true,
      Init: true,
    });
    expect(host('--restart on-failure:3 box')['RestartPolicy']).toEqual({ Name: 'on-failure', MaximumRetryCount: 3 });
    expect(() => request('--rm --restart always box')).toThrow('Conflicting options: --restart and --rm');
    expect(request('--health-cmd true --health-interval 2s box')['Healthcheck']).toMatchObject({
      Test: ['CMD-SHELL', 'true'],
      Interval: 2e9,
    });
    expect(() => request('--no-healthcheck --health-cmd x box')).toThrow('--no-healthcheck conflicts');
  });
});
