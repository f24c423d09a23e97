"""Checkpoints of a training run: complete state, so that a resumed run gives the same result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from beautylens.errors import EncoderError
from beautylens.runtime.extras import extra

with extra("train"):
    import torch
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import save_file
    from torch import Tensor, nn

FILE = "checkpoint.safetensors"


@dataclass(slots=True)
class Progress:
    """Progress of a training run.

    `step` counts within the epoch. `rows` are those of the curves; `best` is the highest mAP@7 and
    `since` the epochs since then. `terms` are the sums of the loss terms of the epoch so far, and
    `scaler` is the state of the gradient scaler for half precision.
    """

    epoch: int = 0
    step: int = 0
    best: float = -1.0
    since: int = 0
    terms: dict[str, float] = field(default_factory=dict)
    rows: list[dict[str, float]] = field(default_factory=list)
    scaler: dict[str, float] = field(default_factory=dict)


def save(
    folder: Path,
    progress: Progress,
    modules: Mapping[str, nn.Module],
    optimiser: torch.optim.Optimizer,
    about: Mapping[str, Any],
) -> None:
    """Replace the checkpoint atomically.

    Args:
        folder: of the training run.
        progress: of the run.
        modules: by name.
        optimiser: of the run.
        about: JSON values that must be equal when the run is resumed.
    """
    tensors = {
        f"{name}.{key}": value.detach().cpu().contiguous().clone()
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    for index, state in optimiser.state_dict()["state"].items():
        for key, value in state.items():
            if torch.is_tensor(value):
                tensors[f"optimiser.{index}.{key}"] = value.detach().cpu().contiguous().clone()
    header = {"progress": json.dumps(asdict(progress)), "about": json.dumps(about, sort_keys=True)}
    temporary = folder / f"{FILE}.part"
    save_file(tensors, temporary, header)
    temporary.replace(folder / FILE)


def remove(folder: Path) -> None:
    """Remove a checkpoint."""
    for name in (FILE, f"{FILE}.part"):
        (folder / name).unlink(missing_ok=True)


def restore(
    folder: Path,
    modules: Mapping[str, nn.Module],
    optimiser: torch.optim.Optimizer,
    about: Mapping[str, Any],
) -> Progress | None:
    """Load a checkpoint into modules and optimiser and return its progress; None without one.

    One of other settings is left alone if its training had not made a step.

    Raises:
        EncoderError: when the checkpoint is damaged, or of another training run.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (no dict)
        progress = Progress(**json.loads(header["progress"]))
        before = json.loads(header["about"])
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise EncoderError(f"{path}: damaged ({error}); remove {folder} to start again") from error
    differs = [key for key in (*about, *before) if about.get(key) != before.get(key)]
    if differs and (progress.epoch, progress.step) == (0, 0):
        # Nothing was learnt: a run that failed at its start must not block the corrected one.
        return None
    if differs:
        raise EncoderError(
            f"{folder} has a training run with another {differs[0]} "
            f"({before.get(differs[0])}, not {about.get(differs[0])}); "
            "give the same arguments to resume it, or remove the folder to start again"
        )
    try:
        for name, module in modules.items():
            _fill(module, _part(tensors, name))
        optimiser.load_state_dict(_optimiser_state(optimiser, _part(tensors, "optimiser")))
    except (RuntimeError, ValueError) as error:
        raise EncoderError(
            f"{folder} has a training run of another network; remove it to start again"
        ) from error
    return progress


def _part(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    start = f"{name}."
    return {key.removeprefix(start): t for key, t in tensors.items() if key.startswith(start)}


def _fill(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    known = module.state_dict()
    for key in tensors.keys() - known.keys():
        # A memory bank is created when the first epoch begins.
        module.register_buffer(key, tensors[key])
    module.load_state_dict(dict(tensors))


def _optimiser_state(
    optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> dict[str, Any]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = value
    return {"state": state, "param_groups": optimiser.state_dict()["param_groups"]}
