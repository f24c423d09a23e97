"""The trained network: trunk, pooling and projection; pictures in, unit vectors out."""

# Without the extra, mypy knows nothing of PyTorch's Module:
# mypy: allow-subclassing-any

from __future__ import annotations

import numpy as np

from beautylens.features.encoder.whitening import Whitening
from beautylens.features.export.backbones import Backbone
from beautylens.recipe.settings import PoolingSettings
from beautylens.runtime.extras import extra
from beautylens.train.pools import Pool

with extra("train"):
    import torch
    from torch import Tensor, nn
    from torch.nn import functional


class Head(nn.Module):
    """Pooling and an optional learnt projection of a trunk's outputs to unit vectors.

    Args:
        pooling: of the maps.
        whitening: initial projection; None for none.
    """

    def __init__(self, pooling: PoolingSettings, whitening: Whitening | None) -> None:
        super().__init__()
        self.pool = Pool(pooling)
        self.projects = whitening is not None
        if whitening is not None:
            self.mean = nn.Parameter(torch.from_numpy(whitening.mean.copy()))
            self.matrix = nn.Parameter(torch.from_numpy(whitening.matrix.copy()))

    def forward(self, outputs: tuple[Tensor, ...]) -> Tensor:
        """Return (N, D) unit rows."""
        pooled: Tensor = self.pool(outputs)
        if not self.projects:
            return pooled
        return functional.normalize((pooled - self.mean) @ self.matrix.T)

    @property
    def whitening(self) -> Whitening | None:
        """The projection as stored in an encoder file."""
        if not self.projects:
            return None
        mean, matrix = (row.detach().cpu().numpy() for row in (self.mean, self.matrix))
        return Whitening(mean.astype(np.float32), matrix.astype(np.float32))


class Embedding(nn.Module):
    """A trunk followed by a head, always in inference mode.

    Batch norms keep their statistics, since small batches that mix studio pictures and photos have
    the statistics of neither; dropout is off.

    Args:
        backbone: the trunk and its preprocessing.
        head: pooling and projection.
        learn_norms: whether batch norms take the statistics of the batches after all, as in the
            program of Lin et al. (2019).
    """

    def __init__(self, backbone: Backbone, head: Head, *, learn_norms: bool = False) -> None:
        super().__init__()
        self._learn_norms = learn_norms
        self.trunk = backbone.trunk
        self.head = head
        for name, values in (("scale_mean", backbone.mean), ("scale_std", backbone.std)):
            self.register_buffer(name, torch.tensor(values), persistent=False)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors (N, D) and the maps (N, C, h, w) of pictures (N, S, S, 3) uint8."""
        image = (pictures.float() - self.scale_mean) / self.scale_std
        # Channels last in memory: convolutions on CPUs take half the time.
        outputs = self.trunk(image.permute(0, 3, 1, 2))
        return self.head(outputs), outputs[0]

    def train(self, mode: bool = True) -> Embedding:
        """Stay in inference mode but for batch norms that learn; gradients flow all the same."""
        super().train(False)
        self.training = mode
        for part in self.trunk.modules() if mode and self._learn_norms else ():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.train()
        return self


class CachedEmbedding(nn.Module):
    """A head alone, on cached maps of a frozen trunk."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors (N, D) and the maps in single precision of maps (N, C, h, w)."""
        single = maps.float()
        return self.head((single,)), single
