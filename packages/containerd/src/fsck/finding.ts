// What fsck found: one line each, with what was or would be done about it.
export interface Finding {
  /** `database`, `content sha256:…`, `snapshot overlayfs/KEY`, `image NAME`, `container ID`. */
  object: string;
  what: string;
  /** What repairs it; undefined when nothing here can. */
  remedy: string | undefined;
  isMended: boolean;
}

/** Findings as they come. Story: `found` says and, when repairs are allowed, mends. */
export class FindingList {
  readonly all: Finding[] = [];
  readonly #isRepairing: boolean;
  readonly #say: (line: string) => void;

  constructor(isRepairing: boolean, say: (line: string) => void) {
    this.#isRepairing = isRepairing;
    this.#say = say;
  }

  async found(object: string, what: string, remedy?: string, mend?: () => unknown): Promise<void> {
    const isMended = this.#isRepairing && mend !== undefined;
    if (isMended) await mend();
    this.all.push({ object, what, remedy, isMended });
    const end = remedy === undefined ? '' : isMended ? `: ${remedy}` : ` (--repair: ${remedy})`;
    this.#say(`${object}: ${what}${end}`);
  }
}
