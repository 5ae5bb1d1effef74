// Looks into the first bytes of a connection: whether its client says that it makes unary calls only; for the listener.
import type { Buffer } from 'node:buffer';
import { connectionPreface, decodeSettings, frameType, headerBytes, setting, settingBytes } from './http2-frame.ts';

/** More settings than any client sends first. */
const maxFirstSettings = 64;

/** Undefined until enough has come to tell. False for whatever is not HTTP/2. */
export function asksForUnaryOnly(bytes: Buffer): boolean | undefined {
  const preface = connectionPreface.length;
  const compared = Math.min(preface, bytes.length);
  if (connectionPreface.compare(bytes, 0, compared, 0, compared) !== 0) return false;
  if (bytes.length < preface + headerBytes) return undefined;
  const length = bytes.readUIntBE(preface, 3);
  const isSettings = bytes[preface + 3] === frameType.settings && bytes[preface + 4] === 0;
  if (!isSettings || length > maxFirstSettings * settingBytes || length % settingBytes !== 0) return false;
  const end = preface + headerBytes + length;
  if (bytes.length < end) return undefined;
  const settings = decodeSettings(bytes.subarray(preface + headerBytes, end));
  return settings.some(([id, value]) => id === setting.unaryOnly && value === 1);
}
