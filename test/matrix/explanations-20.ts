// The differences from Docker 20.10 that are meant: each names its row in docs/compatibility.md, where the reason stands.
import type { Difference } from './comparison.ts';

export interface Explanation {
  /** The row of docs/compatibility.md. */
  id: string;
  /** Columns in which it may occur; all when absent. */
  column?: RegExp;
  /** Lines in which it may occur; all when absent. */
  line?: RegExp;
  /** Any when absent. */
  aspect?: Difference['aspect'];
  /** Of JSON and state. */
  path?: RegExp;
  theirs?: RegExp;
  ours?: RegExp;
  /** The same but for capital letters. */
  isCaseOnly?: boolean;
}

export function isExplainedBy(
  { column, line, aspect, path, theirs, ours, isCaseOnly }: Explanation,
  rowLine: string,
  rowColumn: string,
  difference: Difference,
): boolean {
  return (
    (aspect === undefined || aspect === difference.aspect) &&
    (column?.test(rowColumn) ?? true) &&
    (line?.test(rowLine) ?? true) &&
    (path?.test(difference.path) ?? true) &&
    (theirs?.test(difference.theirs) ?? true) &&
    (ours?.test(difference.ours) ?? true) &&
    (isCaseOnly !== true || difference.theirs.toLowerCase() === difference.ours.toLowerCase())
  );
}

const tsctl = /^tsctl/;
const absent = /^<absent>$/;
const nothing = /^$/;

/** A field, in what `inspect` prints and in the state. */
function field(id: string, path: RegExp, values: Partial<Explanation> = {}): Explanation {
  return { id, path, ...values };
}

/** A line that is refused on one side: its exit code, its words, what it would have made. */
function refused(id: string, line: RegExp, column?: RegExp): Explanation {
  return { id, line, ...(column === undefined ? {} : { column }) };
}

/** The same words in another form. */
function words(id: string, theirs: RegExp, ours: RegExp, more: Partial<Explanation> = {}): Explanation {
  return { id, aspect: 'stderr', theirs, ours, ...more };
}

export const explanations: readonly Explanation[] = [
  // what engine and client say of themselves
  { id: 'own-versions', aspect: 'stdout', line: /^version$/ },
  { id: 'own-versions', aspect: 'stdout', line: /^info/ },
  { id: 'bridge-warnings', aspect: 'stderr', line: /^info$/, theirs: nothing, ours: /^WARNING: bridge-nf-call/ },
  words('product-name', /Docker|docker disk usage/, /engine|disk usage|tscontainer/, { column: tsctl }),
  words('own-commands', nothing, /^ {2}(clone|rename|snapshot) /, { column: tsctl, line: /^volume nosuch$/ }),
  field('storage-names', /\.Driver$|\.GraphDriver\.(Data|Name)$/, { ours: /^("overlayfs"|null)$/ }),
  field('runtime-name', /\.HostConfig\.Runtime$/, { ours: /^"io\.containerd\.ts\.v2"$/ }),
  field('masked-paths', /\.HostConfig\.MaskedPaths\[\d+\]$/),
  field('sandbox-names', /\.NetworkSettings\.Sandbox(ID|Key)$/),
  field('sandbox-names', /\.EndpointID$/, { ours: /^""$/ }),

  // fields that came or went with newer versions of the API
  field('newer-fields', /\.(GwPriority|DNSNames|EnableIPv4|Descriptor)$/, { theirs: absent }),
  field('newer-fields', /\.(KernelMemory|KernelMemoryTCP)$/, { ours: absent, column: tsctl }),
  field('newer-fields', /^image .*\.(Container|ContainerConfig)$|^\[\d+\]\.(Container|ContainerConfig)$/, {
    ours: absent,
  }),
  { id: 'newer-fields', aspect: 'state', path: /\.HostConfig\.CapAdd\[\d+\]$/, ours: /^"CAP_/ },
  { id: 'newer-fields', path: /\.IPAM\.Config$/, theirs: /^\[\]$/, ours: /^null$/ },
  {
    id: 'newer-fields',
    path: /\.IPAMConfig$/,
    theirs: /^(\{\}|null)$/,
    ours: /^(null|\{"LinkLocal.*)$/,
  },
  { id: 'newer-fields', path: /\.Aliases(\[\d+\])?$/, theirs: /<short id>|<container|"www"|second|application/ },
  { id: 'newer-fields', aspect: 'stdout', path: /\.execDuration$/, theirs: absent },

  // images by their manifest's digest
  field('image-digests', /\.RepoDigests\[\d+\]$/),
  { id: 'image-digests', aspect: 'stdout', line: /digest|^push|^rmi|RepoDigests/i },
  {
    id: 'image-digests',
    aspect: 'stdout',
    line: /pull/,
    theirs: /Digest: |^$/,
    ours: /Digest: |Pulling fs layer|Already exists/,
  },
  { id: 'image-digests', aspect: 'stderr', line: /^run --rm 127/, ours: /Already exists\nDigest: / },
  {
    id: 'made-images',
    aspect: 'state',
    path: /^image (flat|made|tagged|<untagged>).*\.(Layers\[\d+\]|Parent|DockerVersion|Id|Hostname|Image|AttachStdout|AttachStderr)$/,
  },
  { id: 'made-images', aspect: 'stdout', line: /^commit base/, theirs: /^sha256:/, ours: /^sha256:/ },
  { id: 'image-events', aspect: 'stdout', line: /^events .*type=image/ },

  {
    id: 'disconnect-event',
    aspect: 'stdout',
    line: /^events .*type=network/,
    theirs: /^disconnect spoken bridge$/,
    ours: nothing,
  },

  // addresses and names of networks
  field('bridge-addresses', /\.(IPAddress|MacAddress|IPv4Address)$/, { ours: /172\.1\d\.|02:42:ac:1/ }),
  { id: 'bridge-addresses', aspect: 'stdout', line: /^inspect -f .*IPAddress/, ours: /172\.17\./ },
  field('generated-subnets', /\.(Subnet|Gateway)$/, { ours: /"(172\.|10\.|fd00)/ }),
  field('bridge-name', /\.Options\.com\.docker\.network\.bridge\.name$/, { ours: /^"tsc0"$/ }),
  field('known-at-create', /\.(ResolvConfPath|HostnamePath|HostsPath|LogPath|NetworkID)$/, { theirs: /^""$/ }),
  field('block-weights', /\.HostConfig\.BlkioWeight$/, { theirs: /^0$/ }),
  words('block-weights', /does not support Block I\/O weight or/, nothing),
  field('volume-options', /^volume .*\.Options$|\[\d+\]\.Options$/, { theirs: /^\{\}$/, ours: /^null$/ }),

  { id: 'bridge-addresses', aspect: 'stdout', line: /--link p1:peer|container:p1/, ours: /172\.17\./ },
  { id: 'host-name', aspect: 'stdout', line: /etc\/hosts/, ours: /host\.docker\.internal/ },
  { id: 'internal-route', aspect: 'stdout', line: /--network inner .*ip route/, theirs: /^default via/ },

  // words
  { id: 'words-of-28', aspect: 'stderr', isCaseOnly: true, theirs: /\S/ },
  words(
    'words-of-28',
    /^Error response from daemon: You cannot remove a (paused|running) container/,
    /cannot remove container/,
  ),
  words('words-of-28', /Unknown runtime specified/, /unknown or invalid runtime name/),
  words('words-of-28', /no such container nosuch/, /No such container: nosuch/),
  words('words-of-28', /No such image: nosuch/, /No such image: nosuch/),
  words('words-of-28', /strconv\.Atoi|Invalid filter 'dangling=\[odd\]'/, /invalid filter '(exited=x|dangling=odd)'/),
  words('words-of-28', /cannot parse platform specifier/, /is an invalid platform/),
  words('words-of-28', /Search the Docker Hub|Push an image or a repository/, /Search Docker Hub|Upload an image/, {
    column: tsctl,
  }),
  { id: 'words-of-28', aspect: 'stdout', column: tsctl, line: /^port web/, theirs: /:::/, ours: /\[::\]:/ },
  words('words-of-28', /^Usage: {2}docker network rm NETWORK/, /Usage: {2}docker network rm \[OPTIONS\] NETWORK/, {
    column: tsctl,
  }),
  words('words-of-28', /Invalid subnet bad/, /invalid subnet bad/),
  words('words-of-28', /Invalid bind address format/, /unable to parse docker host/, { column: tsctl }),
  words('swarm-words', /swarm scoped network/, /not a swarm manager/),
  {
    id: 'runtime-words',
    aspect: 'stderr',
    theirs: /OCI runtime|shim task/,
    ours: /failed to create task for container: |OCI runtime exec failed: /,
  },
  {
    id: 'runtime-words',
    aspect: 'stdout',
    line: /^exec /,
    theirs: /OCI runtime exec failed/,
    ours: /OCI runtime exec failed/,
  },
  words(
    'network-words',
    /dial tcp|connection refused|unreachable|no such host/,
    /ECONNREFUSED|EAI_AGAIN|getaddrinfo|ENETUNREACH/,
  ),
  words(
    'archive-words',
    /Error processing tar file|docker-import|merged\/d\/f/,
    /unpack layer|load image archive|lstat \/d\/f/,
  ),
  { id: 'template-words', aspect: 'stderr', column: tsctl, theirs: /template/, ours: /^template parsing error/ },
  { id: 'template-words', aspect: 'stdout', column: tsctl, theirs: nothing, ours: nothing },
  { id: 'template-words', aspect: 'stdout', column: tsctl, line: /ExecIDs/, theirs: /^\[\]$/, ours: /^<nil>/ },

  // refused here, or earlier than there
  refused('refused-by-name', /--kernel-memory|--cpu-rt-period/),
  refused('early-refusal', /--name (shares|ipcodd|nogroup|nosource) /),
  words('early-refusal', nothing, /^See 'docker run --help'\.$/),
  refused('early-refusal', /^run --rm --ip 172\.17\.0\.9 /, tsctl),
  refused('events-filter', /^events .*--filter odd=1$/),
  refused('privileged-here', /^(run --rm|exec) --privileged/),
  refused('exec-not-found', /^exec box nosuch$/),
  refused('api-versions', /^ps$/),

  // what this client has not, or does as a newer one
  refused('no-swarm-commands', /^(node|service|stack|secret|config|swarm|plugin) /, tsctl),
  refused('no-experimental-commands', /^(start --checkpoint|checkpoint )/, tsctl),
  refused('no-content-trust', /--disable-content-trust=false/, tsctl),
  refused('pull-option', /--pull sometimes/, tsctl),
  refused('named-volumes-stay', /^(volume prune|system prune .*--volumes|volume ls -q$)/, tsctl),
  refused('context-commands', /context (show|ls|inspect)|contexts" -name/, tsctl),
  { id: 'init-layer', aspect: 'stdout', line: /filled:\/x/, theirs: /^mtab$/, ours: nothing },
];
