// Which fields an image has is a matter of the API version that is asked for: as dockerd 28.5 answers each of them.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { busyboxArchive } from '../harness/images.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
  const { code, stderr } = await stack.docker(['load', '-i', await busyboxArchive()]);
  expect(code, stderr).toBe(0);
});

afterAll(() => stack.stop());

const inspected = async (version: string) => (await stack.api('GET', `/${version}/images/busybox/json`)).body;

it('tells the virtual size until 1.43, a descriptor from 1.48, and a container’s fields until 1.49', async () => {
  const [first, size, descriptor, last] = await Promise.all(['v1.43', 'v1.44', 'v1.48', 'v1.50'].map(inspected));
  expect(first).toMatchObject({ VirtualSize: first.Size, Config: { Hostname: '', Tty: false, Cmd: ['sh'] } });
  expect([first.Descriptor, size.VirtualSize, size.Descriptor]).toEqual([undefined, undefined, undefined]);
  expect(descriptor).toMatchObject({ Descriptor: { size: expect.any(Number) }, Config: { Hostname: '' } });
  const fields = ['Cmd', 'Entrypoint', 'Env', 'Labels', 'OnBuild', 'User', 'Volumes', 'WorkingDir'];
  expect(Object.keys(last.Config).sort()).toEqual(fields);
});

it('counts the containers of an image from 1.51 on', async () => {
  await stack.docker(['create', 'busybox']);
  const counted = async (version: string) =>
    (await stack.api('GET', `/${version}/images/json?filters={"reference":["busybox"]}`)).body[0].Containers;
  expect([await counted('v1.50'), await counted('v1.51')]).toEqual([-1, 1]);
});
