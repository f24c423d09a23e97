"""The training loop of all objectives, on one CPU or several accelerators."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.arrays import Float32, Intp
from beautylens.errors import EncoderError, ImageError
from beautylens.runtime.extras import extra
from beautylens.runtime.prefetch import batches, prefetch
from beautylens.runtime.threads import cores
from beautylens.train import checkpoint
from beautylens.train.checkpoint import Progress
from beautylens.train.launcher import refuse_contradictions
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

# Called with the steps done, the total number of steps, and the means of the loss terms.
Report = Callable[[int, int, Mapping[str, float]], None]
# Called with the figures of an epoch.
ReportEpoch = Callable[[Mapping[str, float]], None]
# Seconds between two checkpoints within an epoch.
CHECKPOINT_SECONDS = 300.0
# Mean cosine from which all descriptors count as the same.
SAME_DESCRIPTOR = 0.999
# Batches that are loaded in advance.
AHEAD = 3


class Loop:
    """Trains a network on an objective; a killed run resumes from its last checkpoint.

    Each item of each epoch has a random generator of its own, seeded by item and epoch, so that a
    resumed run gives the same result as an uninterrupted one.

    Args:
        network: network to train; returns vectors and maps.
        objective: items and loss.
        settings: of the training.
        folder: folder of the checkpoints, created if needed.
        validation: measured after each epoch; None for none.
        watched: pictures whose descriptors must stay different from each other.
        about: JSON values that must be equal when a run is resumed.
        report: called after each step.
        report_epoch: called after each epoch, and for the start as epoch 0.
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        settings: TrainSettings,
        folder: Path,
        *,
        validation: Validation | None = None,
        watched: Source | None = None,
        about: Mapping[str, Any] | None = None,
        report: Report = lambda done, total, figures: None,
        report_epoch: ReportEpoch = lambda row: None,
    ) -> None:
        self._objective = objective
        self._settings = settings
        self._folder = folder
        self._validation = validation
        self._watched = watched
        self._report = report
        self._report_epoch = report_epoch
        self._about = dict(about or {}) | settings.model_dump()
        refuse_contradictions(settings)
        self._accelerator = Accelerator(mixed_precision=settings.precision)
        device = self._accelerator.device
        self._averaged = AveragedModel(network.to(device), multi_avg_fn=_warm_average(settings.ema))
        self._best = AveragedModel(network)
        objective.extras.to(device)
        self._plain = network
        # Whether this process writes the result.
        self.is_main = self._accelerator.is_main_process
        # One row for each epoch; the first is that of the start.
        self.rows: list[dict[str, float]] = []
        self._network, self._optimiser = self._accelerator.prepare(
            network, _optimiser(network, objective.extras, settings)
        )

    def run(self) -> nn.Module:
        """Train, and return the network with the best averaged weights, or the last ones."""
        self._folder.mkdir(parents=True, exist_ok=True)
        progress = checkpoint.restore(self._folder, self._modules(), self._optimiser, self._about)
        # No process writes before all have read.
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
            self._save(progress)  # includes buffers that `begin` created, such as a memory bank
        steps = self._steps(progress.epoch)
        total = len(steps) * settings.epochs
        self._network.train()
        for batch in self._loaded(progress, steps):
            step = progress.epoch * len(steps) + progress.step
            rate = settings.rate_at(step, total)
            for group in self._optimiser.param_groups:
                group["lr"] = group["initial"] * rate
            terms = self._objective.loss(self._network, batch)
            loss = torch.stack(list(terms.values())).sum()
            if not torch.isfinite(loss):
                raise self._diverged(f"the loss is not finite at step {step + 1} of {total}:")
            accelerator.backward(loss)
            _average_gradients(self._objective.extras)
            self._optimiser.step()
            self._optimiser.zero_grad()
            self._averaged.update_parameters(self._plain)
            self._objective.after_step()
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
        """Validate, keep the best weights, and write a checkpoint."""
        row = {"epoch": float(progress.epoch), **means, "seconds": round(seconds, 1)}
        if self._watched is not None and progress.epoch:
            self._check_variety(self._watched, progress.epoch)
        if self._validation is not None:
            # All processes use the first one's value: they must stop at the same epoch.
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
            self._report_epoch(row)

    def _check_variety(self, pictures: Source, epoch: int) -> None:
        """Raise if the descriptors of all pictures are the same."""
        vectors = self._describe(self._averaged.module)(pictures)
        others = ~np.eye(len(vectors), dtype=bool)
        if len(vectors) < 2 or (vectors @ vectors.T)[others].mean() < SAME_DESCRIPTOR:
            return
        raise self._diverged(
            f"after epoch {epoch} all pictures have the same descriptor: they show the same, or"
        )

    def _diverged(self, found: str) -> EncoderError:
        """Return the error of a training that diverges, whose checkpoint is of no use."""
        if self.is_main:
            checkpoint.remove(self._folder)
            with suppress(OSError):
                self._folder.rmdir()
        return EncoderError(f"{found} training diverges; try a tenth of the rate")

    def _is_late(self, progress: Progress) -> bool:
        return self._validation is not None and progress.since >= self._settings.patience

    def _steps(self, epoch: int) -> list[Intp]:
        """Return this process's items of each batch of an epoch, without an incomplete last one."""
        settings = self._settings
        order = np.random.default_rng((settings.seed, epoch)).permutation(len(self._objective))
        processes = self._accelerator.num_processes
        size = min(settings.batch, len(order)) // processes * processes
        if size // processes == 0 or size < 2:
            raise EncoderError(
                f"{len(order)} items are too few to train on; give at least {2 * processes}"
            )
        whole = order[: len(order) // size * size].reshape(-1, size)
        return list(whole[:, self._accelerator.process_index :: processes])

    def _loaded(self, progress: Progress, steps: list[Intp]) -> Iterator[dict[str, Tensor]]:
        settings = self._settings
        device = self._accelerator.device

        def load(item: int) -> Item:
            for offset in range(len(self._objective)):
                index = (item + offset) % len(self._objective)
                rng = np.random.default_rng((settings.seed, progress.epoch, index))
                # An unreadable picture is replaced by the next one.
                with suppress(ImageError):
                    return self._objective.load(index, rng)
            raise ImageError("none of the pictures can be read any more; check their disk")

        rest = steps[progress.step :]
        items = [item for batch in rest for item in batch.tolist()]
        loaded = prefetch(cores(), load, items, AHEAD * settings.batch)
        for loaded_items in batches(loaded, len(rest[0])):
            batch = default_collate(loaded_items)
            yield {name: values.to(device) for name, values in batch.items()}

    def _describe(self, network: nn.Module) -> Callable[[Source], Float32]:
        device = self._accelerator.device
        size = self._settings.batch

        def describe(source: Source) -> Float32:
            network.eval()
            pictures = prefetch(cores(), source.plain, range(len(source)), AHEAD * size)
            with torch.no_grad():
                rows = [
                    network(default_collate(loaded_items).to(device))[0].float().cpu().numpy()
                    for loaded_items in batches(pictures, size)
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
    """Return an exponential moving average whose decay warms up to its full value."""

    def average(averaged: list[Tensor], current: list[Tensor], seen: Tensor | int) -> None:
        count = float(seen)
        share = min(decay, (1 + count) / (10 + count))
        torch._foreach_lerp_(averaged, current, 1 - share)

    return average


def _average_gradients(extras: nn.Module) -> None:
    """Average the gradients of modules outside the network over all processes."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return
    for parameter in extras.parameters():
        if parameter.grad is not None:
            torch.distributed.all_reduce(parameter.grad)
            parameter.grad /= torch.distributed.get_world_size()
