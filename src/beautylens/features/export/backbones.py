"""Networks of the timm library without their classifier (extra `train`)."""

# Without the extra, mypy knows nothing of PyTorch's Module:
# mypy: allow-subclassing-any

from __future__ import annotations

import difflib
import importlib
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from beautylens.errors import EncoderError
from beautylens.features.export.checkpoints import draw_weights, fill_weights, read_checkpoint
from beautylens.features.export.last_layers import check_layers, remove_last
from beautylens.runtime.extras import extra

with extra("train"):
    import torch
    from torch import nn

Channels = tuple[float, float, float]
_SCHEMAS: list[Any] = []


@cache
def import_timm() -> ModuleType:
    """Import timm, even if torchvision's compiled operators do not load.

    A torchvision of another build of PyTorch fails on import for two operators whose schemas its
    own library would register. They are not called here: registering the schemas is enough.
    """
    try:
        importlib.import_module("torchvision")
    except ImportError:
        pass  # the import of timm below says what is missing
    except RuntimeError:
        schemas = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            schemas.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _SCHEMAS.append(schemas)  # the schemas live as long as the object
    # An unreachable hub is reported once, by us, and not at every retry.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    with extra("train"):
        return importlib.import_module("timm")


class Trunk(nn.Module):
    """A network up to its last feature maps.

    A transformer's maps are its patch tokens, arranged as a grid; its class token, if it has one,
    is a second output. Other prefix tokens are dropped.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.has_token = getattr(network, "cls_token", None) is not None
        self.prefix = getattr(network, "num_prefix_tokens", int(self.has_token))
        self.channels_last = getattr(network, "output_fmt", "") == "NHWC"

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the maps (N, C, h, w) and, if there is one, the class token (N, C)."""
        features = self.network.forward_features(image)
        if features.ndim == 4:
            return (features.permute(0, 3, 1, 2) if self.channels_last else features,)
        patches = features[:, self.prefix :]
        side = math.isqrt(patches.shape[1])
        maps = patches.transpose(1, 2).unflatten(2, (side, side))
        return (maps, features[:, 0]) if self.has_token else (maps,)


@dataclass(frozen=True, slots=True)
class Backbone:
    """A trunk with its preprocessing: `mean` and `std` on the 0..255 scale, `side` in pixels."""

    name: str
    trunk: nn.Module
    mean: Channels
    std: Channels
    side: int
    stride: int
    fixed_side: bool
    licence: str
    classifier: nn.Module | None = None


def build_backbone(
    name: str,
    *,
    side: int | None = None,
    weights: Path | None = None,
    seed: int | None = None,
    classes: bool = False,
    without: Sequence[str] = (),
) -> Backbone:
    """Return a timm network with its weights, ready to be exported.

    Args:
        name: name in timm, with or without the tag of its weights: `resnet101.tv_in1k`.
        side: input side in pixels; by default timm's, rounded up to a multiple of the stride.
        weights: a .safetensors, .pth or .pt file; by default downloaded from the hub.
        seed: of random weights, in place of trained ones.
        classes: whether to keep the classifier, beside the trunk.
        without: last layers to leave out, names in `last_layers.LAYERS`: the DenseNets of 2019 and
            2020 lack their last activation, the VGG16 of 2018 its last pooling.

    Raises:
        EncoderError: when the network is unknown, its weights cannot be downloaded or do not fit,
            or it has no feature maps or no such last layer.
    """
    check_layers(without)
    state = None if weights is None else read_checkpoint(weights)
    config = _find_config(name)
    pretrained = weights is None and seed is None
    network = _create(name, config, side, pretrained=pretrained, classes=classes)
    stride = _stride(network)
    side = side or -(-config.input_size[-1] // stride) * stride
    trunk = Trunk(network).eval()
    _check_maps(trunk, name, side, stride)
    if state is not None:
        fill_weights(trunk, state, f"{weights}: {name}", side)
        if classes and f"{config.classifier}.weight" not in state:
            raise EncoderError(f"{weights}: has no classifier; give weights with one")
    if seed is not None:
        draw_weights(trunk, seed, side)
    for layer in without:
        stride //= remove_last(trunk, layer, side, name)
    fixed = bool(config.fixed_input_size) or not pad_explicitly(network)
    mean, std = (tuple(round(255 * value, 3) for value in row) for row in (config.mean, config.std))
    # timm records the licence of its own weights only.
    licence = _licence(config) if pretrained else ""
    classifier = _take_classifier(network) if classes else None
    return Backbone(name, trunk, mean, std, side, stride, fixed, licence, classifier)


def _take_classifier(network: nn.Module) -> nn.Module:
    """Remove a network's classifier and return it."""
    classifier: nn.Module = network.get_classifier()
    network.reset_classifier(0)
    return classifier


class PaddedConv(nn.Module):
    """TensorFlow's "same" convolution with constant padding; equal for multiples of the stride."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.pads: list[int] = []
        for size, step, gap in zip(
            conv.kernel_size[::-1], conv.stride[::-1], conv.dilation[::-1], strict=True
        ):
            total = max((size - 1) * gap + 1 - step, 0)
            self.pads += [total // 2, total - total // 2]
        self.conv = nn.Conv2d(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size,
            conv.stride,
            0,
            conv.dilation,
            conv.groups,
            bias=conv.bias is not None,
        )
        self.conv.weight = conv.weight
        self.conv.bias = conv.bias

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Pad and convolve."""
        padded: torch.Tensor = self.conv(nn.functional.pad(image, self.pads))
        return padded


def pad_explicitly(module: nn.Module) -> bool:
    """Replace "same" convolutions by ones with constant padding; return whether all were replaced.

    Padding computed at run time bloats a graph with dynamic sides.
    """
    kinds = importlib.import_module("timm.layers")
    done = True
    for name, child in module.named_children():
        if isinstance(child, kinds.Conv2dSame):
            setattr(module, name, PaddedConv(child))
        elif type(child).__name__.endswith("Same"):
            done = False
        else:
            done = pad_explicitly(child) and done
    return done


def _find_config(name: str) -> Any:
    """Return timm's configuration of a network: input size, mean, deviation and licence."""
    timm = import_timm()
    architecture, _, tag = name.partition(".")
    known = timm.list_models()
    if architecture not in known:
        near = ", ".join(difflib.get_close_matches(architecture, known, n=3))
        hint = f"did you mean one of: {near}?" if near else "`timm.list_models()` names them"
        raise EncoderError(f"timm has no network '{architecture}'; {hint}")
    try:
        config = timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        tags = ", ".join(timm.list_pretrained(architecture)) or "none"
        raise EncoderError(f"'{architecture}' has no weights '{tag}'; it has: {tags}") from error
    if config is None or config.input_size[0] != 3:
        raise EncoderError(f"'{name}' takes no RGB pictures; choose another network")
    return config


def _create(
    name: str, config: Any, side: int | None, *, pretrained: bool, classes: bool
) -> nn.Module:
    # Only networks of fixed input size take `img_size`; it resizes their position embeddings.
    options = {"img_size": side} if side and config.fixed_input_size else {}
    if not classes:
        options["num_classes"] = 0
    try:
        network: nn.Module = import_timm().create_model(name, pretrained=pretrained, **options)
    except OSError as error:
        raise EncoderError(
            f"the weights of '{name}' could not be downloaded ({_first_sentence(error)}); give "
            "a file with --weights"
        ) from error
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        raise EncoderError(
            f"timm cannot create '{name}' with these weights and side: {_first_sentence(error)}"
        ) from error
    return network


def _stride(network: nn.Module) -> int:
    """Return the stride of the last feature maps in pixels."""
    levels = getattr(network, "feature_info", None) or [{"reduction": 32}]
    return int(levels[-1]["reduction"])


def _check_maps(trunk: Trunk, name: str, side: int, stride: int) -> None:
    if side % stride:
        below = side // stride * stride
        raise EncoderError(
            f"'{name}' takes sides that are multiples of {stride}, such as {below} or "
            f"{below + stride}, not {side}"
        )
    try:
        with torch.no_grad():
            maps = trunk(torch.zeros(1, 3, side, side))[0]
    except (RuntimeError, AssertionError, AttributeError, TypeError, ValueError) as error:
        raise EncoderError(
            f"'{name}' has no feature maps at {side} pixels ({_first_sentence(error)}); choose "
            "another side or network"
        ) from error
    if maps.ndim != 4:
        raise EncoderError(f"'{name}' has no feature maps; choose another network")


def _licence(config: Any) -> str:
    return str(config.license or "")


def _first_sentence(error: Exception) -> str:
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return text.split(". ")[0].rstrip(".")
