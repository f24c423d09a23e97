"""Pooling of feature maps into one global descriptor per image.

Every function takes `maps` (N, C, H, W), non-negative float32, and returns (N, C) float32, unit
rows (zeros where the maps are all zero). Notation and formulas:
docs/method.md, section 1.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from beautylens.arrays import Float32
from beautylens.errors import EncoderError, RecipeError
from beautylens.features.encoder.regions import Region, region_grid

Pooling = partial[Float32]

GEM_POWER = 3.0


def unit_rows(rows: Float32) -> Float32:
    """Return the rows scaled to unit length; rows of zeros stay zero. Shape (..., D)."""
    # Scaled by the largest value first: squares of very small ones underflow in float32.
    largest = np.abs(rows).max(axis=-1, keepdims=True, initial=0)
    rows = np.divide(rows, largest, out=np.zeros_like(rows), where=largest > 0)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    scaled: Float32 = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return scaled


def mac(maps: Float32) -> Float32:
    """Maximum of each channel (Razavian et al., 2016)."""
    return unit_rows(_channels_last(maps).max(axis=(1, 2)))


def spoc(maps: Float32) -> Float32:
    """Mean of each channel (Babenko and Lempitsky, 2015)."""
    return unit_rows(_channels_last(maps).mean(axis=(1, 2)))


def gem(maps: Float32, *, p: float = GEM_POWER) -> Float32:
    """Generalised mean of each channel (Radenovic et al., 2018); p = 1 is SPoC, p → ∞ is MAC."""
    cells = np.maximum(_channels_last(maps), np.float32(1e-6))
    # Relative to the channel's largest: high powers of large values overflow.
    largest = cells.max(axis=(1, 2))
    powers = (cells / largest[:, None, None]) ** np.float32(p)
    return unit_rows(largest * powers.mean(axis=(1, 2)) ** np.float32(1 / p))


def crow(maps: Float32) -> Float32:
    """Cross-dimensional weighting (CroW, Kalantidis et al., 2016).

    Sum over cells weighted by their activation; channels are weighted by their sparsity.
    """
    cells = _channels_last(maps)
    activation = cells.sum(axis=3)
    length = np.linalg.norm(activation, axis=(1, 2), keepdims=True)
    # Networks without a final ReLU have negative sums: such cells get weight 0.
    weights = np.sqrt(np.maximum(activation, 0) / np.maximum(length, 1e-12))
    shares = (cells != 0).mean(axis=(1, 2))
    total = shares.sum(axis=1, keepdims=True)
    channels = np.log(np.divide(total, shares, out=np.ones_like(shares), where=shares > 0))
    sums = np.einsum("nhw,nhwc->nc", weights, cells)
    return unit_rows(np.asarray(sums * channels, np.float32))


def amac(maps: Float32) -> Float32:
    """Maximum of each channel over the cells whose activation is at least the mean (AMAC)."""
    cells = _channels_last(maps)
    activation = cells.sum(axis=3, keepdims=True)
    attended = activation >= activation.mean(axis=(1, 2), keepdims=True)
    return unit_rows((cells * attended).max(axis=(1, 2)))


def rmac(maps: Float32, *, levels: int = 3, global_term: bool = False, extra: int = 1) -> Float32:
    """Sum of the unit regional maxima over a grid of squares (Tolias et al., 2016).

    `global_term` adds the whole map as a region, as published programs do; `extra` is that of
    `region_grid`.
    """
    cells = _channels_last(maps)
    grid = _regions(cells, levels, extra, global_term)
    return unit_rows(unit_rows(_region_maxima(cells, grid)).sum(axis=1))


def ramac(
    maps: Float32,
    *,
    levels: int = 3,
    global_term: bool = False,
    extra: int = 1,
    min_share: float = 0.0,
) -> Float32:
    """R-MAC with regions weighted by their share of attended cells (RA-MAC, Lin et al., 2018)."""
    return grmac(
        maps, levels=levels, p=1.0, global_term=global_term, extra=extra, min_share=min_share
    )


def grmac(
    maps: Float32,
    *,
    levels: int = 3,
    p: float = 3.5,
    global_term: bool = False,
    extra: int = 1,
    min_share: float = 0.0,
) -> Float32:
    """RA-MAC with a generalised-mean attention threshold (GRMAC, Yu et al., 2019).

    A cell is attended where its activation, summed over channels, exceeds
    (mean (A - min A)^p)^(1/p) + min A; the statistics are each image's own. p = 1 is RA-MAC.
    Regions whose attended share is at most `min_share` are left out. A map that would have no
    region then keeps all by their shares, and a flat one, without attended cells, becomes R-MAC: in
    the authors' program the statistics of a whole batch keep such maps from vanishing.
    """
    cells = _channels_last(maps)
    grid = _regions(cells, levels, extra, global_term)
    shares = _attended_shares(cells.sum(axis=3), grid, p)
    weights = _region_weights(shares, min_share)
    vectors = unit_rows(_region_maxima(cells, grid))
    return unit_rows((weights[:, :, None] * vectors).sum(axis=1))


POOLINGS: dict[str, Callable[..., Float32]] = {
    "mac": mac,
    "spoc": spoc,
    "gem": gem,
    "crow": crow,
    "amac": amac,
    "rmac": rmac,
    "ramac": ramac,
    "grmac": grmac,
}


class Outputs(NamedTuple):
    """Outputs of a network for N pictures: maps (N, C, h, w), and class tokens (N, C) or None."""

    maps: Float32
    token: Float32 | None = None


# Pools the outputs of a network at each scale.
OutputPooling = Callable[[Sequence[Outputs]], Float32]
# Uses a transformer's class token in place of pooled maps.
CLASS_TOKEN = "class_token"  # noqa: S105  (no secret)


def find_pooled(
    name: str, options: Mapping[str, Any] | None = None, *, query: bool = False
) -> OutputPooling:
    """Return the pooling of a network's outputs by name: one of `POOLINGS`, or `class_token`.

    Several scales are combined by the mean that pools the cells (Radenovic et al., 2018): GeM's of
    exponent p, else the plain one.

    Raises:
        RecipeError: when there is no such pooling, or it has no such option.
    """
    if name != CLASS_TOKEN:
        pooling = find_pooling(name, options, query=query)
        power = float(pooling.keywords.get("p", GEM_POWER)) if name == "gem" else 1.0
        return lambda scales: _mean_of_scales([pooling(each.maps) for each in scales], power)
    if options:
        raise RecipeError(f"pooling '{CLASS_TOKEN}' takes no options; leave them out")
    return lambda scales: _mean_of_scales([_class_token(each) for each in scales], 1.0)


def _class_token(outputs: Outputs) -> Float32:
    if outputs.token is None:
        raise EncoderError("the network has no class token; choose a pooling of maps, such as gem")
    return unit_rows(outputs.token)


def _mean_of_scales(rows: Sequence[Float32], power: float) -> Float32:
    """Return l2((mean of v^power)^(1/power)) of the unit rows v of each scale, (N, C)."""
    if len(rows) == 1:
        return rows[0]
    stacked = np.stack(rows)
    if power == 1:
        return unit_rows(stacked.sum(axis=0))
    # Relative to the largest: high powers of small values underflow.
    largest = stacked.max(axis=0)
    shares = np.divide(stacked, largest, out=np.zeros_like(stacked), where=largest > 0)
    return unit_rows(largest * (shares ** np.float32(power)).mean(axis=0) ** np.float32(1 / power))


_QUERY = "_query"


def find_pooling(
    name: str, options: Mapping[str, Any] | None = None, *, query: bool = False
) -> Pooling:
    """Return a pooling by name with its options bound.

    An option `p_query` replaces `p` for queries, and so does every option with that suffix: the
    winners of 2019 pooled queries and catalogue differently.

    Raises:
        RecipeError: when there is no such pooling, or it has no such option.
    """
    if name not in POOLINGS:
        choices = ", ".join((*POOLINGS, CLASS_TOKEN))
        raise RecipeError(f"unknown pooling '{name}'; choose one of {choices}")
    known = inspect.signature(POOLINGS[name]).parameters
    options = options or {}
    for option, value in options.items():
        plain = option.removesuffix(_QUERY)
        if plain not in known or plain == "maps":
            allowed = ", ".join(sorted(set(known) - {"maps"})) or "none"
            raise RecipeError(f"pooling '{name}' has no option '{option}'; it takes: {allowed}")
        wanted, holds = _OPTIONS[plain]
        if not holds(value):
            raise RecipeError(f"pooling '{name}': option '{option}' must be {wanted}, not {value}")
    chosen = {option: value for option, value in options.items() if not option.endswith(_QUERY)}
    if query:
        chosen |= {o.removesuffix(_QUERY): v for o, v in options.items() if o.endswith(_QUERY)}
    return partial(POOLINGS[name], **chosen)


# Allowed values of each option, in words and as a test.
_OPTIONS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "levels": ("a whole number above 0", lambda value: type(value) is int and value > 0),
    "p": ("a number above 0", lambda value: _is_number(value) and 0 < value < math.inf),
    "global_term": ("true or false", lambda value: isinstance(value, bool)),
    "extra": ("0 or 1", lambda value: type(value) is int and value in (0, 1)),
    "min_share": ("a share from 0 to below 1", lambda value: _is_number(value) and 0 <= value < 1),
}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _channels_last(maps: Float32) -> Float32:
    """Return maps as (N, H, W, C), contiguous: reductions over cells are then vectorised."""
    return np.ascontiguousarray(maps.transpose(0, 2, 3, 1))


def _regions(cells: Float32, levels: int, extra: int, global_term: bool) -> tuple[Region, ...]:
    height, width = cells.shape[1:3]
    grid = region_grid(height, width, levels, extra)
    return (Region(0, 0, height, width), *grid) if global_term else grid


def _region_maxima(cells: Float32, grid: tuple[Region, ...]) -> Float32:
    """Return the maximum of each channel in each region, (N, R, C)."""
    return np.stack([cells[:, y : y + h, x : x + w].max(axis=(1, 2)) for y, x, h, w in grid], 1)


def _region_weights(shares: Float32, min_share: float) -> Float32:
    """Return the weight of each region, (N, R): its share if above `min_share`; never all 0."""
    kept = np.where(shares > min_share, shares, np.float32(0))
    some = np.where(shares.any(axis=1, keepdims=True), shares, np.float32(1))
    return np.where(kept.any(axis=1, keepdims=True), kept, some)


def _attended_shares(activation: Float32, grid: tuple[Region, ...], p: float) -> Float32:
    """Return the share of each region's cells above the attention threshold, (N, R)."""
    lowest = activation.min(axis=(1, 2), keepdims=True)
    spread = (activation - lowest).astype(np.float64)
    threshold = (spread**p).mean(axis=(1, 2), keepdims=True) ** (1 / p) + lowest
    mask = (activation > threshold).astype(np.float32)
    return np.stack([mask[:, y : y + h, x : x + w].mean(axis=(1, 2)) for y, x, h, w in grid], 1)
