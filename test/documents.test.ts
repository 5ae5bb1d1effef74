// Holds what the documents name against the checkout: files, links between documents, and commands of package.json.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryFiles, repositoryRoot } from './harness/repository.ts';

const documents = repositoryFiles().filter((path) =>
  /^(README\.md|docs\/.*\.md|packages\/[^/]+\/README\.md)$/.test(path),
);
const texts = new Map(documents.map((path) => [path, readFileSync(join(repositoryRoot, path), 'utf8')]));
const isThere = (path: string) => existsSync(join(repositoryRoot, path));

/** What `find` gives of a document and is not so, as `document: what`. */
const broken = (find: (text: string, document: string) => string[]) =>
  [...texts].flatMap(([document, text]) => find(text, document).map((what) => `${document}: ${what}`));

describe('the documents', () => {
  it('name files that are there', () => {
    const named = /`((?:addon|docs|packages|protos|scripts|test)\/[\w./-]+)`/g;
    // a pair of .h and .cc, a test and its source are named by their stem
    const isFile = (path: string) => ['', '.cc', '.ts', '.test.ts'].some((ending) => isThere(path + ending));
    expect(
      broken((text) => [...text.matchAll(named)].map(([, path = '']) => path).filter((path) => !isFile(path))),
    ).toEqual([]);
  });

  it('link to what is there, and every page of docs/ is linked to', () => {
    const links = (text: string, document: string) =>
      [...text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(([, to = '']) => join(dirname(document), to));
    expect(broken((text, document) => links(text, document).filter((path) => !isThere(path)))).toEqual([]);
    const linked = new Set([...texts].flatMap(([document, text]) => links(text, document)));
    const pages = documents.filter((path) => /^docs\/[^/]+\.md$/.test(path));
    expect(pages.filter((path) => !linked.has(path))).toEqual([]);
  });

  it('name commands that package.json has', () => {
    const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as { scripts: object };
    const own = ['exec', 'add', 'install', ...Object.keys(scripts)];
    // behind pnpm, or by themselves: `bench:runtimes`
    const commands = (text: string) => [
      ...text.matchAll(/\bpnpm(?:@12)? (?:run )?([a-z][\w:-]*)/g),
      ...text.matchAll(/`((?:bench|test|conformance|build|pack):[\w-]+)/g),
    ];
    expect(
      broken((text) =>
        commands(text)
          .map(([, word = '']) => word)
          .filter((word) => !own.includes(word)),
      ),
    ).toEqual([]);
  });
});
