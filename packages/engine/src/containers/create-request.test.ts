// Create requests: Go's reading of JSON, what is refused by name, and how an image's config is merged in.
import type { ImageConfig } from '@tscontainer/core/oci-image';
import { describe, expect, it } from 'vitest';
import { decodeCreateRequest, withImageConfig } from './create-request.ts';
import { mountPointsOf, parseBind } from './mount-requests.ts';

const image: ImageConfig = {
  architecture: 'amd64',
  os: 'linux',
  rootfs: { type: 'layers', diff_ids: [] },
  config: {
    Env: ['PATH=/bin', 'A=image'],
    Cmd: ['image-cmd'],
    Entrypoint: ['image-entry'],
    WorkingDir: '/w',
    User: 'u',
    Labels: { l: 'image', k: '1' },
    Volumes: { '/v': {} },
  },
};

const decode = (body: object) => decodeCreateRequest({ Image: 'i', ...body });

describe('decodeCreateRequest', () => {
  it('reads keys in any case and ignores unknown ones and nulls', () => {
    const { config, hostConfig } = decode({
      cmd: 'one',
      ENV: ['A=1'],
      hostCONFIG: { memory: 67108864, Nonsense: 1, Binds: null },
    });
    expect(config.Cmd).toEqual(['one']);
    expect(config.Env).toEqual(['A=1']);
    expect(hostConfig.Memory).toBe(67108864);
    expect(hostConfig.MemorySwap).toBe(2 * 67108864);
    expect(hostConfig.Binds).toBeNull();
  });

  it('says which field has the wrong type', () => {
    expect(() => decode({ HostConfig: { Memory: '1g' } })).toThrow('HostConfig.Memory of type int64');
  });

  it.each([
    ['DeviceRequests', [{ Driver: 'cdi', DeviceIDs: ['odd'] }]],
    ['BlkioDeviceReadBps', [{ Path: '/dev/sda', Rate: -1 }]],
    ['BlkioDeviceReadBps', 'fast'],
    ['BlkioWeightDevice', [{ Path: '/dev/sda', Weight: 1 }]],
    ['SecurityOpt', ['seccomp=/profile.json']],
    ['KernelMemory', 1000],
  ])('refuses HostConfig.%s by name', (field, value) => {
    expect(() => decode({ HostConfig: { [field]: value } })).toThrow(`HostConfig.${field}`);
  });

  it('refuses more real-time than there is time', () => {
    expect(() => decode({ HostConfig: { CpuRealtimeRuntime: 2000, CpuRealtimePeriod: 1000 } })).toThrow('real-time');
  });

  it.each([
    [{ LogConfig: { Type: 'odd' } }, 'plugin "odd" not found'],
    [{ UTSMode: 'container:x' }, 'invalid UTS mode: container:x'],
    [{ IpcMode: 'odd' }, 'invalid IPC mode: odd'],
    [{ Isolation: 'hyperv' }, "invalid isolation (hyperv): linux only supports 'default'"],
    [{ StorageOpt: { size: '1g' } }, '--storage-opt is supported only for overlay over xfs'],
    [{ Memory: 1024 }, 'Minimum memory limit allowed is 6MB'],
    [{ RestartPolicy: { Name: 'sometimes' } }, "invalid restart policy: unknown policy 'sometimes'"],
    [
      { RestartPolicy: { Name: 'always', MaximumRetryCount: 3 } },
      "maximum retry count can only be used with 'on-failure'",
    ],
    [{ NanoCpus: 1e15 }, 'range of CPUs is from 0.01 to'],
    [{ Tmpfs: { relative: '' } }, "'relative' mount path must be absolute"],
  ])('refuses %j in docker’s words', (hostConfig, message) => {
    expect(() => decode({ HostConfig: hostConfig })).toThrow(message);
  });

  it('takes the zero values that docker’s client always sends', () => {
    expect(() =>
      decode({
        HostConfig: {
          PortBindings: {},
          Links: null,
          VolumesFrom: null,
          BlkioDeviceReadBps: [],
          KernelMemory: 0,
          CpuCount: 0,
          MemorySwappiness: -1,
          PidsLimit: 0,
          RestartPolicy: { Name: 'no' },
        },
      }),
    ).not.toThrow();
  });
});

describe('withImageConfig', () => {
  const merge = (body: object) => withImageConfig(decode(body).config, image);

  it('takes what was not given from the image', () => {
    expect(merge({})).toMatchObject({
      Cmd: ['image-cmd'],
      Entrypoint: ['image-entry'],
      WorkingDir: '/w',
      User: 'u',
      Volumes: { '/v': {} },
    });
  });

  it('lets the request win, variable by variable and label by label', () => {
    const merged = merge({ Env: ['A=own'], Labels: { l: 'own' } });
    expect(merged.Env).toEqual(['A=own', 'PATH=/bin']);
    expect(merged.Labels).toEqual({ l: 'own', k: '1' });
  });

  it('keeps the image’s entrypoint with a new command, and drops its command with a new entrypoint', () => {
    expect(merge({ Cmd: ['x'] })).toMatchObject({ Entrypoint: ['image-entry'], Cmd: ['x'] });
    expect(merge({ Entrypoint: ['e'] })).toMatchObject({ Entrypoint: ['e'], Cmd: null });
    expect(merge({ Entrypoint: [''], Cmd: ['x'] })).toMatchObject({ Entrypoint: null, Cmd: ['x'] });
    expect(() => merge({ Entrypoint: [''] })).toThrow('no command specified');
  });
});

describe('mount points', () => {
  it('tells binds from volumes', () => {
    expect(parseBind('/a/../b:/c:ro,rslave')).toMatchObject({
      type: 'bind',
      source: '/b',
      destination: '/c',
      isWritable: false,
      propagation: 'rslave',
    });
    expect(parseBind('vol:/c:nocopy')).toMatchObject({
      type: 'volume',
      name: 'vol',
      copiesUp: false,
      isAnonymous: false,
    });
  });

  it.each(['nocolon', '/a:', ':/b', '/a:/b:rw:x', '/a:relative', '/a:/', '../a:/b', '/a:/b:fast'])(
    'refuses %s',
    (bind) => {
      expect(() => parseBind(bind)).toThrow();
    },
  );

  it('refuses two mounts at one place, and lets a user’s mount replace the image’s volume', () => {
    const host = (value: object) => decode({ HostConfig: value }).hostConfig;
    expect(() => mountPointsOf(host({ Binds: ['/a:/x', '/b:/x/'] }), null)).toThrow('Duplicate mount point: /x');
    expect(mountPointsOf(host({ Binds: ['/a:/v'] }), { '/v': {} })).toHaveLength(1);
    expect(mountPointsOf(host({}), { '/v': {} })[0]).toMatchObject({
      type: 'volume',
      isAnonymous: true,
      destination: '/v',
    });
  });
});
