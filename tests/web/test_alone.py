"""The application without a server: its JavaScript against Python, and the whole in a real Chromium."""

import base64
import functools
import http.server
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from browser import chromium_page, small_copies
from lens_models import build_lens_model
from wideopen import Renderer
from wideopen.errors import OutputError
from wideopen.image.color import srgb_to_linear
from wideopen.image.grain import sure_grain
from wideopen.image.guided_upsampling import lift
from wideopen.image.inpaint import fill, push_pull
from wideopen.image.resize import resize
from wideopen.lens.apertures import Aperture
from wideopen.lens.defocus import convolve
from wideopen.lens.foreground_removal import remove_foreground
from wideopen.lens.full_resolution import carry_to_full_size
from wideopen.lens.highlights import find_surroundings, lamp_certainty, raise_lamps
from wideopen.lens.lens_settings import LensSettings
from wideopen.lens.matte_lens import draw
from wideopen.photo.depth import load_depth
from wideopen.photo.embedded_depth import embedded_depth
from wideopen.photo.files import decode
from wideopen.scene.instances import split_instances

pytestmark = pytest.mark.slow
pytest.importorskip("fastapi", reason="needs the extra web")
pytest.importorskip("pebble", reason="needs the extra web")
EXAMPLES = Path(__file__).parents[2] / "examples"
OPENED = "() => !document.querySelector('#download').disabled"
# Letter by letter, where the browser is older: of millions that takes a second.
BYTES = "(text => Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), letter => letter.charCodeAt(0)))"
TEXT = "(bytes => bytes.toBase64?.() ?? btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join('')))"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module", autouse=True)
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of small examples, which the application gets in place of the whole ones."""
    from wideopen.web import site

    folder, names = tmp_path_factory.mktemp("examples"), list(site.examples())
    small_copies(folder, 240, *names)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "examples", lambda: {name: folder / name for name in names})
        yield folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that takes no time, for all but what is to be told of the package's own."""
    return build_lens_model(tmp_path_factory.mktemp("model") / "lens.onnx")


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    """A folder with the site of the tiny model and that of the package's own."""
    from wideopen.web.site import write_site

    folder = tmp_path_factory.mktemp("sites")
    write_site(folder / "tiny", tiny)
    write_site(folder / "own")
    return folder


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with chromium_page(1200, 900) as page:
        yield page


@pytest.fixture(scope="module")
def page(sites: Path, chromium: Any) -> Iterator[Any]:
    """The tiny model's site from a plain file server, which `page.stop()` stops; the other one is beside it.

    Nothing else is asked, nothing goes wrong.
    """
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(sites)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    faults: list[str] = []
    asked: list[str] = []
    page = chromium.context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.stop = lambda: (server.shutdown(), server.server_close())
    page.goto(f"{address}/tiny/")
    page.wait_for_selector("html[data-ready]")
    yield page
    assert {url.split("/")[2] for url in asked if url.startswith(("http", "ws"))} == {address.split("/")[2]}
    assert faults == []


def packed(value: Any) -> Any:
    """Arrays as what JavaScript makes planes of: HxW one, HxWxC a list; HxWx3 bytes a picture."""
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype == np.uint8:
        value = np.dstack([value, np.full(value.shape[:2], 255, np.uint8)])
        kind, data = "picture", value.tobytes()
    elif value.ndim == 3:
        return [packed(np.ascontiguousarray(value[..., channel])) for channel in range(value.shape[2])]
    else:
        kind, data = "plane", np.ascontiguousarray(value, np.float32).tobytes()
    return {"kind": kind, "width": value.shape[1], "height": value.shape[0], "packed": base64.b64encode(data).decode()}


def by_javascript(page: Any, module: str, call: str, *values: Any) -> Any:
    """The result of a call in which `m` is the module and `v` are the values; planes as arrays HxW or HxWxC."""
    found = page.evaluate(
        "async ([module, call, values]) => {" + f"const bytesOf = {BYTES}, text = {TEXT};"
        """
            const open = value => {
                if (Array.isArray(value)) return value.map(open);
                if (!value?.packed) return value;
                const bytes = bytesOf(value.packed);
                const data = new (value.kind === 'plane' ? Float32Array : Uint8ClampedArray)(bytes.buffer);
                return {width: value.width, height: value.height, data};
            };
            const shut = value => {
                if (Array.isArray(value)) return value.map(shut);
                if (!value?.data) return value;
                const bytes = new Uint8Array(value.data.buffer, value.data.byteOffset, value.data.byteLength);
                return {...value, data: text(bytes), bytes: value.data.BYTES_PER_ELEMENT};
            };
            const m = await import(`./alone/${module}.js`);
            return shut(await new Function('m', 'v', `return ${call}`)(m, open(values)));
        }""",
        [module, call, [packed(value) for value in values]],
    )
    return opened(found)


def opened(value: Any) -> Any:
    if isinstance(value, list):
        parts = [opened(part) for part in value]
        planes = [part.shape for part in parts if isinstance(part, np.ndarray)]
        return np.dstack(parts) if planes and planes == planes[:1] * len(parts) else parts
    if not isinstance(value, dict):
        return value
    kind = np.float32 if value["bytes"] == 4 else np.uint8
    return np.frombuffer(base64.b64decode(value["data"]), kind).reshape(value["height"], value["width"], -1).squeeze()


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photo with lamps in [0, 1], a matte with a soft edge, and disparities; 290x210."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:210, :290].astype(np.float32)
    photo = np.dstack([0.3 + 0.2 * np.sin(x / 9), 0.4 + 0.2 * np.cos(y / 7), 0.35 + 0.1 * np.sin((x + y) / 5)])
    photo += rng.normal(0, 0.02, photo.shape)
    for row, column in ((30, 40), (50, 230), (150, 250)):
        photo[(y - row) ** 2 + (x - column) ** 2 < 9] = 1.0
    matte = (1.2 - np.hypot((x - 140) / 60, (y - 120) / 80) * 1.1).clip(0, 1)
    relative = -0.8 + 0.6 * (y / 210) + 0.3 * np.sin(x / 50)
    return photo.clip(0, 1).astype(np.float32), matte.astype(np.float32), relative.astype(np.float32)


def close(ours: Any, theirs: Any, most: float = 2e-4) -> None:
    assert ours.shape == theirs.shape
    assert float(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max()) <= most


def test_one_file_opens_from_the_disk(chromium: Any, tiny: Path, tmp_path: Path) -> None:
    from wideopen.web.site import write_one_file

    path, faults = write_one_file(tmp_path / "wideopen.html", tiny), []
    page = chromium.context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    page.get_by_label("Example: dog").click()
    page.wait_for_function("() => !document.querySelector('#exact').hidden")
    assert "dog.jpg" in page.locator("#said").inner_text()
    page.close()
    assert faults == []


@pytest.mark.parametrize("size", [(97, 133), (64, 290), (300, 500), (210, 290)])
def test_resize(page: Any, size: tuple[int, int]) -> None:
    _, matte, _ = scene()
    close(by_javascript(page, "planes", "m.resize(v[0], v[2], v[1])", matte, *size), resize(matte, *size))


def test_fill_and_push_pull(page: Any) -> None:
    photo, matte, _ = scene()
    weight = (1 - matte).round(2)
    close(by_javascript(page, "fill", "m.pushPull(v[0], v[1])", photo, weight), push_pull(photo, weight))
    close(by_javascript(page, "fill", "m.fill(v[0], v[1])", photo, weight), fill(photo, weight))


def test_lift(page: Any) -> None:
    photo, matte, _ = scene()
    small = resize(matte, 70, 97)
    close(by_javascript(page, "guided", "m.lift(v[0], v[1])", small, photo), lift(small, photo), 2e-3)


def test_lamps(page: Any) -> None:
    photo, *_ = scene()
    light = srgb_to_linear(photo)
    close(by_javascript(page, "highlights", "m.findSurroundings(v[0])", light), find_surroundings(light))
    close(by_javascript(page, "highlights", "m.raiseLamps(v[0], 4)", light), raise_lamps(light, 4.0), 1e-3)
    assert by_javascript(page, "highlights", "m.lampCertainty(v[0])", light) == pytest.approx(lamp_certainty(light))
    assert np.abs(raise_lamps(light, 4.0) - light).max() > 0


def test_what_is_drawn_around_the_subject(page: Any) -> None:
    photo, matte, _ = scene()
    light = srgb_to_linear(photo)
    ours = by_javascript(page, "foreground", "m.removeForeground(v[0], v[1])", light, matte)
    close(ours, remove_foreground(light, matte))


SHAPES = {
    "disc": Aperture(),
    "blades": Aperture(blades=5, rotation_deg=20, roundness=0.3),
    "ring": Aperture(ring=0.4, squeeze=1.5),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("radius", [0.4, 1.7, -6.3, 14.2, -50.0])
def test_blur(page: Any, shape: str, radius: float) -> None:
    photo = scene()[0].copy()
    photo[30:-20, :, 1] = photo[:, 9:-3, 2] = 0  # As layers are, 0 nearly everywhere.
    photo[60, 40, 1:] = 1
    found = by_javascript(page, "defocus", "m.convolve(v[0], v[1], v[2])", photo, radius, as_settings(SHAPES[shape]))
    close(found, convolve(photo, abs(radius), SHAPES[shape], radius > 0, coarse=True), 1e-3)


def as_settings(shape: Aperture) -> dict[str, float]:
    return {
        "blades": shape.blades, "roundness": shape.roundness, "rotate": shape.rotation_deg, "ring": shape.ring,
        "squeeze": shape.squeeze, "vignette": shape.vignette,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ends", "vignette"), [((0.0, 0.0), 0.0), ((-0.4, -0.4), 0.6), ((-0.6, -0.1), 0.0), ((-0.3, 0.2), 0.6)]
)
def test_drawing(page: Any, ends: tuple[float, float], vignette: float) -> None:
    # Half of it, with two lamps and an edge of the subject: each of some forty layers is blurred.
    photo, matte, relative = (np.ascontiguousarray(each[20:160, 90:]) for each in scene())
    behind = remove_foreground(srgb_to_linear(photo), matte)
    lens = LensSettings(0.09, ends[0], Aperture(vignette=vignette), focus_to=ends[1])
    settings = {"perUnit": 0.09, "aperture": as_settings(lens.aperture), "gain": 4, "largest": 0.15}
    call = "m.draw(v[0], v[1], v[2], v[3], v[4], v[5], async () => {}).then(({picture, kept}) => [...picture, kept])"
    found = by_javascript(page, "compositor", call, photo, matte, relative, settings, ends, behind)
    picture, kept = draw(photo, matte, relative, lens, behind)
    close(found[..., :3], picture, 8e-3)  # 2 of 255.
    close(found[..., 3], kept, 8e-3)


def test_full_size(page: Any) -> None:
    photo, matte, relative = scene()
    large = (resize(photo, 700, 967) * 255).round().astype(np.uint8)
    picture, kept = draw(photo, matte, relative, LensSettings(0.05), srgb_to_linear(photo))
    call = "m.carryToFullSize(v[0], v[1], v[2], v[3], null, async () => {})"
    found = by_javascript(page, "full_size", call, large, picture, kept, photo)[..., :3]
    error = np.abs(found.astype(int) - carry_to_full_size(large, picture, kept, photo).astype(int)).max(axis=2)
    assert (error <= 2).mean() >= 0.999 and ((found == large).all(axis=2)).mean() > 0.05


def test_grain(page: Any) -> None:
    rng = np.random.default_rng(5)
    shade = np.linspace(60, 190, 1500)[None, :, None] + np.zeros((1100, 1, 3))
    photo = (shade + rng.normal(0, 2.5, shade.shape)).round().clip(0, 255).astype(np.uint8)
    theirs = sure_grain(photo)
    assert theirs is not None
    call = (
        "(grain => [{width: 256, height: 1, data: grain.strengths},"
        " {width: 512, height: 512, data: grain.field.filter((_, at) => at % 3 === 1)}])"
        "(m.lostGrain(v[0], 1) && m.lostGrain(v[0], 1))"  # Of noise that has been used before.
    )
    strengths, field = by_javascript(page, "grain", call, photo)
    close(strengths, theirs._strengths, 1e-5)
    close(field, theirs.field[..., 1], 5e-3)


def test_two_things_told_apart(page: Any) -> None:
    y, x = np.mgrid[:160, :240].astype(np.float32)
    left, right = ((x - 70) ** 2 + (y - 80) ** 2 < 900), ((x - 170) ** 2 + (y - 80) ** 2 < 900)
    matte = np.where(left | right, np.float32(0.95), np.float32(0.02))
    relative = np.where(right, np.float32(-0.6), np.where(left, np.float32(0.01), np.float32(-0.9)))
    wanted = split_instances(matte, relative)
    call = "(found => [found.matte, found.relative])(m.splitInstances(v[0], v[1]))"
    found = by_javascript(page, "closer", call, matte, relative)
    assert wanted[0][80, 170] == 0
    for index, plane in enumerate(wanted):
        assert (np.abs(found[..., index] - plane) > 1e-3).mean() < 0.005  # Distances are nearly Euclid's in both.


def test_a_map_that_a_photo_carries(page: Any) -> None:
    """Turned by the photo's orientation, its scale the file's: of Google's two kinds, and of Apple's."""
    pytest.importorskip("pillow_heif", reason="needs the extra heif")
    from depth_photos import apple_jpeg, dynamic_depth_jpeg, encoded, gdepth_jpeg, orientation

    y, x = np.mgrid[:12, :16]
    steps = np.hypot(x - 5, y - 7) * 15
    photo = encoded(np.full((48, 64, 3), 90, np.uint8), "JPEG", exif=orientation(6))
    wide, said = encoded((steps * 200).astype(np.uint16), "PNG"), 'Format="RangeInverse" {0}:Near="0.5" {0}:Far="7"'
    apple = "<apdi:AuxiliaryImageType>disparity</apdi:AuxiliaryImageType><apdi:FloatMinValue>0.1</apdi:FloatMinValue>"
    files = (
        gdepth_jpeg(photo, wide, 'GDepth:Units="m" GDepth:' + said.format("GDepth")),
        dynamic_depth_jpeg(photo, wide, "DepthMap:" + said.format("DepthMap"), padding=5),
        apple_jpeg(
            photo, (encoded(steps.astype(np.uint8), "JPEG"), apple + "<apdi:FloatMaxValue>2</apdi:FloatMaxValue>")
        ),
        photo,
    )
    call = (
        "m.carriedMap(new File([Uint8Array.from(atob(v[0]), each => each.charCodeAt(0))], 'it'), v[1])"
        ".then(found => found && [found.metric, found.disparity])"
    )
    for file in files:
        wanted = embedded_depth(file)
        text = base64.b64encode(file).decode()
        found = by_javascript(page, "carried", call, text, {"width": 48, "height": 64})
        assert (found is None) == (wanted is None)
        if wanted is not None:
            assert found[0] == wanted.metric
            close(found[1], wanted.disparity, 1e-2)  # A browser's decoder of JPEG rounds otherwise.


GIVE = {"kind": "give", "points": [[0.45, 0.4], [0.5, 0.5]], "radius": 0.02}
SOFT = {"kind": "keep", "points": [[0.2, 0.8], [0.3, 0.8]], "radius": 0.02, "softness": 0.5}


@pytest.mark.parametrize(
    ("name", "focus", "side", "depth", "strokes", "axial"),
    [
        ("dog.jpg", "auto@f/8", 256, None, [GIVE, SOFT], 0),
        ("scooter.jpg", "0.2,0.3", 256, None, [], 0),
        ("scooter.jpg", "0.2,0.3:auto", 256, None, [], 0),
        ("path.jpg", "auto", 256, "path-depth.png", [], 0.3),
    ],
)
def test_a_photo_is_the_command_lines(
    page: Any,
    tiny: Path,
    name: str,
    focus: str,
    side: int,
    depth: str | None,
    strokes: list[Any],
    axial: float,
) -> None:
    """With strokes, a closer look, a depth map: at most 2/255 apart on 99.9 % of the pixels."""
    with Image.open(EXAMPLES / name) as photo:
        photo.thumbnail((side, side))
        photo.save(buffer := io.BytesIO(), "JPEG", quality=95)
    data = buffer.getvalue()
    made = page.evaluate(
        f"async ([data, depth, focus, strokes, axial]) => {{ const bytes = {BYTES}, letters = {TEXT};"
        """
            const alone = await import('./alone.js'), schema = await alone.schema();
            const settings = Object.fromEntries(schema.options.map(option => [option.name, option.default]));
            // As a PNG, so that nothing is lost by writing it.
            const named = text => text && new File([bytes(text)], 'it.png', {type: 'image/png'});
            const [file, map] = [named(data), named(depth)];
            const photo = {file, depth: map, id: null, focus, strokes};
            const blob = await alone.render(photo, {...settings, aperture: 1.8, axial});
            return letters(new Uint8Array(await blob.arrayBuffer()));
        }""",
        [
            *(file and base64.b64encode(file).decode() for file in (data, depth and (EXAMPLES / depth).read_bytes())),
            focus,
            strokes,
            axial,
        ],
    )
    ours = np.asarray(Image.open(io.BytesIO(base64.b64decode(made))).convert("RGB")).astype(int)
    renderer = Renderer(model=tiny, aperture=1.8, focus=focus, axial=axial).with_strokes(strokes or None)
    theirs = renderer.render_photo(decode(data, name), depth and load_depth(EXAMPLES / depth))[0].pixels.astype(int)
    error = np.abs(ours - theirs).max(axis=2)
    assert (error <= 2).mean() >= 0.999
    blurred = (np.abs(theirs - decode(data, name).pixels).max(axis=2) > 8).mean()
    assert blurred == 0 if ":" in focus else blurred > 0.2  # From one of the model's two distances to the other.


def test_what_the_npm_package_gives(page: Any) -> None:
    """By the package's own model."""
    with Image.open(EXAMPLES / "dog.jpg") as dog:
        dog.thumbnail((320, 320))
        photo = np.asarray(dog.convert("RGB"))
    options: dict[str, Any] = {"aperture": 1.4, "blades": 6, "rim": 0.5, "tilt": 2, "axial": 0.3}
    call = "m.Wideopen.load().then(wideopen => wideopen.render(v[0], v[1]))"
    found = by_javascript(page, "../../own/alone/api", call, photo, options)[..., :3].astype(int)
    wanted = Renderer(**options).render(photo)
    assert (np.abs(found - wanted).max(axis=2) <= 2).mean() >= 0.999
    assert (np.abs(wanted.astype(int) - photo).max(axis=2) > 8).mean() > 0.2  # Of the picture, that much is blurred.


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"apertur": 2}, "TypeError: there is no option apertur; there are aperture, focus"),
        ({"aperture": 0.1}, "RangeError: aperture must be at least 0.5, or 'off', not 0.1"),
        ({"lens": "35mm"}, "RangeError: lens must be one of ebb, 50mm, 85mm, phone, photo"),
        ({"blades": 2}, "RangeError: blades must be a whole number from 3 to 11, or 0 for a disc, not 2"),
        ({"vignette": "much"}, 'RangeError: vignette must be 0 to 1, not "much"'),
        ({"focus": "near"}, "RangeError: focus must be 'auto', or 'X,Y'"),
        ({"focus": "0.5,1.5"}, "RangeError: focus must be 'auto', or 'X,Y'"),
        ({"aperture": "off", "focus": "0.2,0.3:auto", "lens": "photo", "blades": 0, "taken": {}}, "fine"),
    ],
)
def test_what_the_npm_package_refuses(page: Any, options: dict[str, Any], says: str) -> None:
    call = (
        "fetch('schema.json').then(answer => answer.json()).then(schema => m.checked(v[0], schema.options))"
        ".then(() => 'fine', String)"
    )
    assert by_javascript(page, "options", call, options).startswith(says)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_a_png_or_a_webp_says_is_kept(page: Any, kind: str) -> None:
    """EXIF, upright now where the photo was turned, XMP, texts, resolution and profile, around other pixels."""
    said, made, exif = io.BytesIO(), io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Orientation] = "Maker", 6
    profile, text = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes(), PngImagePlugin.PngInfo()
    text.add_text("Title", "A photo", zip=True)
    plain, other = Image.new("RGB", (31, 20), "red"), Image.new("RGB", (20, 31), "blue")
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    plain.save(said, kind, exif=exif, icc_profile=profile, xmp=xmp, pnginfo=text, dpi=(300, 300))
    other.save(
        made, kind, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), lossless=True
    )
    call = (
        "(read => m.withSayings(read(v[0]), m.sayings(read(v[1])), v[2], [20, 31]).arrayBuffer()"
        f".then(each => btoa(String.fromCharCode(...new Uint8Array(each)))))({BYTES})"
    )
    files = [base64.b64encode(each.getvalue()).decode() for each in (made, said)]
    for strip in (False, True):
        found = Image.open(io.BytesIO(base64.b64decode(by_javascript(page, "chunks", call, *files, strip))))
        assert found.convert("RGB").tobytes() == other.tobytes() and found.info["icc_profile"] == profile
        turn = {"PNG": 1, "WEBP": 6}[kind]  # Browsers turn no WebP.
        assert dict(found.getexif()) == (
            {} if strip else {ExifTags.Base.Make: "Maker", ExifTags.Base.Orientation: turn}
        )
        assert (xmp in (found.info.get("xmp"), found.info.get("XML:com.adobe.xmp", "").encode())) != strip
        if kind == "PNG":
            assert (found.info.get("Title") == "A photo" and round(found.info["dpi"][0]) == 300) != strip
    count = f"m.exifOf(m.sayings({BYTES}(v[0]))).length"
    assert [by_javascript(page, "chunks", count, file) for file in files] == [0, 1]


def test_an_empty_folder_is_wanted(tmp_path: Path) -> None:
    from wideopen.web.site import write_site

    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="not an empty folder"):
        write_site(tmp_path)


def is_left_out_and_said(page: Any) -> None:
    """Where a photo is open, what the browser alone has not is hidden, and a sentence names it."""
    from wideopen.web.site import UNDRAWN

    told = page.evaluate("fetch('schema.json').then(answer => answer.json())")
    assert {option["name"] for option in told["options"]}.isdisjoint(UNDRAWN)
    assert page.get_by_text("Axial colour", exact=True).count() == 1 and page.locator("#also").is_hidden()
    assert page.locator("#brush").is_visible()
    assert "without further subjects" in page.locator("#left-out").inner_text()


def test_the_application_alone_and_offline(page: Any, small: Path) -> None:
    """The last test of the file: it stops the file server."""
    page.get_by_label("Example: dog").click()
    page.wait_for_function(OPENED)
    is_left_out_and_said(page)
    page.wait_for_function("() => !document.querySelector('#exact').hidden")
    with page.expect_download() as download:
        page.locator("#download").click()
    assert download.value.suggested_filename == "dog-bokeh.jpg"
    with Image.open(small / "dog.jpg") as before, Image.open(download.value.path()) as after:
        assert after.size == before.size and after.getexif() == before.getexif()
        assert after.info.get("icc_profile") == before.info.get("icc_profile")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.stop()
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.evaluate("crossOriginIsolated")  # So that the model may run in threads.
    page.get_by_label("Example: scooter").click()
    page.wait_for_function(OPENED)
    assert "scooter.jpg" in page.locator("#said").inner_text() or page.locator("#said").inner_text() == ""
