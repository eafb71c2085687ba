// Files to take home: drawn at full size by the lens of the command line.
// @ts-check

import {make} from './panel.js';
import * as server from './engine.js';
import {zip} from './zip.js';

/** @typedef {import('./main.js').Application} Application */

/** All photos as files, several in one zip. @param {Application} app */
export async function download(app) {
  const photos = [...app.photos];
  if (photos.length === 1) {
    const [entry] = photos;
    await app.tasks.work(`Rendering ${entry.file.name} at full size`, async signal => {
      save(await whole(app, entry, signal), entry.output);
      app.say(`${entry.output} is ready, with the photo’s metadata.`);
    });
    return;
  }
  /** @type {{name: string, blob: Blob}[]} */
  const made = [];
  /** @type {string[]} */
  const failed = [];
  await app.tasks.work('Rendering', async (signal, tell) => {
    for (const [index, entry] of photos.entries()) {
      tell(index / photos.length, `${index + 1} of ${photos.length}: ${entry.file.name}`);
      try {
        const blob = await whole(app, entry, signal);
        made.push({name: entry.output, blob});
        entry.done = true;
        entry.failed = false;
      } catch (error) {
        if (signal.aborted) throw error;
        entry.failed = true;
        failed.push(/** @type {Error} */ (error).message);
      }
      app.strip();
    }
    if (made.length) save(await zip(made), 'wideopen.zip');
    app.say([`${made.length} of ${photos.length} photos are in the zip.`, ...failed].join(' '), failed.length > 0);
  });
}

/** A whole file. @param {Application} app @param {import('./main.js').Entry} entry @param {AbortSignal} signal */
async function whole(app, entry, signal) {
  const focus = app.focusOf(entry), sent = app.sent(entry, focus);
  entry.output ||= entry.file.name.replace(/(\.[^.]*)?$/, suffix => `-bokeh${suffix}`);
  try {
    return await server.render(sent, app.settingsFor(entry), signal);
  } catch (error) {
    // A photo without depth, and a model whose look is fixed.
    if (!(error instanceof server.Refused) || !/look is fixed/.test(error.message)) throw error;
    entry.kind = 'picture';
    return server.render(app.sent(entry, 'auto'), app.settingsFor(entry), signal);
  }
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const link = make('a', {href: URL.createObjectURL(blob), download: name});
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
