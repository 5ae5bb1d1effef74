// Bools in texts, as Go's strconv reads them: flags of the daemon, options of networks and of logs.

/** Undefined for a text that is none. */
export function goBool(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  return undefined;
}
