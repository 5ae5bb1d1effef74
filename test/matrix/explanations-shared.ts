// The differences that are meant from Docker 20.10 and from Docker 28 alike: each names its row in docs/compatibility.md.
import { absent, type Explanation, field, nothing, refused, words } from './explanation.ts';

export const sharedExplanations: readonly Explanation[] = [
  // what the engine says of itself
  field('storage-names', /\.Driver$|\.GraphDriver\.(Data|Name)$/, { ours: /^("overlayfs"|null)$/ }),
  field('runtime-name', /\.HostConfig\.Runtime$/, { ours: /^"io\.containerd\.ts\.v2"$/ }),
  field('sandbox-names', /\.NetworkSettings\.Sandbox(ID|Key)$/),
  field('sandbox-names', /\.EndpointID$/, { ours: /^""$/ }),

  // images by their manifest's digest
  field('image-digests', /\.RepoDigests\[\d+\]$/),
  field('image-digests', /\.Descriptor$/, { theirs: absent }),
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
    path: /^image (flat|made|tagged|<untagged>).*\.(Layers\[\d+\]|Parent|DockerVersion|Id)$/,
  },
  { id: 'made-images', aspect: 'stdout', line: /^commit base/, theirs: /^sha256:/, ours: /^sha256:/ },
  { id: 'image-events', aspect: 'stdout', line: /^events .*type=image/ },

  // addresses and names of networks
  field('bridge-addresses', /\.(IPAddress|IPv4Address)$/, { ours: /172\.1\d\./ }),
  { id: 'bridge-addresses', aspect: 'stdout', line: /^inspect -f .*IPAddress/, ours: /172\.17\./ },
  { id: 'bridge-addresses', aspect: 'stdout', line: /--link p1:peer|container:p1/, ours: /172\.17\./ },
  field('bridge-name', /\.Options\.com\.docker\.network\.bridge\.name$/, { ours: /^"tsc0"$/ }),
  field('known-at-create', /\.(ResolvConfPath|HostnamePath|HostsPath|LogPath|NetworkID)$/, { theirs: /^""$/ }),
  { id: 'host-name', aspect: 'stdout', line: /etc\/hosts/, ours: /host\.docker\.internal/ },

  field('block-weights', /\.HostConfig\.BlkioWeight$/, { theirs: /^0$/ }),
  words('block-weights', /does not support Block I\/O weight or/, nothing),

  // words
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

  // refused here, or earlier than there
  refused('early-refusal', /--name nogroup /),
  refused('events-filter', /^events .*--filter odd=1$/),
];
