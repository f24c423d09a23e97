"""Differentiable poolings: the formulas of `features.encoder.pooling` in PyTorch."""

# Without the extra, mypy knows nothing of PyTorch's Module:
# mypy: allow-subclassing-any

from __future__ import annotations

from collections.abc import Callable, Mapping

from beautylens.errors import EncoderError
from beautylens.features.encoder.pooling import CLASS_TOKEN, find_pooling
from beautylens.features.encoder.regions import Region, region_grid
from beautylens.recipe.settings import PoolingSettings
from beautylens.runtime.extras import extra

with extra("train"):
    import torch
    from torch import Tensor, nn
    from torch.nn import functional

Option = bool | int | float | str


class Pool(nn.Module):
    """Pooling of a trunk's outputs to (N, C) unit rows; the exponent of GeM is learnt.

    Args:
        settings: a name in `POOLS`, or `class_token`, and its options.

    Raises:
        EncoderError: when the pooling is not differentiable.
        RecipeError: when there is no such pooling, or it has no such option.
    """

    def __init__(self, settings: PoolingSettings) -> None:
        super().__init__()
        if settings.name != CLASS_TOKEN:
            find_pooling(settings.name, settings.options)
        if settings.name not in (*POOLS, CLASS_TOKEN):
            raise EncoderError(
                f"pooling '{settings.name}' cannot be trained; choose one of "
                f"{', '.join((*POOLS, CLASS_TOKEN))}"
            )
        self._settings = settings
        if settings.name == "gem":
            self.power = nn.Parameter(torch.tensor(float(settings.options.get("p", 3.0))))

    def forward(self, outputs: tuple[Tensor, ...]) -> Tensor:
        """Return the pooled maps (N, C, h, w), or the class token."""
        if self._settings.name == CLASS_TOKEN:
            return functional.normalize(outputs[1])
        options = dict(self._settings.options)
        if self._settings.name == "gem":
            return functional.normalize(gem(outputs[0], self.power))
        return functional.normalize(POOLS[self._settings.name](outputs[0], options))

    @property
    def settings(self) -> PoolingSettings:
        """The pooling with its learnt options."""
        if self._settings.name != "gem":
            return self._settings
        return PoolingSettings(name="gem", options={"p": round(float(self.power.detach()), 4)})


def mac(maps: Tensor, _options: Mapping[str, Option]) -> Tensor:
    """Maximum of each channel."""
    return maps.amax(dim=(2, 3))


def spoc(maps: Tensor, _options: Mapping[str, Option]) -> Tensor:
    """Mean of each channel."""
    return maps.mean(dim=(2, 3))


def gem(maps: Tensor, power: Tensor) -> Tensor:
    """Generalised mean of each channel (Radenovic et al., 2018)."""
    return maps.clamp(min=1e-6).pow(power).mean(dim=(2, 3)).pow(1 / power)


def rmac(maps: Tensor, options: Mapping[str, Option]) -> Tensor:
    """Sum of the unit regional maxima (Tolias et al., 2016)."""
    return functional.normalize(_region_maxima(maps, _grid(maps, options)), dim=2).sum(dim=1)


def grmac(maps: Tensor, options: Mapping[str, Option], default_power: float = 3.5) -> Tensor:
    """R-MAC with regions weighted by their share of attended cells (Yu et al., 2019).

    No gradient flows through the shares, which are counts of cells.
    """
    grid = _grid(maps, options)
    shares = _attended_shares(maps.detach(), grid, float(options.get("p", default_power)))
    weights = _region_weights(shares, float(options.get("min_share", 0.0)))
    vectors = functional.normalize(_region_maxima(maps, grid), dim=2)
    return (weights[:, :, None] * vectors).sum(dim=1)


def ramac(maps: Tensor, options: Mapping[str, Option]) -> Tensor:
    """GRMAC with the plain mean as threshold (Lin et al., 2018)."""
    return grmac(maps, options, default_power=1.0)


POOLS: Mapping[str, Callable[..., Tensor]] = {
    "mac": mac,
    "spoc": spoc,
    "gem": gem,
    "rmac": rmac,
    "ramac": ramac,
    "grmac": grmac,
}


def _grid(maps: Tensor, options: Mapping[str, Option]) -> tuple[Region, ...]:
    height, width = maps.shape[2:]
    levels, extra_regions = int(options.get("levels", 3)), int(options.get("extra", 1))
    grid = region_grid(height, width, levels, extra_regions)
    return (Region(0, 0, height, width), *grid) if options.get("global_term") else grid


def _region_maxima(maps: Tensor, grid: tuple[Region, ...]) -> Tensor:
    """Return the maximum of each channel in each region, (N, R, C)."""
    return torch.stack(
        [maps[:, :, y : y + h, x : x + w].amax(dim=(2, 3)) for y, x, h, w in grid], 1
    )


def _region_weights(shares: Tensor, min_share: float) -> Tensor:
    """Return the weight of each region, (N, R): its share if above `min_share`; never all 0."""
    kept = torch.where(shares > min_share, shares, 0.0)
    some = torch.where(shares.amax(dim=1, keepdim=True) > 0, shares, 1.0)
    return torch.where(kept.amax(dim=1, keepdim=True) > 0, kept, some)


def _attended_shares(maps: Tensor, grid: tuple[Region, ...], power: float) -> Tensor:
    """Return the share of attended cells of each region, (N, R)."""
    activation = maps.sum(dim=1)
    lowest = activation.amin(dim=(1, 2), keepdim=True)
    spread = (activation - lowest).double().pow(power).mean(dim=(1, 2), keepdim=True)
    mask = (activation > spread.pow(1 / power) + lowest).to(maps.dtype)
    return torch.stack([mask[:, y : y + h, x : x + w].mean(dim=(1, 2)) for y, x, h, w in grid], 1)
