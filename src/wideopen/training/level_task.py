"""What Lightning does at one step of one level: forward, loss, metrics, pictures, learning rate."""

import math

import torch
from lightning import LightningModule
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim import Optimizer
from torchmetrics.functional.image import peak_signal_noise_ratio

from wideopen.errors import PreemptedError, TrainingError
from wideopen.network.blocks import at_least_32
from wideopen.network.heads import Output, SceneMaps, resize_to_level
from wideopen.network.pynet import PyNET
from wideopen.training.differentiable_lens import DrawnLens
from wideopen.training.losses import BokehLoss, places_terms, places_weights
from wideopen.training.preemption import Stopping
from wideopen.training.processes import summed, world_now
from wideopen.training.recipe import LevelRecipe, Recipe

Batch = dict[str, Tensor]
LAST_IS_KEPT = "the last good checkpoint is kept, lower the learning rate or clip gradients, then start another run"
PICTURES = 4
"""Validation photos shown in TensorBoard: photo | network | camera."""


def mean_psnr(output: Tensor, target: Tensor) -> Tensor:
    """Mean over the batch of each picture's PSNR in dB; values clipped to [0, 1] first."""
    return peak_signal_noise_ratio(output.clamp(0, 1), target, data_range=1.0, dim=(1, 2, 3))


def even_part(pixels: Tensor) -> Tensor:
    """How many px of a sum over the whole batch each process divides by (`losses.places_terms`)."""
    return summed(pixels).clamp_min(1.0) / world_now()


class LevelTask(LightningModule):
    """One level's training. Batches are what `SpareDataset` and `CountedDataset` give, stacked.

    Every process has a share of each batch. What is logged, what stops training and what chooses the best weights is
    summed over all of them, so each decides the same.
    """

    def __init__(
        self,
        network: PyNET,
        loss: BokehLoss | None,
        recipe: Recipe,
        level: LevelRecipe,
        steps: int,
        stopping: Stopping | None = None,
    ) -> None:
        super().__init__()
        # Convolutions on channels_last are faster on CPUs and on tensor cores alike.
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.loss, self.recipe, self.level, self.steps = loss, recipe, level, steps
        self.lens = DrawnLens()
        self.stopping = stopping or Stopping()
        self.sums: dict[str, list[float]] = {}
        """Sum and weight of each figure of the validation at work."""

    def on_train_start(self) -> None:
        self.stopping.listen()  # Lightning has just taken the signal for itself.
        step = torch.tensor([self.global_step, self.global_step**2], dtype=torch.float64, device=self.device)
        total, squares = (summed(step) / world_now()).tolist()
        if squares != total**2:
            raise TrainingError(
                f"level {self.level.level}: processes found different checkpoints; the run's folder has to be one that "
                "all nodes share"
            )

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        photo = batch["photo"].contiguous(memory_format=torch.channels_last)
        output = self.network(photo)
        picture = self._picture(output, batch) if self.level.pictures or isinstance(output, Output) else None
        terms = self._terms(output, picture, batch)
        figures = {f"train/{name}": term for name, term in terms.items()}
        if picture is not None:
            with torch.no_grad():
                figures["train/psnr"] = mean_psnr(at_least_32(picture), batch["target"])
        self._agree(figures)
        return terms["total"]

    def _agree(self, figures: dict[str, Tensor]) -> None:
        """Log means over all processes; stop all of them where one has to."""
        asked = torch.tensor(float(self.stopping.asked), device=self.device)
        *means, asked = summed(torch.stack([*figures.values(), asked])) / world_now()
        if asked > 0:
            raise PreemptedError(
                f"level {self.level.level}: asked to stop (SIGTERM) at step {self.global_step}; the last checkpoint is "
                "kept, go on with --resume"
            )
        shown = dict(zip(figures, means, strict=True))
        if not torch.isfinite(shown["train/total"]):
            raise TrainingError(
                f"level {self.level.level}: the loss is no longer a number at step {self.global_step}; {LAST_IS_KEPT}"
            )
        self.log_dict(shown)

    def configure_gradient_clipping(
        self, optimizer: Optimizer, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clip by norm. Lightning's own refuses a fused optimizer beside autocast, for a gradient scaler's sake that
        bf16 does without."""
        if gradient_clip_val:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), gradient_clip_val)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        # These are the means over all processes already.
        slopes = [parameter.grad for parameter in self.network.parameters() if parameter.grad is not None]
        if not torch.isfinite(torch.nn.utils.get_total_norm(slopes)):
            raise TrainingError(
                f"level {self.level.level}: a gradient is no longer a number at step {self.global_step}; {LAST_IS_KEPT}"
            )

    def on_validation_epoch_start(self) -> None:
        self.sums = {name: [0.0, 0.0] for name in self._figures()}

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        photo = batch["photo"].contiguous(memory_format=torch.channels_last)
        output = self.network(photo)
        picture = self._picture(output, batch)
        identity = resize_to_level(photo[:, :3], self.level.level)
        if batch_index == 0:
            self._show(identity, picture, batch["target"])
        counted = batch["counted"] > 0
        pictures, target, size = at_least_32(picture[counted]), batch["target"][counted], int(counted.sum())
        if not size:
            return
        self._add("broken", torch.isfinite(picture[counted]).logical_not().any(), 1)
        self._add("val/psnr", mean_psnr(pictures, target), size)
        self._add("val/psnr_of_photo", mean_psnr(identity[counted], target), size)
        if isinstance(output, SceneMaps):
            places = SceneMaps(*(part[counted] for part in output))
            matte, relative, standing = (batch[name][counted] for name in ("matte", "relative", "standing"))
            found, weights = places_terms(places, matte, relative, standing), places_weights(matte, standing)
            self._add("val/matte", found["matte"], float(weights.matte.sum()))
            self._add("val/relative", found["relative"], float(weights.relative.sum().clamp_min(1.0)))
        elif output.sharp is not None and "sharp" in batch:
            self._add("val/sharp_mae", (output.sharp - batch["sharp"])[counted].abs().mean(), size)

    def _figures(self) -> list[str]:
        """What a validation measures; the same in every process, whatever pairs it has."""
        more = {"lens": ["val/matte", "val/relative"], "blend": ["val/sharp_mae"]}
        return ["broken", "val/psnr", "val/psnr_of_photo", *more.get(self.recipe.network.head, [])]

    def _add(self, name: str, mean: Tensor, weight: float) -> None:
        self.sums[name][0] += float(mean) * weight
        self.sums[name][1] += weight

    def on_validation_epoch_end(self) -> None:
        # On the processor where there is one process: not every accelerator knows 64 bits.
        device = self.device if world_now() > 1 else "cpu"
        sums = summed(torch.tensor(list(self.sums.values()), dtype=torch.float64, device=device)).tolist()
        means = {name: total / weight for name, (total, weight) in zip(self.sums, sums, strict=True) if weight > 0}
        if means.pop("broken") > 0:
            raise TrainingError(
                f"level {self.level.level}: the network gives values that are no numbers after step "
                f"{self.global_step}; {LAST_IS_KEPT}"
            )
        if "val/matte" in means:
            means["val/places"] = -means["val/matte"] - means["val/relative"]
        self.log_dict(means)

    def _picture(self, output: Output | SceneMaps, batch: Batch) -> Tensor:
        if isinstance(output, Output):
            return output.bokeh
        photo = resize_to_level(batch["photo"][:, :3], self.level.level)
        picture: Tensor = self.lens(photo, output, batch["blur"], batch["focus"])
        return picture

    def _terms(self, output: Output | SceneMaps, picture: Tensor | None, batch: Batch) -> dict[str, Tensor]:
        terms: dict[str, Tensor] = {}
        totals: list[Tensor] = []
        if self.loss is not None and picture is not None:
            sharp = output.sharp if isinstance(output, Output) else None
            terms |= self.loss(at_least_32(picture), batch["target"], sharp, batch.get("sharp"))
            totals.append(terms["total"])
        if isinstance(output, SceneMaps):
            found = places_terms(output, batch["matte"], batch["relative"], batch["standing"], even_part)
            weights = {"matte": self.level.matte, "relative": self.level.relative}
            totals += [weights[name] * term for name, term in found.items() if weights[name] > 0]
            terms |= found
        return terms | {"total": torch.stack(totals).sum()}

    def _show(self, *columns: Tensor) -> None:
        rows = torch.cat([column[:PICTURES].float().nan_to_num().clamp(0, 1) for column in columns], dim=3)
        for logger in self.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_images("val/photo_network_camera", rows, self.global_step)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW; a pretrained encoder learns at a share of the rest's rate. Cosine ends at a twentieth."""
        backbone = self.network.backbone
        encoder = list(backbone.parameters()) if backbone is not None else []
        known = {id(parameter) for parameter in encoder}
        rest = [parameter for parameter in self.network.parameters() if id(parameter) not in known]
        lr, decay = self.level.lr, self.recipe.weight_decay
        groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
        for rate, parameters in ((lr, rest), (lr * self.recipe.encoder_lr, encoder)):
            for parameter in parameters:
                if parameter.requires_grad:
                    groups.setdefault((rate, decay if parameter.ndim > 1 else 0.0), []).append(parameter)
        made = [{"params": found, "lr": rate, "weight_decay": least} for (rate, least), found in groups.items()]
        adam = torch.optim.AdamW(made, lr=lr, fused=True)

        def share(step: int) -> float:
            if self.recipe.schedule == "constant":
                return 1.0
            return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))

        schedule = torch.optim.lr_scheduler.LambdaLR(adam, share)
        return {"optimizer": adam, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
