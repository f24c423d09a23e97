"""The training loop: one for every objective, on one processor or many accelerators."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.arrays import Float32, Intp
from beautylens.errors import EncoderError, ImageError
from beautylens.images.ahead import ahead, batches
from beautylens.optional import extra
from beautylens.threads import cores
from beautylens.train import checkpoint
from beautylens.train.checkpoint import Progress
from beautylens.train.objective import Item, Objective
from beautylens.train.settings import TrainSettings
from beautylens.train.sources import Source
from beautylens.train.validate import Validation

with extra("train"):
    import torch
    from accelerate import Accelerator
    from accelerate.utils import broadcast_object_list
    from torch import Tensor, nn
    from torch.optim.swa_utils import AveragedModel
    from torch.utils.data import default_collate

# Told the steps done, the steps in all, and the newest figures.
Report = Callable[[int, int, Mapping[str, float]], None]
# Told the figures of an epoch.
Tell = Callable[[Mapping[str, float]], None]
# Between two checkpoints within an epoch.
CHECKPOINT_SECONDS = 300.0
# Batches that are loaded while the network learns from one.
AHEAD = 3


class Loop:
    """Trains a network by an objective; killed, it goes on from its last checkpoint.

    Chance is drawn anew for each item of each epoch from the seed, so that a training that was
    interrupted ends as one that was not.

    Args:
        network: what is trained; returns vectors and maps.
        objective: what it learns.
        settings: how.
        folder: where checkpoints are kept, made if need be.
        validation: measured after each epoch, where there is one.
        about: what must be the same when a training goes on, as JSON values.
        report: told of every step.
        tell: told of every epoch; of the start as epoch 0.
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        settings: TrainSettings,
        folder: Path,
        *,
        validation: Validation | None = None,
        about: Mapping[str, Any] | None = None,
        report: Report = lambda done, total, figures: None,
        tell: Tell = lambda row: None,
    ) -> None:
        self._objective = objective
        self._settings = settings
        self._folder = folder
        self._validation = validation
        self._report = report
        self._tell = tell
        self._about = dict(about or {}) | settings.model_dump()
        self._accelerator = Accelerator(mixed_precision=settings.precision)
        device = self._accelerator.device
        self._averaged = AveragedModel(network.to(device), multi_avg_fn=_warm_average(settings.ema))
        self._best = AveragedModel(network)
        objective.extras.to(device)
        self._plain = network
        self.is_main = self._accelerator.is_main_process
        """Whether this process writes what all have learnt."""
        self.rows: list[dict[str, float]] = []
        """The curves, one row an epoch; the first is the start's."""
        self._network, self._optimiser = self._accelerator.prepare(
            network, _optimiser(network, objective.extras, settings)
        )

    def run(self) -> nn.Module:
        """Train, and return the network with the averaged weights that were best, or last."""
        self._folder.mkdir(parents=True, exist_ok=True)
        progress = checkpoint.restore(self._folder, self._modules(), self._optimiser, self._about)
        # Nobody writes before all have read.
        self._accelerator.wait_for_everyone()
        if progress is None:
            progress = Progress()
            self._close_epoch(progress, {}, 0.0)
        elif self._accelerator.scaler is not None and progress.scaler:
            self._accelerator.scaler.load_state_dict(progress.scaler)
        while progress.epoch < self._settings.epochs and not self._is_late(progress):
            self._run_epoch(progress)
        self.rows = progress.rows
        chosen = self._best if self._validation is not None else self._averaged
        return chosen.module

    def _run_epoch(self, progress: Progress) -> None:
        settings = self._settings
        accelerator = self._accelerator
        start = saved = time.monotonic()
        if progress.step == 0:
            self._objective.begin(self._describe(self._network))
            self._save(progress)  # with what it prepared, such as a memory bank
        steps = self._steps(progress.epoch)
        total = len(steps) * settings.epochs
        for batch in self._loaded(progress, steps):
            step = progress.epoch * len(steps) + progress.step
            rate = settings.rate_at(step, total)
            for group in self._optimiser.param_groups:
                group["lr"] = group["initial"] * rate
            terms = self._objective.loss(self._network, batch)
            loss = torch.stack(list(terms.values())).sum()
            if not torch.isfinite(loss):
                raise EncoderError(
                    f"the loss is no number any more at step {step + 1} of {total}: the training "
                    "runs away; try a tenth of the rate"
                )
            accelerator.backward(loss)
            _average_gradients(self._objective.extras)
            self._optimiser.step()
            self._optimiser.zero_grad()
            self._averaged.update_parameters(self._plain)
            self._objective.stepped()
            progress.step += 1
            for name, term in terms.items():
                progress.terms[name] = progress.terms.get(name, 0.0) + float(term.detach())
            means = {name: value / progress.step for name, value in progress.terms.items()}
            self._report(step + 1, total, means)
            if time.monotonic() - saved >= CHECKPOINT_SECONDS and progress.step < len(steps):
                self._save(progress)
                saved = time.monotonic()
        means = {name: value / len(steps) for name, value in progress.terms.items()}
        progress.epoch = progress.epoch + 1
        progress.step = 0
        progress.terms = {}
        self._close_epoch(
            progress, means | {"rate": settings.rate * rate}, time.monotonic() - start
        )

    def _close_epoch(self, progress: Progress, means: Mapping[str, float], seconds: float) -> None:
        """Measure, remember the best, and write a checkpoint."""
        row = {"epoch": float(progress.epoch), **means, "seconds": round(seconds, 1)}
        if self._validation is not None:
            # The first process's, in all: they must stop together.
            measured = [self._validation(self._describe(self._averaged.module))]
            (row["map7"],) = broadcast_object_list(measured)
            progress.since += 1
            if row["map7"] > progress.best:
                progress.best = row["map7"]
                progress.since = 0
                self._best.load_state_dict(self._averaged.state_dict())
        progress.rows.append(row)
        self._save(progress)
        if self.is_main:
            self._tell(row)

    def _is_late(self, progress: Progress) -> bool:
        return self._validation is not None and progress.since >= self._settings.patience

    def _steps(self, epoch: int) -> list[Intp]:
        """Return the items of each batch of an epoch, of this process; a short last one is left."""
        settings = self._settings
        order = np.random.default_rng((settings.seed, epoch)).permutation(len(self._objective))
        processes = self._accelerator.num_processes
        size = min(settings.batch, len(order)) // processes * processes
        if size // processes == 0 or size < 2:
            raise EncoderError(
                f"{len(order)} items are too few to learn from; give at least {2 * processes}"
            )
        whole = order[: len(order) // size * size].reshape(-1, size)
        return list(whole[:, self._accelerator.process_index :: processes])

    def _loaded(self, progress: Progress, steps: list[Intp]) -> Iterator[dict[str, Tensor]]:
        settings = self._settings
        device = self._accelerator.device

        def load(item: int) -> Item:
            for other in range(len(self._objective)):
                place = (item + other) % len(self._objective)
                rng = np.random.default_rng((settings.seed, progress.epoch, place))
                # A picture that has gone since it was looked at: the next in its place.
                with suppress(ImageError):
                    return self._objective.load(place, rng)
            raise ImageError("no picture can be read any more; are their disks still there?")

        rest = steps[progress.step :]
        items = [item for batch in rest for item in batch.tolist()]
        loaded = ahead(cores(), load, items, AHEAD * settings.batch)
        for several in batches(loaded, len(rest[0])):
            batch = default_collate(several)
            yield {name: values.to(device) for name, values in batch.items()}

    def _describe(self, network: nn.Module) -> Callable[[Source], Float32]:
        device = self._accelerator.device
        size = self._settings.batch

        def describe(source: Source) -> Float32:
            pictures = ahead(cores(), source.plain, range(len(source)), AHEAD * size)
            with torch.no_grad():
                rows = [
                    network(default_collate(several).to(device))[0].float().cpu().numpy()
                    for several in batches(pictures, size)
                ]
            return np.concatenate(rows)

        return describe

    def _modules(self) -> dict[str, nn.Module]:
        return {
            "network": self._plain,
            "averaged": self._averaged,
            "best": self._best,
            "extras": self._objective.extras,
        }

    def _save(self, progress: Progress) -> None:
        if not self.is_main:
            return
        if self._accelerator.scaler is not None:
            progress.scaler = dict(self._accelerator.scaler.state_dict())
        checkpoint.save(self._folder, progress, self._modules(), self._optimiser, self._about)


def _optimiser(
    network: nn.Module, extras: nn.Module, settings: TrainSettings
) -> torch.optim.Optimizer:
    head = [*network.head.parameters(), *extras.parameters()]
    late = {id(parameter) for parameter in head}
    trunk = [parameter for parameter in network.parameters() if id(parameter) not in late]
    groups: list[dict[str, Any]] = [
        {"params": trunk, "initial": settings.rate},
        {"params": head, "initial": settings.rate * settings.head},
    ]
    groups = [group for group in groups if group["params"]]
    if settings.optimiser == "sgd":
        return torch.optim.SGD(
            groups, lr=settings.rate, momentum=0.9, weight_decay=settings.weight_decay
        )
    return torch.optim.AdamW(groups, lr=settings.rate, weight_decay=settings.weight_decay)


def _warm_average(decay: float) -> Callable[[Any, Any, Any], None]:
    """Return an average whose decay grows to its full value, so that it soon leaves the start."""

    def average(averaged: list[Tensor], current: list[Tensor], seen: Tensor | int) -> None:
        count = float(seen)
        share = min(decay, (1 + count) / (10 + count))
        torch._foreach_lerp_(averaged, current, 1 - share)

    return average


def _average_gradients(extras: nn.Module) -> None:
    """Give what lies beside the network the mean gradient of all processes."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return
    for parameter in extras.parameters():
        if parameter.grad is not None:
            torch.distributed.all_reduce(parameter.grad)
            parameter.grad /= torch.distributed.get_world_size()
