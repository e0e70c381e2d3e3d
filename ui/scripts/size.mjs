// Fails when the built page weighs more, compressed, than a person on a slow link should wait for.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMIT = 500 * 1000;
const dist = new URL('../dist', import.meta.url).pathname;
const files = (folder) =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
let all;
try {
  all = files(dist);
} catch {
  console.error('size: there is no ui/dist; run `npm run build` first');
  process.exit(1);
}
const total = all.reduce((sum, path) => sum + gzipSync(readFileSync(path), { level: 9 }).length, 0);
console.log(`size: ${all.length} files, ${(total / 1000).toFixed(1)} kB compressed, at most ${LIMIT / 1000} kB`);
if (total > LIMIT) process.exit(1);
