// Files in one zip, stored as they are: photos are compressed already.
// @ts-check

const TABLE = Uint32Array.from({length: 256}, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});

/** @param {Uint8Array} data */
export function crc32(data) {
  let sum = 0xffffffff;
  for (const byte of data) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

/**
 * @param {{name: string, blob: Blob}[]} files names that occur twice get a number
 * @returns {Promise<Blob>}
 */
export async function zip(files) {
  /** @type {BlobPart[]} */
  const parts = [];
  /** @type {Uint8Array[]} */
  const entries = [];
  const taken = new Set();
  let at = 0;
  for (const {name, blob} of files) {
    const data = new Uint8Array(await blob.arrayBuffer()), path = new TextEncoder().encode(unused(name, taken));
    const now = new Date();
    const time = now.getHours() << 11 | now.getMinutes() << 5 | now.getSeconds() >> 1;
    const date = (now.getFullYear() - 1980) << 9 | (now.getMonth() + 1) << 5 | now.getDate();
    const common = [20, 0x0800, 0, time, date];
    const head = new DataView(new ArrayBuffer(26));
    common.forEach((value, index) => head.setUint16(2 * index, value, true));
    [crc32(data), data.length, data.length].forEach((value, index) => head.setUint32(10 + 4 * index, value, true));
    head.setUint16(22, path.length, true);
    const fields = new Uint8Array(head.buffer);
    parts.push(new Uint8Array([0x50, 0x4b, 3, 4]), fields, path, blob);
    const entry = new DataView(new ArrayBuffer(46));
    entry.setUint32(0, 0x02014b50, true);
    entry.setUint16(4, 20, true);
    new Uint8Array(entry.buffer).set(fields, 6);
    entry.setUint32(42, at, true);
    entries.push(new Uint8Array(entry.buffer), path);
    at += 30 + path.length + data.length;
  }
  const size = entries.reduce((sum, entry) => sum + entry.length, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, files.length, true);
  end.setUint16(10, files.length, true);
  end.setUint32(12, size, true);
  end.setUint32(16, at, true);
  return new Blob([...parts, .../** @type {BlobPart[]} */ (entries), new Uint8Array(end.buffer)], {type: 'application/zip'});
}

/** @param {string} name @param {Set<string>} taken */
function unused(name, taken) {
  const dot = name.lastIndexOf('.'), stem = dot > 0 ? name.slice(0, dot) : name, suffix = dot > 0 ? name.slice(dot) : '';
  let found = name;
  for (let count = 2; taken.has(found); count++) found = `${stem}-${count}${suffix}`;
  taken.add(found);
  return found;
}
