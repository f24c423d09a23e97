"""Removal of layers behind a network's last maps, as published programs leave some out."""

# Without the extra, mypy knows nothing of PyTorch's Module:
# mypy: allow-subclassing-any

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from beautylens.errors import EncoderError
from beautylens.runtime.extras import extra

with extra("train"):
    import torch
    from torch import nn


def _is_activation(layer: nn.Module) -> bool:
    kinds = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.GELU, nn.Hardswish, nn.LeakyReLU, nn.ELU, nn.PReLU)
    return isinstance(layer, kinds) or ".activations" in type(layer).__module__


def _is_pool(layer: nn.Module) -> bool:
    return isinstance(layer, nn.MaxPool2d | nn.AvgPool2d)


# Layers that can be left out, by name.
LAYERS: Mapping[str, Callable[[nn.Module], bool]] = {
    "activation": _is_activation,
    "pool": _is_pool,
}


def check_layers(names: Sequence[str]) -> None:
    """Refuse names that are not in `LAYERS`.

    Raises:
        EncoderError: with the right names.
    """
    for name in names:
        if name not in LAYERS:
            raise EncoderError(f"--without {name}: give one of {', '.join(LAYERS)}")


def remove_last(trunk: nn.Module, name: str, side: int, where: str) -> int:
    """Remove a trunk's last layer of a kind, whose output is the maps themselves.

    Args:
        trunk: maps pictures to a tuple whose first entry is the maps.
        name: in `LAYERS`.
        side: input side in pixels.
        where: the network, for messages.

    Returns:
        How many times more cells the maps have along an axis: the stride of a pooling, else 1.

    Raises:
        EncoderError: when the last layer is none of that kind, or is used in other positions too.
    """
    layers = {label: layer for label, layer in trunk.named_modules() if LAYERS[name](layer)}
    maps, outputs = _watched(trunk, layers, side)
    last = [label for label, seen in outputs.items() if seen[-1].data_ptr() == maps.data_ptr()]
    if not last:
        raise EncoderError(f"'{where}' has no {name} behind its last maps; leave out --without")
    label = last[-1]
    if len(outputs[label]) > 1:
        raise EncoderError(
            f"'{where}' uses the {name} behind its last maps in other positions too; leave out "
            "--without"
        )
    layer = layers[label]
    parent, _, attribute = label.rpartition(".")
    setattr(trunk.get_submodule(parent), attribute, nn.Identity())
    step = getattr(layer, "stride", 1)
    return int(step if isinstance(step, int) else step[0])


def _watched(
    trunk: nn.Module, layers: Mapping[str, nn.Module], side: int
) -> tuple[torch.Tensor, Mapping[str, Sequence[torch.Tensor]]]:
    """Return a trunk's maps, and all outputs of each layer that was used for them."""
    outputs: dict[str, list[torch.Tensor]] = {}

    def watch(label: str, layer: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def keep(_layer: nn.Module, _inputs: object, output: torch.Tensor) -> None:
            outputs.setdefault(label, []).append(output)

        return layer.register_forward_hook(keep)

    handles = [watch(label, layer) for label, layer in layers.items()]
    try:
        with torch.no_grad():
            return trunk(torch.zeros(1, 3, side, side))[0], outputs
    finally:
        for handle in handles:
            handle.remove()
