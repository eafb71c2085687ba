// What buttons, keys, drops and pastes do.
// @ts-check

import {download} from './download.js';
import {make} from './panel.js';
import {place} from './place.js';
import * as server from './engine.js';

const part = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));

/** @param {import('./main.js').Application} app */
export function wire(app) {
  const file = part('file');
  for (const id of ['open', 'pick']) part(id).addEventListener('click', () => file.click());
  part('camera').addEventListener('click', () => part('shoot').click());
  for (const input of [file, part('shoot')]) input.addEventListener('change', () => { app.open(input.files); input.value = ''; });
  part('map').addEventListener('change', () => { app.giveMap(part('map').files[0] ?? null); part('map').value = ''; });
  const stop = part('stop');
  stop.addEventListener('input', () => app.change({aperture: app.schema.stops[stop.value]}, 'aperture'));
  document.addEventListener('change', () => app.history.settle());
  const does = /** @type {Record<string, () => void>} */ ({
    'undo': () => app.go(-1), 'redo': () => app.go(1), 'seam': () => app.toggleSeam(), 'depth-view': () => app.toggleView('depth'),
    'matte-view': () => app.toggleView('matte'), 'zoom': () => app.stage.toggleReal(), 'download': () => download(app),
    'cancel': () => app.tasks.cancel(), 'brush': () => app.brush.toggle(),
  });
  for (const [id, act] of Object.entries(does)) part(id).addEventListener('click', act);
  const hold = part('hold');
  hold.addEventListener('pointerdown', (/** @type {PointerEvent} */ event) => { hold.setPointerCapture(event.pointerId); app.hold(true); });
  for (const end of ['pointerup', 'pointercancel', 'blur']) hold.addEventListener(end, () => app.hold(false));
  for (const [kind, on] of /** @type {[string, boolean][]} */ ([['keydown', true], ['keyup', false]])) {
    hold.addEventListener(kind, (/** @type {KeyboardEvent} */ event) => {
      if (event.key === ' ' || event.key === 'Enter') { event.preventDefault(); event.stopPropagation(); app.hold(on); }
    });
  }
  wireKeys(app, does);
  document.addEventListener('paste', event => app.open([...event.clipboardData?.files ?? []]));
  let deep = 0;
  document.addEventListener('dragenter', event => { if (event.dataTransfer?.types.includes('Files')) { deep++; part('drop').hidden = false; } });
  document.addEventListener('dragleave', () => { deep = Math.max(0, deep - 1); part('drop').hidden = deep === 0; });
  document.addEventListener('dragover', event => event.preventDefault());
  document.addEventListener('drop', event => {
    event.preventDefault();
    deep = 0;
    part('drop').hidden = true;
    app.open([...event.dataTransfer?.files ?? []]);
  });
  addEventListener('model', event => {  // Where the browser is alone; the next time it is here already.
    part('bar').value = /** @type {CustomEvent} */ (event).detail;
    part('busy-words').textContent = 'Loading the model, once';
  });
  addEventListener('pagehide', () => {
    server.forget(app.photos.flatMap(entry => [entry.id, entry.depthId]).filter(id => id !== null));
  });
  for (const {photo, depth} of app.schema.examples) {
    const button = make('button', {'aria-label': `Example: ${photo.split('.')[0]}`}, [make('img', {src: place(`examples/${photo}`), alt: ''})]);
    button.addEventListener('click', async () => app.open([await server.example(photo)], depth && await server.example(depth)));
    part('examples').append(button);
  }
}

/** @param {import('./main.js').Application} app @param {Record<string, () => void>} does */
function wireKeys(app, does) {
  /** @type {Record<string, string>} */
  const letters = {b: 'seam', d: 'depth-view', m: 'matte-view', z: 'zoom', p: 'brush'};
  document.addEventListener('keydown', event => {
    const typing = /** @type {Element} */ (event.target).matches('input[type=number], select, textarea');
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z') {
      event.preventDefault();
      app.go(event.shiftKey ? 1 : -1);
    } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'y') {
      event.preventDefault();
      app.go(1);
    } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const name = letters[event.key.toLowerCase()];
      if (name && !part(name).disabled) does[name]();
    }
  });
  part('stage').addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.target !== part('stage') || !app.entry?.scenes.size) return;
    const steps = /** @type {Record<string, [number, number]>} */ ({ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]});
    const step = steps[event.key];
    if (step && event.shiftKey) app.stage.pan(-60 * step[0], -60 * step[1]);
    else if (step) {
      const place = (app.panel.spanning && app.ends[1]) || app.ends[0];
      const [x, y] = place.includes(',') ? place.split(',').map(Number) : [0.5, 0.5];
      const next = [x + 0.02 * step[0], y + 0.02 * step[1]].map(share => Math.max(0, Math.min(1, share)).toFixed(4));
      app.focusOn(next.join(','), true);
    } else if (event.key === '+' || event.key === '-') {
      app.stage.zoom((app.stage.scale || app.stage.fit) * (event.key === '+' ? 1.25 : 0.8));
    } else if (event.key === 'Escape') {
      app.panel.spanning = false;
      app.focusOn('auto', false);
    } else if (event.key === ' ') app.hold(true);
    else return;
    event.preventDefault();
  });
  part('stage').addEventListener('keyup', (/** @type {KeyboardEvent} */ event) => { if (event.key === ' ') app.hold(false); });
}
