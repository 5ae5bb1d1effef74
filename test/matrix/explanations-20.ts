// The differences from Docker 20.10 that are meant: each names its row in docs/compatibility.md, where the reason stands.
import { absent, type Explanation, field, nothing, refused, tsctl, words } from './explanation.ts';
import { sharedExplanations } from './explanations-shared.ts';

export const explanations20: readonly Explanation[] = [
  ...sharedExplanations,

  // what engine and client say of themselves
  { id: 'own-versions', aspect: 'stdout', line: /^version$/ },
  { id: 'own-versions', aspect: 'stdout', line: /^info/ },
  { id: 'bridge-warnings', aspect: 'stderr', line: /^info$/, theirs: nothing, ours: /^WARNING: bridge-nf-call/ },
  words('product-name', /Docker|docker disk usage/, /engine|disk usage|tscontainer/, { column: tsctl }),
  words('own-commands', nothing, /^ {2}(clone|rename|snapshot) /, { column: tsctl, line: /^volume nosuch$/ }),
  field('masked-paths', /\.HostConfig\.MaskedPaths\[\d+\]$/),

  // fields that came or went with newer versions of the API
  field('newer-fields', /\.(GwPriority|DNSNames|EnableIPv4)$/, { theirs: absent }),
  field('newer-fields', /\.(KernelMemory|KernelMemoryTCP)$/, { ours: absent, column: tsctl }),
  field('newer-fields', /^image .*\.(Container|ContainerConfig|VirtualSize)$|^\[\d+\]\.(Container|ContainerConfig)$/, {
    ours: absent,
  }),
  field(
    'newer-fields',
    /^(image |\[).*\.Config\.(Hostname|Domainname|AttachStd(in|out|err)|Tty|OpenStdin|StdinOnce|Image)$/,
    { ours: absent },
  ),
  {
    id: 'newer-fields',
    column: tsctl,
    line: /^image inspect -f .*json \.Config/,
    theirs: /"Hostname":"",/,
    ours: /^\{"User":/,
  },
  field('newer-fields', /^\[\d+\]\.VirtualSize$/, { ours: absent, column: tsctl }),
  { id: 'newer-fields', aspect: 'stdout', line: /^images --format "\{\{json \.\}\}"$/, path: /\.Containers$/ },
  field('newer-fields', /^image .*\.Config\.Labels$/, { theirs: /^\{\}$/, ours: /^null$/ }),
  field('newer-fields', /\.HostConfig\.NetworkMode$/, { theirs: /^"default"$/, ours: /^"bridge"$/ }),
  { id: 'newer-fields', line: /HostConfig\.NetworkMode/, theirs: / default$/, ours: / bridge$/ },
  field('newer-fields', /^volume <anonymous>.*\.Labels$/, { theirs: /^null$/, ours: /com\.docker\.volume\.anonymous/ }),
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

  {
    id: 'made-images',
    aspect: 'state',
    path: /^image (flat|made|tagged|<untagged>).*\.(Hostname|Image|AttachStdout|AttachStderr)$/,
  },
  {
    id: 'disconnect-event',
    aspect: 'stdout',
    line: /^events .*type=network/,
    theirs: /^disconnect spoken bridge$/,
    ours: nothing,
  },

  // addresses and names of networks
  field('bridge-addresses', /\.MacAddress$/, { ours: /02:42:ac:1/ }),
  field('generated-subnets', /\.(Subnet|Gateway)$/, { ours: /"(172\.|10\.|fd00)/ }),
  field('volume-options', /^volume .*\.Options$|\[\d+\]\.Options$/, { theirs: /^\{\}$/, ours: /^null$/ }),
  { id: 'internal-route', aspect: 'stdout', line: /--network inner .*ip route/, theirs: /^default via/ },

  // words
  { id: 'words-of-28', aspect: 'stderr', isCaseOnly: true, theirs: /\S/ },
  words(
    'words-of-28',
    /^Error response from daemon: You cannot remove a (paused|running) container/,
    /cannot remove container/,
  ),
  words('words-of-28', /Unable to find group/, /unable to find group nogroup2: .*\nSee 'docker run --help'\.$/),
  words(
    'words-of-28',
    /: No such container: nosuch\.$/,
    /joining network namespace of container: No such container: nosuch/,
  ),
  words('words-of-28', /Invalid isolation: "/, /invalid isolation \(/),
  words('words-of-28', /invalid restart policy '|maximum retry count cannot be used/, /invalid restart policy: /),
  words('words-of-28', /Invalid signal: BAD$/, /cannot kill container: \w+: invalid signal: BAD$/),
  words(
    'words-of-28',
    /cannot be disconnected from host network or connected/,
    /cannot connect container to host network/,
  ),
  words(
    'words-of-28',
    /Address already in use|network nosuch not found|driver failed programming/,
    /failed to set up container networking: /,
  ),
  field('words-of-28', /\.State\.Error$/, { ours: /^"failed to set up container networking: / }),
  words('words-of-28', /has active endpoints$/, /has active endpoints \(name:"/),
  words('words-of-28', /Pool overlaps/, /invalid pool request: Pool overlaps/),
  words('words-of-28', /subnet bad|CIDR address: bad/, /invalid network config:\ninvalid subnet bad: /),
  { id: 'words-of-28', aspect: 'stdout', line: /etc\/hosts/, theirs: /^fe00::0/, ours: /^fe00::\t/ },
  {
    id: 'words-of-28',
    aspect: 'stdout',
    line: /^pull --platform linux\/riscv64/,
    theirs: nothing,
    ours: /^WARNING: image with reference .* does not match the specified platform/,
  },
  words('words-of-28', /Unknown runtime specified/, /unknown or invalid runtime name/),
  words('words-of-28', /no such container nosuch/, /No such container: nosuch/),
  words('words-of-28', /strconv\.Atoi|Invalid filter 'status=odd'/, /invalid filter '(exited=x|status=odd)': /),
  words('words-of-28', /Search the Docker Hub|Push an image or a repository/, /Search Docker Hub|Upload an image/, {
    column: tsctl,
  }),
  { id: 'words-of-28', aspect: 'stdout', column: tsctl, line: /^port web/, theirs: /:::/, ours: /\[::\]:/ },
  words('words-of-28', /^Usage: {2}docker network rm NETWORK/, /Usage: {2}docker network rm \[OPTIONS\] NETWORK/, {
    column: tsctl,
  }),
  words('words-of-28', /Invalid bind address format/, /unable to parse docker host/, { column: tsctl }),
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
  refused('early-refusal', /--name (shares|ipcodd|nosource) /),
  words('early-refusal', nothing, /^See 'docker run --help'\.$/),
  words('early-addresses', /address/, /invalid endpoint settings:\n/),
  refused('early-addresses', /^run --rm --ip 172\.17\.0\.9 /, tsctl),
  refused('privileged-here', /^(run --rm|exec) --privileged/),
  refused('exec-codes', /^exec (-[uw] (nobody2|\/nosuch|relative) )?box (nosuch|id|pwd)$/),
  refused('api-versions', /^ps$/),

  // what this client has not, or does as a newer one
  refused('no-swarm-commands', /^(node|service|stack|secret|config|swarm|plugin) /, tsctl),
  refused('no-experimental-commands', /^(start --checkpoint|checkpoint )/, tsctl),
  refused('no-content-trust', /--disable-content-trust=false/, tsctl),
  refused('pull-option', /--pull sometimes/, tsctl),
  refused('named-volumes-stay', /^(volume prune|system prune .*--volumes|volume ls -q$)/, tsctl),
  refused('context-commands', /context (show|ls|inspect)|contexts" -name/, tsctl),
];
