"""What Lightning does at one step of one level: forward, loss, metrics, pictures, learning rate."""

import math

import torch
from lightning import LightningModule
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio

from wideopen.errors import TrainingError
from wideopen.heads import Output, Places, resize_to_level
from wideopen.lens_head import DrawnLens
from wideopen.losses import BokehLoss, at_least_32, places_terms
from wideopen.pynet import PyNET
from wideopen.recipe import LevelRecipe, Recipe

Batch = dict[str, Tensor]
PICTURES = 4
"""Validation photos shown in TensorBoard: photo | network | camera."""


def mean_psnr(output: Tensor, target: Tensor) -> Tensor:
    """Mean over the batch of each picture's PSNR in dB; values clipped to [0, 1] first."""
    return peak_signal_noise_ratio(output.clamp(0, 1), target, data_range=1.0, dim=(1, 2, 3))


class LevelTask(LightningModule):
    """One level's training. Batches are what `PairDataset` gives, stacked."""

    def __init__(self, network: PyNET, loss: BokehLoss | None, recipe: Recipe, level: LevelRecipe, steps: int) -> None:
        super().__init__()
        # Convolutions on channels_last are faster on CPUs and on tensor cores alike.
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.loss, self.recipe, self.level, self.steps = loss, recipe, level, steps
        self.lens = DrawnLens()

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        photo = batch["photo"].contiguous(memory_format=torch.channels_last)
        output = self.network(photo)
        picture = self._picture(output, batch) if self.level.pictures or isinstance(output, Output) else None
        terms = self._terms(output, picture, batch)
        if not torch.isfinite(terms["total"]):
            raise TrainingError(
                f"level {self.level.level}: the loss is no longer a number at step {self.global_step}; the last good "
                "checkpoint is kept, lower the learning rate or clip gradients, then start another run"
            )
        self.log_dict({f"train/{name}": term for name, term in terms.items()})
        if picture is not None:
            with torch.no_grad():
                self.log("train/psnr", mean_psnr(at_least_32(picture), batch["target"]))
        total: Tensor = terms["total"]
        return total

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        photo = batch["photo"].contiguous(memory_format=torch.channels_last)
        output = self.network(photo)
        picture = self._picture(output, batch)
        identity = resize_to_level(photo[:, :3], self.level.level)
        if not torch.isfinite(picture).all():
            raise TrainingError(
                f"level {self.level.level}: the network gives values that are no numbers after step "
                f"{self.global_step}; the last good checkpoint is kept, lower the learning rate"
            )
        size = len(photo)
        self.log("val/psnr", mean_psnr(at_least_32(picture), batch["target"]), batch_size=size)
        self.log("val/psnr_of_photo", mean_psnr(identity, batch["target"]), batch_size=size)
        if isinstance(output, Places):
            found = places_terms(output, batch["matte"], batch["relative"], batch["standing"])
            self.log_dict({f"val/{name}": term for name, term in found.items()}, batch_size=size)
            self.log("val/places", -found["matte"] - found["relative"], batch_size=size)
        elif output.sharp is not None and "sharp" in batch:
            self.log("val/sharp_mae", (output.sharp - batch["sharp"]).abs().mean(), batch_size=size)
        if batch_index == 0:
            self._show(identity, picture, batch["target"])

    def _picture(self, output: Output | Places, batch: Batch) -> Tensor:
        if isinstance(output, Output):
            return output.bokeh
        photo = resize_to_level(batch["photo"][:, :3], self.level.level)
        picture: Tensor = self.lens(photo, output, batch["blur"], batch["focus"])
        return picture

    def _terms(self, output: Output | Places, picture: Tensor | None, batch: Batch) -> dict[str, Tensor]:
        terms: dict[str, Tensor] = {}
        totals: list[Tensor] = []
        if self.loss is not None and picture is not None:
            sharp = output.sharp if isinstance(output, Output) else None
            terms |= self.loss(at_least_32(picture), batch["target"], sharp, batch.get("sharp"))
            totals.append(terms["total"])
        if isinstance(output, Places):
            found = places_terms(output, batch["matte"], batch["relative"], batch["standing"])
            weights = {"matte": self.level.matte, "relative": self.level.relative}
            totals += [weights[name] * term for name, term in found.items() if weights[name] > 0]
            terms |= found
        return terms | {"total": torch.stack(totals).sum()}

    def _show(self, *columns: Tensor) -> None:
        rows = torch.cat([column[:PICTURES].float().clamp(0, 1) for column in columns], dim=3)
        for logger in self.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_images("val/photo_network_camera", rows, self.global_step)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Adam; a pretrained encoder learns at a share of the rest's rate. Cosine ends at a twentieth."""
        encoder = list(self.network.backbone.parameters()) if self.network.backbone is not None else []
        known = {id(p) for p in encoder}
        encoder = [p for p in encoder if p.requires_grad]
        groups = [{"params": [p for p in self.network.parameters() if id(p) not in known]}]
        if encoder:
            groups.append({"params": encoder, "lr": self.level.lr * self.recipe.encoder_lr})  # type: ignore[dict-item]
        adam = torch.optim.Adam(groups, lr=self.level.lr, fused=True)

        def share(step: int) -> float:
            if self.recipe.schedule == "constant":
                return 1.0
            return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))

        schedule = torch.optim.lr_scheduler.LambdaLR(adam, share)
        return {"optimizer": adam, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
