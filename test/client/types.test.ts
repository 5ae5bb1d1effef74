// What the type checker has to refuse: `tsc -b` fails when one of these lines is accepted. The rest has to be accepted.
import {
  type Container,
  type ContainerCreateBody,
  type ContainerInspect,
  connect,
  type EngineEvent,
  type Images,
  type LogLine,
  type System,
} from '@tsctl/client';
import { expect, expectTypeOf, it } from 'vitest';

it('refuses fields, filters and parameters that do not exist, and values of another type', () => {
  const engine = connect({ host: 'unix:///nobody.sock' });
  const refused = [
    // @ts-expect-error Docker's word is Image
    () => engine.containers.create({ image: 'busybox' }),
    // @ts-expect-error a list of words
    () => engine.containers.create({ Image: 'busybox', Env: 'A=b' }),
    // @ts-expect-error Memory is a number of bytes
    () => engine.containers.create({ Image: 'busybox', HostConfig: { Memory: '64m' } }),
    // @ts-expect-error no such field
    () => engine.containers.create({ Image: 'busybox', HostConfig: { Memry: 1 } }),
    // @ts-expect-error HostPort is a text
    () => engine.containers.create({ HostConfig: { PortBindings: { '80/tcp': [{ HostPort: 80 }] } } }),
    // @ts-expect-error no such filter
    () => engine.containers.list({ filters: { lable: ['a'] } }),
    // @ts-expect-error no such parameter
    () => engine.containers.list({ everything: true }),
    // @ts-expect-error one of three
    () => engine.containers.get('x').wait({ condition: 'soon' }),
    // @ts-expect-error no such parameter
    () => engine.containers.get('x').logs({ folow: true }),
    // @ts-expect-error a network needs no Cmd
    () => engine.networks.create({ Name: 'x', Cmd: ['x'] }),
    // @ts-expect-error repo is needed
    () => engine.images.tag('x', {}),
    // @ts-expect-error no such operation
    () => engine.calls.json('ContainerLst'),
    // @ts-expect-error the path has no such parameter
    () => engine.calls.json('ContainerList', { query: { tail: 1 } }),
  ];
  expect(refused.length).toBe(13);
  engine.close();
});

it('knows the types of answers', () => {
  expectTypeOf<Awaited<ReturnType<Container['inspect']>>>().toEqualTypeOf<ContainerInspect>();
  expectTypeOf<ContainerInspect['State']['Status']>().toEqualTypeOf<
    'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'
  >();
  expectTypeOf<ReturnType<System['events']>>().toMatchTypeOf<AsyncIterable<EngineEvent>>();
  expectTypeOf<ReturnType<Container['logs']>>().toMatchTypeOf<AsyncIterable<LogLine>>();
  expectTypeOf<Awaited<ReturnType<Images['build']>>>().toEqualTypeOf<string>();
  const body = {
    Image: 'busybox',
    ExposedPorts: { '80/tcp': {} },
    HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] }, Mounts: [{ Type: 'tmpfs', Target: '/x' }] },
    NetworkingConfig: { EndpointsConfig: { net: { Aliases: ['a'] } } },
  } satisfies ContainerCreateBody;
  expect(body.Image).toBe('busybox');
});
