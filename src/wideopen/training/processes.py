"""Training by several processes: how many, which one this is, and what they have to tell one another.

Lightning starts them (`--devices 2`) or finds them started (torchrun, SLURM's srun); each goes through the same code
with a share of every batch. A recipe's batch is that of all of them together.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from lightning import Trainer
from lightning.fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from lightning.pytorch.strategies import DDPStrategy, Strategy
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from torch import Tensor, distributed

from wideopen.errors import RecipeError, TrainingError
from wideopen.training.recipe import LevelRecipe


@dataclass(frozen=True)
class Processes:
    """The processes of a run: one for each device of each node."""

    devices: int = 1
    """On each node."""
    nodes: int = 1
    strategy: str = "auto"
    """Name of a Lightning strategy; `auto` is plain DDP for more than one process."""

    @property
    def world(self) -> int:
        """How many processes there are."""
        return self.devices * self.nodes


def launched(
    devices: int | None = None,
    nodes: int | None = None,
    strategy: str = "auto",
    environment: Mapping[str, str] = os.environ,
) -> Processes:
    """The processes asked for; what is None is what torchrun or srun started, or 1.

    Raises RecipeError if more or fewer are asked for than were started.
    """
    started = _started(environment)
    _, each, of = started or ("", 1, 1)
    found = Processes(devices or each, nodes or of, strategy)
    if started and (found.devices, found.nodes) != started[1:]:
        raise RecipeError(
            f"{started[0]} started {started[1]} processes on each of {started[2]} nodes, but --devices {found.devices} "
            f"--nodes {found.nodes} asks for others; leave both options away"
        )
    return found


def _started(environment: Mapping[str, str]) -> tuple[str, int, int] | None:
    """(what started this process, processes on a node, nodes); None if nothing did."""
    if TorchElasticEnvironment.detect():
        local, world = int(environment["LOCAL_WORLD_SIZE"]), int(environment["WORLD_SIZE"])
        return "torchrun", local, world // local
    if SLURMEnvironment.detect():
        nodes = int(environment.get("SLURM_NNODES", 1))
        return "srun", int(environment["SLURM_NTASKS"]) // nodes, nodes
    return None


def check_batches(levels: Iterable[LevelRecipe], world: int) -> None:
    """RecipeError if a level's batch cannot be dealt out evenly."""
    for level in levels:
        if level.batch % world:
            raise RecipeError(
                f"level {level.level}: a batch of {level.batch} cannot be shared evenly by {world} processes; take "
                f"{_divisors(level.batch)} processes, or another batch in the recipe"
            )


def _divisors(number: int) -> str:
    fitting = [str(d) for d in range(1, number + 1) if number % d == 0]
    return f"{', '.join(fitting[:-1])} or {fitting[-1]}" if len(fitting) > 1 else fitting[0]


def make_trainer(processes: Processes, **options: Any) -> Trainer:
    """Lightning's trainer over these processes; TrainingError, one line, if it cannot be had here."""
    plugins = list(options.pop("plugins", []))
    if SLURMEnvironment.detect():
        # Its own way to requeue keeps a checkpoint of its own, which no level would look for.
        plugins.append(SLURMEnvironment(auto_requeue=False))
    strategy: str | Strategy = processes.strategy
    if strategy == "auto" and processes.world > 1:
        # No buffer changes in training: batch norms keep ImageNet's statistics.
        strategy = DDPStrategy(broadcast_buffers=False)
    try:
        return Trainer(
            accelerator="auto",
            devices=processes.devices,
            num_nodes=processes.nodes,
            strategy=strategy,
            plugins=plugins,
            use_distributed_sampler=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            **options,
        )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        raise TrainingError(f"this machine cannot train so: {' '.join(str(error).split())}") from error


def own_rank(processes: Processes) -> int:
    """Number of this process, 0 for the one that writes and speaks."""
    return make_trainer(processes, logger=False, enable_checkpointing=False).global_rank


def among_others() -> bool:
    """Whether this process is one of several that are connected."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def summed(values: Tensor) -> Tensor:
    """Sum of a tensor over all processes; itself, if there is only one. Every process has to call it."""
    values = values.detach()
    if among_others():
        values = values.clone()
        distributed.all_reduce(values)
    return values


def world_now() -> int:
    """How many processes are connected."""
    return distributed.get_world_size() if among_others() else 1


def is_loss_of_another(error: BaseException) -> bool:
    """Whether an error says that the connection to another process broke."""
    words = ("gloo", "Connection", "NCCL", "Socket", "Broken pipe", "TCPStore")
    return isinstance(error, torch.distributed.DistError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    )
