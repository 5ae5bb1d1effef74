// Prometheus' text form: families of samples, written by the metrics endpoint.

export type SampleLabels = Record<string, string | number>;

export interface Sample {
  labels: SampleLabels;
  value: number;
  /** After the family's name: `_bucket`, `_sum`, `_count`. */
  suffix?: string;
}

export interface Family {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  samples: Sample[];
}

/** The content type of version 0.0.4 of the format. */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

/** Families in order of name; one without samples is left out. */
export function toExposition(families: Family[]): string {
  return [...families]
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .filter(({ samples }) => samples.length > 0)
    .map(
      ({ name, help, type, samples }) =>
        `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.map((sample) => lineOf(name, sample)).join('')}`,
    )
    .join('');
}

function lineOf(name: string, { labels, value, suffix = '' }: Sample): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(String(text))}"`);
  return `${name}${suffix}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
