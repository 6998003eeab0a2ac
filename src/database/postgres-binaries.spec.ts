import { basename } from 'node:path';
import { openFolderFor } from './postgres-binaries.js';

describe('openFolderFor', () => {
  it('gives every folder its own', () => {
    const folders = ['/root/a/b-c', '/root/a-b/c', '/root/a/b/c', '/root-a/b-c', '/root/b/b-c'];
    expect(new Set(folders.map(openFolderFor)).size).toBe(folders.length);
  });

  it('keeps the end of the name readable, and short enough for every file system', () => {
    expect(basename(openFolderFor('/root/shop/data'))).toMatch(/^data-[0-9a-f]{16}$/);
    expect(basename(openFolderFor(`/root/${'ä'.repeat(250)}`)).length).toBeLessThan(64);
  });
});
