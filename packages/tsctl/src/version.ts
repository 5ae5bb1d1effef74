// The version of this command line; `version` and `--version` show it.
export const clientVersion = '0.1.0';
