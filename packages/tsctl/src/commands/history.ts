// `tsctl history`: the layers of an image and what made them.
import { shortId } from '@tscontainer/core/ids';
import { type Command, exactly } from '../cli/command.ts';
import { flag } from '../cli/flags.ts';
import { imagePath } from '../client/images.ts';
import { humanAge } from '../format/durations.ts';
import { printList, type Row } from '../format/list-format.ts';
import { formatSize } from '../format/sizes.ts';
import { ellipsis } from '../format/table.ts';

interface Layer {
  Id: string;
  Created: number;
  CreatedBy: string;
  Size: number;
  Comment: string;
}

const createdByLength = 45;
const table = 'table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}';
const plainTable = 'table {{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}';
const headers = {
  ID: 'IMAGE',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  CreatedBy: 'CREATED BY',
  Size: 'SIZE',
  Comment: 'COMMENT',
};

export const historyCommand: Command = {
  name: 'history',
  summary: 'Show the history of an image',
  usage: 'IMAGE',
  flags: [
    flag('string', 'format', 'Pretty-print history using a Go template, "table", "table TEMPLATE" or "json"'),
    flag('bool', 'human,H', 'Print sizes and dates in human readable format', 'true'),
    flag('bool', 'no-trunc', "Don't truncate output"),
    flag('bool', 'quiet,q', 'Only show image IDs'),
  ],
  args: exactly(1),
  completes: 'image',
  async run(context) {
    const { flags, client, out } = context;
    const layers = await client.json<Layer[]>('GET', `${imagePath(context.args[0] ?? '')}/history`);
    const isHuman = flags.bool('human');
    const rows = layers.map((layer) => rowOf(layer, !flags.bool('no-trunc'), isHuman));
    printList(out, rows, {
      format: flags.text('format'),
      headers,
      preset: isHuman ? table : plainTable,
      quietField: flags.bool('quiet') ? 'ID' : undefined,
    });
    return 0;
  },
};

function rowOf(layer: Layer, isShort: boolean, isHuman: boolean): Row {
  const createdBy = layer.CreatedBy.replaceAll('\t', ' ');
  const createdAt = new Date(layer.Created * 1000).toISOString().replace('.000', '');
  return {
    ID: isShort ? shortId(layer.Id) : layer.Id,
    CreatedSince: isHuman ? humanAge(layer.Created) : createdAt,
    CreatedAt: createdAt,
    CreatedBy: isShort ? ellipsis(createdBy, createdByLength) : createdBy,
    Size: isHuman ? formatSize(layer.Size) : String(layer.Size),
    Comment: layer.Comment,
  };
}
