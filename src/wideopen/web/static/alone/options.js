// What may be asked of `Wideopen.render`, checked by the schema's names, words and ranges.
// @ts-check

/**
 * @typedef {{name: string, panel: string, kind: string, choices: string[], range: ?[number, ?number]}} Option
 */

/**
 * The options as they are. Throws TypeError for a name that there is none of, RangeError for a value that makes no sense.
 * @template {object} T
 * @param {T} options @param {Option[]} known of the schema @returns {T}
 */
export function checked(options, known) {
  const byName = new Map(known.filter(option => option.panel === 'Lens').map(option => [option.name, option]));
  for (const [name, value] of Object.entries(options)) {
    const option = byName.get(name);
    if (name === 'taken' || option && value == null) continue;
    if (!option) throw new TypeError(`there is no option ${name}; there are ${[...byName.keys(), 'taken'].join(', ')}`);
    const wrong = fault(option, value);
    if (wrong) throw new RangeError(`${name} must be ${wrong}, not ${JSON.stringify(value)}`);
  }
  return options;
}

/** @param {Option} option @param {any} value @returns {string} what it must be, if it is not */
function fault({name, choices, range}, value) {
  if (name === 'focus') return isFocus(value) ? '' : "'auto', or 'X,Y' as shares of width and height, or two of them with a colon between";
  if (choices.length) return choices.includes(value) ? '' : `one of ${choices.join(', ')}`;
  const [least, most] = range ?? [-Infinity, Infinity];
  const fits = typeof value === 'number' && value >= least && value <= (most ?? Infinity) && Number.isFinite(value);
  if (fits && !(name === 'blades' && (value === 1 || value === 2 || !Number.isInteger(value)))) return '';
  if (name === 'aperture') return value === 'off' ? '' : `at least ${least}, or 'off'`;
  if (name === 'blades') return 'a whole number from 3 to 11, or 0 for a disc';
  return range ? `${least} to ${most}` : 'a number';
}

/** @param {any} value */
function isFocus(value) {
  if (typeof value !== 'string') return false;
  const places = value.split(':');
  return places.length <= 2 && places.every(place => place === 'auto' || isPoint(place.split(',')));
}

/** @param {string[]} parts */
function isPoint(parts) {
  return parts.length === 2 && parts.every(part => part.trim() !== '' && Number(part) >= 0 && Number(part) <= 1);
}
