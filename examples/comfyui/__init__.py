"""A node of ComfyUI, image > blur > Lens wide open: pictures as a fast lens would have taken them.

Copy this folder into ComfyUI's `custom_nodes` and install wideopen into ComfyUI's own Python (docs/editors.md).
"""

from typing import Any

import torch

import wideopen

LENSES = ("50mm", "85mm", "ebb", "phone")


class WideOpen:
    """Blurs pictures through a lens, by the network's own matte and distances or by those that are given."""

    CATEGORY = "image/blur"
    FUNCTION = "blur"
    RETURN_TYPES = ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Any]]:  # noqa: N802
        return {
            "required": {
                "image": ("IMAGE",),
                "aperture": ("FLOAT", {"default": 1.8, "min": 0.5, "max": 32.0, "step": 0.1, "tooltip": "f-number"}),
                "focus": ("STRING", {"default": "auto", "tooltip": "auto, near, far, or X,Y as shares or px"}),
                "lens": (LENSES,),
                "blades": ("INT", {"default": 0, "min": 0, "max": 11, "tooltip": "0 is a disc, else 3 to 11"}),
            },
            "optional": {
                "mask": ("MASK", {"tooltip": "1 where the subject is"}),
                "depth": ("IMAGE", {"tooltip": "a depth map, white is near"}),
            },
        }

    def blur(
        self,
        image: torch.Tensor,
        aperture: float,
        focus: str,
        lens: str,
        blades: int,
        mask: torch.Tensor | None = None,
        depth: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor]:
        """Blur each picture of a batch.

        Args:
            image: B,H,W,3, sRGB-encoded, in [0, 1].
            aperture, focus, lens, blades: as the options of `wideopen render`.
            mask: B or 1,h,w in [0, 1], 1 is the subject; any size of the pictures' shape.
            depth: B or 1,h,w,C in [0, 1], larger is nearer (the first channel counts); any size of that shape.

        Raises:
            ValueError: another number of masks or maps than of pictures, or options that make no sense.
            wideopen.WideopenError: a mask or map of another shape than the pictures'.
        """
        renderer = wideopen.Renderer(aperture=aperture, focus=focus, lens=lens, blades=blades)
        mattes = _one_each("masks", mask, len(image))
        maps = _one_each("depth maps", None if depth is None else depth[..., 0], len(image))
        done = [
            torch.from_numpy(renderer.render(picture.numpy(), depth=near, matte=matte))
            for picture, near, matte in zip(image[..., :3].cpu().float().clamp(0, 1), maps, mattes, strict=True)
        ]
        return (torch.stack(done).to(image),)


def _one_each(what: str, given: torch.Tensor | None, count: int) -> list[Any]:
    """As many arrays as there are pictures; a single one is for all."""
    if given is None:
        return [None] * count
    if len(given) not in (1, count):
        raise ValueError(f"{len(given)} {what} for {count} pictures; give one, or as many as there are pictures")
    return list(given.cpu().float().clamp(0, 1).expand(count, -1, -1).numpy())


NODE_CLASS_MAPPINGS = {"WideOpen": WideOpen}
NODE_DISPLAY_NAME_MAPPINGS = {"WideOpen": "Lens wide open"}
