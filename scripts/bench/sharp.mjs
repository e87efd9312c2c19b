// Renders a picture TIMES times with the npm package sharp. It is the counterpart of scripts/bench/render.
//
//   node sharp.mjs FILE FOLDER TIMES each|best
//
// each: decodes the file for each size, one size after the other, like most examples of sharp.
// best: decodes the file once in the largest size and resizes its pixels to all sizes concurrently.
import { createRequire } from 'node:module';

const [file, folder, times, mode] = process.argv.slice(2);
const sharp = createRequire(`${process.cwd()}/`)('sharp');
const widths = [200, 400, 800, 1600];
const options = { quality: 80 };

for (let i = 0; i < Number(times); i += 1) {
  if (mode === 'each') {
    for (const width of widths) {
      await sharp(file).autoOrient().resize({ width, withoutEnlargement: true }).jpeg(options).toFile(`${folder}/${width}.jpg`);
    }
  } else {
    const { data, info } = await sharp(file).autoOrient().resize({ width: 1600, withoutEnlargement: true }).raw().toBuffer({ resolveWithObject: true });
    const raw = { raw: { width: info.width, height: info.height, channels: info.channels } };
    await Promise.all(widths.map((width) => sharp(data, raw).resize({ width }).jpeg(options).toFile(`${folder}/${width}.jpg`)));
  }
}
