// What shims print, and how runtime names become binaries.
import { wireMessage } from '@tscontainer/platform/wire-codec';
import { describe, expect, it } from 'vitest';
import { readAddress, shimBinary } from './shim-command.ts';

const bootstrap = wireMessage<object>('containerd.runtime.bootstrap.v1.BootstrapResult');

describe('readAddress', () => {
  it.each([
    ['the bare address of 1.6', Buffer.from('unix:///run/s/1')],
    ['the JSON of 2.0', Buffer.from('{"version":3,"address":"unix:///run/s/1","protocol":"ttrpc"}')],
    ['the message of 2.3', bootstrap.encode({ version: 3, address: 'unix:///run/s/1', protocol: 'ttrpc' })],
  ])('takes %s', (_name, output) => {
    expect(readAddress(output)).toBe('unix:///run/s/1');
  });

  it('refuses a protocol that it does not speak', () => {
    expect(() => readAddress(Buffer.from('{"version":3,"address":"unix:///x","protocol":"grpc"}'))).toThrow(
      'speaks "grpc"',
    );
  });
});

describe('shimBinary', () => {
  it('takes the last two parts of the name', () => {
    expect(() => shimBinary('io.containerd.no-such.v9')).toThrow('/containerd-shim-no-such-v9');
  });

  it('names a runtime that is no name', () => {
    expect(() => shimBinary('runc')).toThrow(/^runtime runc: not of the form/);
    expect(() => shimBinary('/no/such/shim')).toThrow('binary not installed');
  });
});
