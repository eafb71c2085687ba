// Photo in, slider, photo out. The result is as large as the network draws; `wideopen render` carries it to full size.
"use strict";

const LONG_SIDE = 704, SCALE = 2, MULTIPLE = 32;
const byId = id => document.getElementById(id);
const bytes = name => Uint8Array.from(atob(window.FILES[name]), letter => letter.charCodeAt(0));
let session = null, shown = null;

async function load() {
  if (!window.ort || !window.FILES) throw new Error("run prepare.py first: the runtime and the model are not here");
  const module = URL.createObjectURL(new Blob([bytes("module")], { type: "text/javascript" }));
  Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary: bytes("wasm").buffer, wasmPaths: { mjs: module } });
  session = await ort.InferenceSession.create(bytes("model"), { executionProviders: ["wasm"] });
  byId("photo").disabled = false;
  byId("status").textContent = "Choose a photo.";
}

async function read(file) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height), context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  const data = new Uint8Array(bitmap.width * bitmap.height * 3);
  for (let i = 0, j = 0; i < rgba.length; i += 4) {
    data[j++] = rgba[i];
    data[j++] = rgba[i + 1];
    data[j++] = rgba[i + 2];
  }
  return { width: bitmap.width, height: bitmap.height, data };
}

async function render(file) {
  const photo = await read(file), start = performance.now();
  const small = resize(photo, ...fit(photo.width, photo.height, LONG_SIDE / SCALE));
  const { width, height, planes } = toPlanes(small, MULTIPLE);
  const found = await session.run({ photo: new ort.Tensor("float32", planes, [1, 3, height, width]) });
  const seconds = (performance.now() - start) / 1000;
  shown = {
    photo: resize(photo, SCALE * small.width, SCALE * small.height),
    bokeh: found.bokeh.data, sharp: found.sharp?.data, stride: SCALE * width,
  };
  draw();
  byId("status").textContent = `${seconds.toFixed(2)} s`;
}

function draw() {
  const result = mix(shown.photo, shown.bokeh, shown.sharp, shown.stride, Number(byId("strength").value));
  Object.assign(byId("result"), { width: result.width, height: result.height });
  byId("result").getContext("2d").putImageData(result, 0, 0);
}

byId("photo").onchange = async event => {
  const [file] = event.target.files;
  if (!file) return;
  byId("status").textContent = "Rendering ...";
  try {
    await render(file);
    byId("strength").disabled = byId("save").disabled = false;
  } catch (error) {
    byId("status").textContent = `${file.name}: not a photo that can be rendered (${error.message})`;
  }
};
byId("strength").oninput = draw;
byId("save").onclick = () => byId("result").toBlob(blob => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = "bokeh.jpg";
  link.click();
  URL.revokeObjectURL(link.href);
}, "image/jpeg", 0.95);
load().catch(error => { byId("status").textContent = error.message; });
