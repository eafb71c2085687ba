// Who does the work: the server behind the page, or, where `wideopen page` wrote it, the browser alone.
// @ts-check

const alone = document.documentElement.dataset.engine === 'browser';
const chosen = alone ? await import('./alone.js') : await import('./server.js');
export const {Refused, schema, example, scene, render, forget} = chosen;
