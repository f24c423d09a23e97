"""Auxiliary tasks against forgetting: classification of a folder, or distillation."""

# Without the extra, mypy knows nothing of PyTorch's Module:
# mypy: allow-subclassing-any

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from beautylens.errors import EncoderError, TableError
from beautylens.features.export.backbones import Backbone
from beautylens.images.files import PICTURE_SUFFIXES
from beautylens.recipe.settings import PoolingSettings
from beautylens.runtime.extras import extra
from beautylens.train.embedding import Embedding, Head
from beautylens.train.losses import distillation_loss
from beautylens.train.sources import Pictures, read_error

with extra("train"):
    import torch
    from torch import Tensor, nn
    from torch.nn import functional


class Task(Protocol):
    """An auxiliary task on the trunk of the embedding."""

    name: str
    module: nn.Module

    def load(self, rng: np.random.Generator) -> Mapping[str, Any]:
        """Return the task's part of an item."""

    def pictures(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the task's pictures of a batch, last in the network's input; may be empty."""

    def loss(self, maps: Tensor, catalogue: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of the task.

        Args:
            maps: of all pictures of the batch: photos, then `catalogue`, then the task's.
            catalogue: catalogue pictures of the batch, as inputs of the network.
            batch: the loaded items.
        """


class Folder:
    """Classification of pictures in a folder with one sub-folder for each class, as ImageNet.

    Args:
        folder: folder of the classes.
        channels: of the trunk's maps.
        side: input side in pixels.

    Raises:
        TableError: when there are fewer than two sub-folders with pictures.
    """

    name = "classes"

    def __init__(self, folder: Path, channels: int, side: int) -> None:
        classes = sorted(path for path in folder.iterdir() if path.is_dir())
        files = [
            (file, number)
            for number, each in enumerate(classes)
            for file in sorted(each.rglob("*"))
            if file.suffix.lower() in PICTURE_SUFFIXES and not read_error(file)
        ]
        if len({number for _, number in files}) < 2:
            raise TableError(
                f"{folder}: needs two or more sub-folders with pictures, one for each class"
            )
        self._pictures = Pictures([file for file, _ in files], side)
        self._classes = np.array([number for _, number in files])
        self.module: nn.Module = nn.Linear(channels, len(classes))

    def load(self, rng: np.random.Generator) -> Mapping[str, Any]:
        """Return one picture with its class."""
        index = int(rng.integers(len(self._pictures)))
        return {"seen": self._pictures.jittered(index, rng), "class": self._classes[index]}

    def pictures(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the pictures of the batch."""
        return batch["seen"]

    def loss(self, maps: Tensor, catalogue: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the cross-entropy."""
        own = maps[-len(batch["seen"]) :].mean(dim=(2, 3))
        return functional.cross_entropy(self.module(own), batch["class"])


class Distillation:
    """Distillation of the frozen start's class probabilities on catalogue pictures.

    Args:
        backbone: a timm network with its classifier.
        channels: of the trunk's maps.

    Raises:
        EncoderError: when it has no classifier on the mean of its maps.
    """

    name = "distillation"

    def __init__(self, backbone: Backbone, channels: int) -> None:
        classifier = backbone.classifier
        if classifier is None or getattr(classifier, "in_features", 0) != channels:
            raise EncoderError(
                f"'{backbone.name}' has no classifier to distil; start from a timm network with "
                "one on its maps, such as a ResNet, by --backbone, or give --classes FOLDER"
            )
        self.module: nn.Module = copy.deepcopy(classifier)
        self._teacher = copy.deepcopy(classifier).requires_grad_(False)
        frozen = Embedding(copy.deepcopy(backbone), Head(PoolingSettings(name="spoc"), None))
        self._frozen = frozen.requires_grad_(False)

    def load(self, rng: np.random.Generator) -> Mapping[str, Any]:
        """Return an empty part."""
        return {}

    def pictures(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return no pictures."""
        return batch["photo"][:0]

    def loss(self, maps: Tensor, catalogue: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the divergence."""
        start = len(batch["photo"])
        student = maps[start : start + len(catalogue)].mean(dim=(2, 3))
        device = catalogue.device
        with torch.no_grad():
            _, seen = self._frozen.to(device)(catalogue)
            wanted = self._teacher.to(device)(seen.mean(dim=(2, 3)))
        return distillation_loss(self.module(student), wanted)
