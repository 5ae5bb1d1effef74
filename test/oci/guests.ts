// Small C programs for the tests of test/oci: compiled once per run, static, so that they run in any root.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const sources = join(import.meta.dirname, 'guests');

/** Story: make one per test file, `build` what is needed, `dispose`. */
export class Guests {
  readonly directory = mkdtempSync(join(tmpdir(), 'tsrunc-guests-'));
  readonly #built = new Map<string, string>();

  /** Host path of the program from guests/<name>.c. */
  build(name: string, ...flags: string[]): string {
    const key = [name, ...flags].join(' ');
    const known = this.#built.get(key);
    if (known !== undefined) return known;
    const path = join(this.directory, `${name}${this.#built.size}`);
    const source = join(sources, `${name}.c`);
    const { status, stderr } = spawnSync(
      'cc',
      ['-static', '-O1', '-Wall', '-D_GNU_SOURCE', ...flags, '-o', path, source],
      {
        encoding: 'utf8',
      },
    );
    if (status !== 0) throw new Error(`compile ${source}: ${stderr}`);
    this.#built.set(key, path);
    return path;
  }

  /** The program as a file of this root directory, at /bin/<name>. */
  install(name: string, rootfs: string, ...flags: string[]): void {
    copyFileSync(this.build(name, ...flags), join(rootfs, 'bin', name));
  }

  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
