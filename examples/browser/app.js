// Photo in, slider, photo out: what `wideopen render` does, in the page. See README.md for the differences.
"use strict";

const byId = id => document.getElementById(id);
const bytes = name => Uint8Array.from(atob(window.FILES[name]), letter => letter.charCodeAt(0));
let session = null, shown = null;

async function load() {
  if (!window.ort || !window.FILES || !window.MODEL)
    throw new Error("run prepare.py first: the runtime and the model are not here");
  const module = URL.createObjectURL(new Blob([bytes("module")], { type: "text/javascript" }));
  Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary: bytes("wasm").buffer, wasmPaths: { mjs: module } });
  session = await ort.InferenceSession.create(bytes("model"), { executionProviders: ["wasm"] });
  byId("photo").disabled = false;
  byId("status").textContent = "Choose a photo.";
}

async function read(file) {
  const bitmap = await createImageBitmap(file);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height), context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  const data = new Uint8Array(bitmap.width * bitmap.height * 3);
  for (let i = 0, j = 0; i < rgba.length; i += 4) {
    data[j++] = rgba[i];
    data[j++] = rgba[i + 1];
    data[j++] = rgba[i + 2];
  }
  return picture(bitmap.width, bitmap.height, 3, data);
}

// The network's picture, its sharp map, and what it saw, all `scale` times the input.
async function see(photo) {
  const { scale, multiple, side } = window.MODEL;
  const small = resize8(photo, ...fit(photo.width, photo.height, Math.max(1, rint(side / scale))));
  const padded = pad(toUnit(small), multiple);
  const { width, height } = padded;
  const found = await session.run({ photo: new ort.Tensor("float32", toPlanes(padded), [1, 3, height, width]) });
  const part = (planes, channels) =>
    crop(planes, channels, scale * width, scale * small.width, scale * small.height);
  const seen = resize(padded, scale * width, scale * height);
  return [part(found.bokeh.data, 3), part(found.sharp.data, 1), part(toPlanes(seen), 3)];
}

async function render(file) {
  const photo = await read(file), start = performance.now();
  const result = carry(photo, ...await see(photo)), seconds = (performance.now() - start) / 1000;
  shown = { photo, result };
  draw();
  byId("status").textContent = `${seconds.toFixed(2)} s`;
}

// `strength` of the result over the photo.
function draw() {
  const { photo, result } = shown, strength = Number(byId("strength").value);
  const mixed = new ImageData(photo.width, photo.height);
  for (let i = 0, j = 0; i < result.length; j++) {
    for (let c = 0; c < 3; c++, i++, j++) mixed.data[j] = photo.data[i] + strength * (result[i] - photo.data[i]);
    mixed.data[j] = 255;
  }
  Object.assign(byId("result"), { width: photo.width, height: photo.height });
  byId("result").getContext("2d").putImageData(mixed, 0, 0);
}

byId("photo").onchange = async event => {
  const [file] = event.target.files;
  if (!file) return;
  byId("photo").disabled = true;
  byId("status").textContent = "Rendering ...";
  await new Promise(resolve => setTimeout(resolve, 30));  // lets the page say so
  try {
    await render(file);
    byId("strength").disabled = byId("save").disabled = false;
  } catch (error) {
    byId("status").textContent = `${file.name}: not a photo that can be rendered (${error.message})`;
  }
  byId("photo").disabled = false;
};
byId("strength").oninput = draw;
byId("save").onclick = () => byId("result").toBlob(blob => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = "bokeh.jpg";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}, "image/jpeg", 0.95);
load().catch(error => { byId("status").textContent = error.message; });
