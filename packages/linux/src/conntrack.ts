// The kernel's connection tracking by netlink: flows listed and deleted. linux/netfilter/nfnetlink_conntrack.h.
import { attributes, type NetlinkSocket, netlinkFlags, parseAttributes } from './netlink.ts';

const subsystem = 1;
const getFlow = (subsystem << 8) | 1;
const deleteFlow = (subsystem << 8) | 2;
const originalTuple = 1;
const tuple = { protocol: 2 } as const;
const tupleProtocol = { number: 1, sourcePort: 2, destinationPort: 3 } as const;
const families = [2, 10];

/** A flow as its first packet was. */
export interface Flow {
  /** IPPROTO_*. */
  protocol: number;
  destinationPort: number;
}

function header(family: number): Buffer {
  return Buffer.from([family, 0, 0, 0]);
}

/** `socket`: one of netfilter's. A flow that ends meanwhile is no error. */
export async function deleteFlows(socket: NetlinkSocket, isWanted: (flow: Flow) => boolean): Promise<void> {
  for (const family of families) {
    const found = await socket.send([
      { what: 'list connections', type: getFlow, flags: netlinkFlags.dump, body: header(family) },
    ]);
    const original = found
      .map(({ body }) => parseAttributes(body.subarray(4)).get(originalTuple))
      .filter((bytes) => bytes !== undefined)
      .filter((bytes) => isWanted(toFlow(bytes)));
    await socket.send(
      original.map((bytes) => ({
        what: 'delete connection',
        type: deleteFlow,
        flags: netlinkFlags.ack,
        body: Buffer.concat([header(family), attributes([[originalTuple | nested, bytes]])]),
        tolerates: ['ENOENT'],
      })),
    );
  }
}

const nested = 0x8000;

function toFlow(bytes: Buffer): Flow {
  const fields = parseAttributes(parseAttributes(bytes).get(tuple.protocol) ?? Buffer.alloc(0));
  return {
    protocol: fields.get(tupleProtocol.number)?.[0] ?? 0,
    destinationPort: fields.get(tupleProtocol.destinationPort)?.readUInt16BE() ?? 0,
  };
}
