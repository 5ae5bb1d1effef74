// `tsctl search`: what a registry's own index says for a term; the engine asks it.
import { type Command, exactly } from '../cli/command.ts';
import { filtersParameter } from '../cli/filters.ts';
import { flag } from '../cli/flags.ts';
import { registryAuthHeaders } from '../client/images.ts';
import { printList } from '../format/list-format.ts';

interface SearchResult {
  name: string;
  description: string;
  star_count: number;
  is_official: boolean;
  is_automated?: boolean;
}

const maxDescription = 45;

export const searchCommand: Command = {
  name: 'search',
  summary: 'Search Docker Hub for images',
  usage: 'TERM',
  flags: [
    flag('filter', 'filter,f', 'Filter output based on conditions provided'),
    flag('string', 'format', 'Pretty-print search using a Go template'),
    flag('int', 'limit', 'Max number of search results', '25'),
    flag('bool', 'no-trunc', "Don't truncate output"),
  ],
  args: exactly(1),
  async run({ args: [term = ''], flags, client, config, out, err }) {
    const slash = term.indexOf('/');
    const host = slash > 0 && /[.:]|^localhost$/.test(term.slice(0, slash)) ? term.slice(0, slash) : 'docker.io';
    const results = await client.json<SearchResult[] | null>('GET', '/images/search', {
      query: { term, limit: flags.int('limit'), filters: filtersParameter(flags.list('filter')) },
      headers: await registryAuthHeaders(config, host, (text) => err.line(text)),
    });
    const rows = (results ?? []).map((each) => ({
      Name: each.name,
      Description: flags.bool('no-trunc') ? oneLine(each.description) : shortened(oneLine(each.description)),
      StarCount: String(each.star_count),
      IsOfficial: each.is_official ? '[OK]' : '',
      IsAutomated: each.is_automated === true ? '[OK]' : '',
    }));
    const headers = {
      Name: 'NAME',
      Description: 'DESCRIPTION',
      StarCount: 'STARS',
      IsOfficial: 'OFFICIAL',
      IsAutomated: 'AUTOMATED',
    };
    const preset = 'table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}\t{{.IsAutomated}}';
    printList(out, rows, { format: flags.text('format'), headers, preset });
    return 0;
  },
};

function oneLine(text: string): string {
  return text.replace(/[\r\n]/g, ' ');
}

function shortened(text: string): string {
  const letters = [...text];
  return letters.length <= maxDescription ? text : `${letters.slice(0, maxDescription - 1).join('')}…`;
}
