// EXPOSE: ports and ranges with their protocol, as docker reads them.
import { buildFailure } from './build-failure.ts';

const maxPort = 65_535;

/** `80/tcp`, one per port. Throws invalid-argument with docker's words. */
export function exposedPorts(specs: readonly string[]): string[] {
  return specs.flatMap((spec) => {
    const container = spec.slice(spec.lastIndexOf(':') + 1);
    const [range = '', protocol = ''] = container.split('/');
    if (range === '') throw buildFailure(`No port specified: ${spec}<empty>`);
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || last < first || last > maxPort) throw buildFailure(`Invalid containerPort: ${range}`);
    const word = (protocol || 'tcp').toLowerCase();
    if (!['tcp', 'udp', 'sctp'].includes(word)) throw buildFailure(`Invalid proto: ${protocol}`);
    return Array.from({ length: last - first + 1 }, (_, at) => `${first + at}/${word}`);
  });
}
