// The peer of render: sharp, of npm, in two ways.
//
//   node sharp.mjs FILE FOLDER TIMES each|best
//
// each: one decoding and encoding a size, each after the other, as most write it.
// best: the widest is decoded once, shrunk on load; the others are made of its pixels, all at once.
import { createRequire } from 'node:module';

const [file, folder, times, way] = process.argv.slice(2);
const sharp = createRequire(`${process.cwd()}/`)('sharp');
const widths = [200, 400, 800, 1600];
const options = { quality: 80 };

for (let i = 0; i < Number(times); i += 1) {
  if (way === 'each') {
    for (const width of widths) {
      await sharp(file).autoOrient().resize({ width, withoutEnlargement: true }).jpeg(options).toFile(`${folder}/${width}.jpg`);
    }
  } else {
    const { data, info } = await sharp(file).autoOrient().resize({ width: 1600, withoutEnlargement: true }).raw().toBuffer({ resolveWithObject: true });
    const raw = { raw: { width: info.width, height: info.height, channels: info.channels } };
    await Promise.all(widths.map((width) => sharp(data, raw).resize({ width }).jpeg(options).toFile(`${folder}/${width}.jpg`)));
  }
}
