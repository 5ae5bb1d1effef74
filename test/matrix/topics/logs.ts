// docker logs: what is kept, which part of it is asked for, and drivers that keep nothing.
import type { Topic } from '../row.ts';

export const logs: Topic = {
  name: 'docker logs',
  rows: [
    {
      line: 'run -d --name talk busybox sh -c "for i in 1 2 3 4 5; do echo line $i; done; sleep 0.4; echo wrong >&2"',
      settle: ['talk exited'],
    },
    'logs talk',
    'logs -n 2 talk',
    'logs --tail 0 talk',
    'logs --tail all talk',
    'logs --tail x talk',
    'logs -f talk',
    'logs -t --tail 1 talk',
    'logs --since 1h talk',
    'logs --until 1h talk',
    'logs --since 2001-01-01T00:00:00 --until 2001-01-02 talk',
    'logs --since odd talk',
    'logs --details talk',
    'logs nosuch',
    'logs',
    { line: 'run -d --name tty -t busybox sh -c "echo a; echo b >&2"', settle: ['tty exited'] },
    'logs tty',
    { line: 'run -d --name silent --log-driver none busybox echo said', settle: ['silent exited'] },
    'logs silent',
    {
      line: 'run -d --name local --log-driver local busybox sh -c "echo kept; echo too >&2"',
      settle: ['local exited'],
    },
    'logs local',
    {
      line: 'run -d --name details --log-driver json-file --log-opt labels=x --log-opt env=E -l x=1 -e E=2 busybox echo said',
      settle: ['details exited'],
    },
    'logs --details details',
    {
      line: 'run -d --name rotated --log-opt max-size=1k --log-opt max-file=2 busybox seq 1 300',
      settle: ['rotated exited'],
    },
    'logs --tail 3 rotated',
    'create --name unstarted busybox',
    'logs unstarted',
    { line: 'run -d --name unended busybox echo -n "no newline"', settle: ['unended exited'] },
    'logs unended',
    {
      line: "run -d --name long busybox sh -c \"head -c 40000 /dev/zero | tr '\\\\0' x 2>/dev/null || yes x | head -n 10 | tr -d '\\n'\"",
      settle: ['long exited'],
    },
    { line: '$CLI logs long | wc -c', isShell: true },
    { line: 'start talk', settle: ['talk exited'] },
    'logs --tail 7 talk',
  ],
};
