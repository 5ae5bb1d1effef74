// Port mappings as docker ps shows them, neighbouring ports joined to ranges.

export interface PortSummary {
  IP?: string;
  PrivatePort: number;
  PublicPort?: number;
  Type: string;
}

interface Group {
  key: string;
  first: number;
  last: number;
}

/** `0.0.0.0:80->80/tcp, 90-92/udp`. */
export function displayPorts(ports: readonly PortSummary[]): string {
  const single: string[] = [];
  const groups: Group[] = [];
  for (const port of [...ports].sort(byPort)) {
    const { IP: address, PrivatePort: inside, PublicPort: outside, Type: type } = port;
    if (address && outside !== inside) {
      single.push(`${address}:${outside}->${inside}/${type}`);
      continue;
    }
    const key = address ? `${address}/${type}` : type;
    const group = groups.find((each) => each.key === key && each.last === inside - 1);
    if (group === undefined) groups.push({ key, first: inside, last: inside });
    else group.last = inside;
  }
  return [...single, ...groups.map(groupText)].join(', ');
}

function groupText({ key, first, last }: Group): string {
  const range = first === last ? String(first) : `${first}-${last}`;
  const slash = key.lastIndexOf('/');
  return slash < 0 ? `${range}/${key}` : `${key.slice(0, slash)}:${range}->${range}/${key.slice(slash + 1)}`;
}

function byPort(left: PortSummary, right: PortSummary): number {
  return (
    left.PrivatePort - right.PrivatePort ||
    byLetters(left.IP ?? '', right.IP ?? '') ||
    (left.PublicPort ?? 0) - (right.PublicPort ?? 0) ||
    byLetters(left.Type, right.Type)
  );
}

/** As Go compares: `0.0.0.0` before `::`. */
function byLetters(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
