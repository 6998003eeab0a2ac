import { basename } from 'node:path';
import { openFolderFor } from './postgres-binaries.js';

describe('openFolderFor', () => {
  it('returns a different folder for each path', () => {
    const folders = ['/root/a/b-c', '/root/a-b/c', '/root/a/b/c', '/root-a/b-c', '/root/b/b-c'];
    expect(new Set(folders.map(openFolderFor)).size).toBe(folders.length);
  });

  it('keeps the end of the path readable, and the name short enough for every file system', () => {
    expect(basename(openFolderFor('/root/shop/data'))).toMatch(/^data-[0-9a-f]{16}$/);
    expect(basename(openFolderFor(`/root/${'ä'.repeat(250)}`)).length).toBeLessThan(64);
  });
});
