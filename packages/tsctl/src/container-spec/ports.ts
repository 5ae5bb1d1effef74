// -p and --expose as the API's PortBindings and ExposedPorts.
import { CommandFailure } from '../cli/failures.ts';

interface Binding {
  /** `80/tcp`. */
  port: string;
  hostIp: string;
  hostPort: string;
}

export function portBindings(published: readonly string[]): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { port, hostIp, hostPort } of published.flatMap((entry) => parsePublished(entry))) {
    bindings[port] = [...(bindings[port] ?? []), { HostIp: hostIp, HostPort: hostPort }];
  }
  return bindings;
}

export function exposedPorts(published: readonly string[], exposed: readonly string[]): Record<string, object> {
  const ports = [
    ...published.flatMap((entry) => parsePublished(entry)).map((each) => each.port),
    ...exposed.flatMap((entry) => parseExposed(entry)),
  ];
  return Object.fromEntries(ports.map((port) => [port, {}]));
}

/** `[ip:][host[-host]:]container[-container][/proto]`. */
function parsePublished(entry: string): Binding[] {
  const match = /^(?:(\[[^\]]+\]|[\d.]+)?:)?(?:(\d+(?:-\d+)?)?:)?(\d+(?:-\d+)?)(?:\/(tcp|udp|sctp))?$/i.exec(entry);
  if (match === null) throw badPublished(entry);
  const [, address = '', host, container = '', protocol = 'tcp'] = normalised(match);
  const inside = portRange(container, entry);
  if (host?.split('-').some((port) => Number(port) > 65_535))
    throw new CommandFailure(`Invalid hostPort: ${host}`, 125);
  const outside = host === undefined ? inside.map(() => '') : portRange(host, entry).map(String);
  // -p 8000-9000:80 lets the daemon choose one of the range
  if (outside.length !== inside.length && inside.length === 1)
    return [{ port: `${container}/${protocol}`, hostIp: address, hostPort: host ?? '' }];
  if (outside.length !== inside.length)
    throw new CommandFailure(`invalid ranges specified for container and host Ports: ${container} and ${host}`, 125);
  return inside.map((port, at) => ({ port: `${port}/${protocol}`, hostIp: address, hostPort: outside[at] ?? '' }));
}

/** In `8080:80` the first part is no address though it could be read as one. */
function normalised(match: RegExpExecArray): (string | undefined)[] {
  const [whole, address, host, container, protocol] = match;
  const bare = address?.replace(/^\[|\]$/g, '');
  const swapped = bare !== undefined && /^\d+$/.test(bare) && host === undefined;
  return swapped
    ? [whole, undefined, bare, container, protocol?.toLowerCase()]
    : [whole, bare, host, container, protocol?.toLowerCase()];
}

/** Docker's words for the part that is wrong. */
function badPublished(entry: string): CommandFailure {
  const [ports = '', protocol] = entry.split('/');
  if (protocol !== undefined && !/^(tcp|udp|sctp)$/i.test(protocol))
    return new CommandFailure(`Invalid proto: ${protocol}`, 125);
  const [container = '', host] = ports.split(':').reverse();
  if (/^\d+(-\d+)?$/.test(container) && host !== undefined && !/^\d*(-\d+)?$/.test(host))
    return new CommandFailure(`Invalid hostPort: ${host}`, 125);
  return new CommandFailure(`Invalid containerPort: ${container}`, 125);
}

function parseExposed(entry: string): string[] {
  const match = /^(\d+(?:-\d+)?)(?:\/(tcp|udp|sctp))?$/i.exec(entry);
  if (match?.[1] === undefined)
    throw new CommandFailure(
      `invalid range format for --expose: ${entry}, error: strconv.ParseUint: parsing ${JSON.stringify(entry)}: invalid syntax`,
      125,
    );
  return portRange(match[1], entry).map((port) => `${port}/${match[2]?.toLowerCase() ?? 'tcp'}`);
}

function portRange(text: string, entry: string): number[] {
  const [first = 0, last = first] = text.split('-').map(Number);
  if (last < first || last > 65_535) throw new CommandFailure(`invalid containerPort: ${entry}`, 125);
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}
