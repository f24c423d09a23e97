"""Weights of PyTorch networks: read without unpickling code, loaded strictly, or random.

Needs the extra `train`.
"""

from __future__ import annotations

import inspect
import pickle
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from beautylens.errors import EncoderError
from beautylens.runtime.extras import extra

with extra("train"):
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from torch import nn

State = Mapping[str, torch.Tensor]
WRAPPERS = ("state_dict", "model", "model_state_dict")
# Layers behind the last maps: classifiers, and the pooling and whitening of retrieval networks.
HEADS = ("fc", "head", "head_dist", "classifier", "last_linear", "pre_logits", "pool", "whiten")


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a .safetensors, .pth or .pt file by name.

    A `state_dict` wrapper and a prefix `module.` of all names are removed.

    Raises:
        EncoderError: when the file is missing, has no tensors, or contains code.
    """
    if not path.is_file():
        raise EncoderError(f"{path}: the file of weights does not exist")
    content = _read_tensors(path)
    for key in WRAPPERS:
        if isinstance(content.get(key), Mapping):
            content = content[key]
    state = {str(key): value for key, value in content.items() if torch.is_tensor(value)}
    if not state:
        raise EncoderError(f"{path}: has no tensors; save the network's state_dict")
    while all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state


def fill_weights(trunk: nn.Module, state: State, where: str, side: int) -> None:
    """Load weights into a trunk's network, without a classifier.

    Args:
        trunk: holds the network as its attribute `network`.
        state: tensors by name.
        where: the file and network, for messages.
        side: input side in pixels, to find the tensors that the maps depend on.

    Raises:
        EncoderError: when a tensor is missing, has another shape, or is unknown.
    """
    network = trunk.network
    wanted = network.state_dict()
    if _misfits(state, wanted):
        state = _converted(state, network)
    wrong = [key for key in state if key in wanted and state[key].shape != wanted[key].shape]
    if wrong:
        have, want = (tuple(rows[wrong[0]].shape) for rows in (state, wanted))
        raise EncoderError(
            f"{where}: {wrong[0]} has the shape {have}, not {want}; is it another network's file?"
        )
    absent = wanted.keys() - state.keys()
    missing = sorted(absent & _tensors_in_use(trunk, side)) if absent else []
    if missing:
        raise EncoderError(f"{where}: the weights lack {_some(missing)}; give a complete file")
    strange = [key for key in state if key not in wanted and key.split(".")[0] not in HEADS]
    if strange:
        raise EncoderError(
            f"{where}: the network has no tensors {_some(strange)}; is it another network's file?"
        )
    network.load_state_dict({key: state[key] for key in wanted.keys() & state.keys()}, strict=False)


def draw_weights(trunk: nn.Module, seed: int, side: int) -> None:
    """Set random weights under which every layer affects the output, for tests.

    Default initialisation scales residual branches by zero, which would hide errors there. Batch
    norms take half of their statistics from noise: with all of them, deep networks are chaotic and
    even PyTorch in float32 and float64 disagrees.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, weights in trunk.named_parameters():
        noise = torch.randn(weights.shape, generator=generator)
        if weights.ndim > 1 and weights.std() > 0:
            weights.data = noise * weights.std().detach()
        elif name.endswith("bias"):
            weights.data = noise / 10
        else:
            weights.data = torch.rand(weights.shape, generator=generator) + 0.5
    norms = [part for part in trunk.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = 0.5
        norm.train()
    if norms:
        trunk(torch.randn(2, 3, side, side, generator=generator))
        trunk.eval()


def _read_tensors(path: Path) -> Any:
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except SafetensorError as error:
            raise EncoderError(f"{path}: not a safetensors file ({error})") from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
        raise EncoderError(
            f"{path}: not a file of tensors only; save the network's state_dict as .safetensors"
        ) from error
    return content if isinstance(content, Mapping) else {}


def _misfits(state: State, wanted: State) -> bool:
    return any(key not in state or state[key].shape != wanted[key].shape for key in wanted)


def _converted(state: State, network: nn.Module) -> State:
    """Return weights under timm's names and shapes, by timm's converter if the network has one.

    Converters also resize the position embeddings of a transformer to its input size.
    """
    module = sys.modules[type(network).__module__]
    convert = getattr(module, "checkpoint_filter_fn", None)
    if convert is None:
        return state
    arguments = (dict(state), network)[: len(inspect.signature(convert).parameters)]
    try:
        converted: State = convert(*arguments)
    except (KeyError, AttributeError, RuntimeError, AssertionError):
        return state  # another format: the checks that follow report it
    return converted


def _tensors_in_use(trunk: nn.Module, side: int) -> set[str]:
    """Return the names of the tensors that the network's maps depend on."""
    named = dict(trunk.network.named_parameters())
    with torch.enable_grad():
        total = sum(output.sum() for output in trunk(torch.zeros(1, 3, side, side)))
    gradients = torch.autograd.grad(total, list(named.values()), allow_unused=True)
    used = {name for name, slope in zip(named, gradients, strict=True) if slope is not None}
    owners = {name.rpartition(".")[0] for name in used}
    statistics = {
        name
        for name, _ in trunk.network.named_buffers()
        if name.rpartition(".")[0] in owners and name.endswith(("running_mean", "running_var"))
    }
    return used | statistics


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    others = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return ", ".join(listed[:3]) + others
