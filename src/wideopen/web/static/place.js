// Where files of the application lie: beside its modules, or within its one file.
// @ts-check

/** @type {(path: string) => string} from the folder of index.html */
export const place = /** @type {any} */ (globalThis).place ?? ((/** @type {string} */ path) => new URL(path, import.meta.url).href);
