"""Make the files of a model's repository on the Hugging Face hub: `make hub`, then `hf upload ORG/NAME hub .`.

    python tools/hub.py -o hub [--name ORG/NAME]

The folder gets the shipped model as model.onnx, its card with front matter, the licence, and the pictures of the card,
so that `wideopen render photo.jpg --model hf:ORG/NAME` and the page of the repository both work.
"""

import argparse
import json
import re
import shutil
from pathlib import Path

import onnx

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "src" / "wideopen" / "models" / "default.onnx"
REPOSITORY = "https://github.com/wideopen/wideopen"
HEAD = """---
license: {licence}
library_name: wideopen
pipeline_tag: image-to-image
tags: [bokeh, depth-of-field, photography, matting, depth-estimation, onnx, pynet]
---

```
pip install "wideopen[hub]"
wideopen render photo.jpg --model hf:{name}
wideopen render photo.jpg --model hf:{name} --aperture 1.4 --focus far
```

```python
import wideopen

renderer = wideopen.Renderer.from_pretrained("hf:{name}", aperture=1.4)
renderer.render("photo.jpg")
```

The graph takes `photo`, [N, 3, H, W] sRGB in 0..1 with sides that are multiples of {multiple}, and gives {ranges};
[export]({repository}/blob/main/docs/export.md) says how to run it from other languages.

"""


def facts(model: Path) -> dict[str, str]:
    """What the model says of itself."""
    entries = {entry.key: entry.value for entry in onnx.load(model).metadata_props}
    return json.loads(entries["wideopen"])


def card(name: str) -> tuple[str, list[str]]:
    """The card's text, and the pictures that it shows, by their names in docs/."""
    said = facts(MODEL)
    shown: list[str] = []

    def lead(found: re.Match[str]) -> str:
        target = found[2]
        if target.startswith("docs/") and target.endswith((".jpg", ".svg", ".png")):
            shown.append(target.removeprefix("docs/"))
            return f"{found[1]}({shown[-1]})"
        return f"{found[1]}({REPOSITORY}/blob/main/{target})"

    text = (ROOT / "MODEL_CARD.md").read_text(encoding="utf-8")
    text = re.sub(r"(\[[^\]]*\])\((?!https?:|#)([^)]+)\)", lead, text)
    head = HEAD.format(
        licence=said["licence"].lower(), name=name, multiple=said["multiple"],
        ranges=said["ranges"].partition(" -> ")[2], repository=REPOSITORY,
    )  # fmt: skip
    return head + text, shown


def make(folder: Path, name: str) -> None:
    """Write the folder; what it held before is taken away."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    text, pictures = card(name)
    (folder / "README.md").write_text(text, encoding="utf-8")
    shutil.copy(MODEL, folder / "model.onnx")
    for legal in ("LICENSE", "NOTICE"):
        shutil.copy(ROOT / legal, folder)
    for picture in pictures:
        shutil.copy(ROOT / "docs" / picture, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("hub"), help="Folder to make.")
    parser.add_argument("--name", default="wideopen/wideopen", help="ORG/NAME on the hub, for the card's commands.")
    given = parser.parse_args()
    make(given.output, given.name)
    print(f"{given.output}: {', '.join(sorted(path.name for path in given.output.iterdir()))}")


if __name__ == "__main__":
    main()
