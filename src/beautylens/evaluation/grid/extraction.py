"""Descriptors of pictures with many poolings, from one forward pass per picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.errors import ImageError, RecipeError
from beautylens.features.encoder.base_encoder import BATCH
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.pooling import Outputs, find_pooled, unit_rows
from beautylens.files.paths import AnyPath
from beautylens.images.decode import decode
from beautylens.images.fit import centre
from beautylens.inputs.counts import counted
from beautylens.inputs.several import several
from beautylens.runtime.prefetch import batches, prefetch
from beautylens.runtime.threads import one_blas_thread

# The encoder file's own pooling, with its whitening if it has one.
OWN = "own"

Pool = Callable[[Sequence[Outputs]], Float32]


@dataclass(frozen=True, slots=True, eq=False)
class Extracted:
    """The descriptors of pictures under several poolings.

    rows: by pooling, (N, D) float32, unit rows; zeros for a picture that cannot be read.
    errors: why pictures cannot be read, by their index.
    """

    rows: Mapping[str, Float32]
    errors: Mapping[int, str]


def extract(
    encoder: Encoder,
    paths: Sequence[AnyPath],
    poolings: Sequence[str],
    *,
    views: Sequence[float] = (1.0,),
    query: bool = False,
    progress: Callable[[], None] = lambda: None,
) -> Extracted:
    """Return the descriptors of pictures with every pooling.

    Args:
        encoder: the network.
        paths: the pictures.
        poolings: names with options, as `find_pools` reads them.
        views: shares of width and height of centred crops; the descriptor is their unit mean.
        query: whether these are queries, which some poolings treat differently.
        progress: called after each picture.

    Raises:
        RecipeError: when a pooling is not known.
        ImageError: when none of the pictures can be read.
    """
    pools = find_pools(encoder, poolings, query=query)
    return extract_with(encoder, paths, pools, views=views, progress=progress)


def extract_with(
    encoder: Encoder,
    paths: Sequence[AnyPath],
    pools: Mapping[str, Pool],
    *,
    views: Sequence[float] = (1.0,),
    progress: Callable[[], None] = lambda: None,
) -> Extracted:
    """Return the descriptors of pictures with every pooling of an encoder's outputs, by its name.

    The other arguments are those of `extract`.

    Raises:
        ImageError: when none of the pictures can be read.
    """
    rows: dict[str, list[Float32]] = {name: [] for name in pools}
    errors: dict[int, str] = {}
    with one_blas_thread(), ThreadPoolExecutor() as pool:
        fitted = prefetch(pool, partial(_fit, encoder, views=views), paths, 4 * BATCH)
        for number, batch in enumerate(batches(fitted, BATCH)):
            start = number * BATCH
            errors |= {start + n: item for n, item in enumerate(batch) if isinstance(item, str)}
            if seen := [view for item in batch if not isinstance(item, str) for view in item]:
                outputs = encoder.outputs(seen)
                for name, describe in pools.items():
                    rows[name].append(_mean_of_views(describe(outputs), len(views)))
            for _ in batch:
                progress()
    if len(errors) == len(paths):
        raise ImageError(
            f"none of {counted(len(paths), 'picture')} can be read; the first: {errors[0]}"
        )
    return Extracted({name: _spread(parts, errors) for name, parts in rows.items()}, errors)


def find_pools(
    encoder: Encoder, poolings: Sequence[str], *, query: bool = False
) -> dict[str, Pool]:
    """Return the pooling function of each name: `own`, `ramac`, `grmac:p=2,p_query=1`.

    Raises:
        RecipeError: when a pooling or an option is not known.
    """
    pools: dict[str, Pool] = {}
    for text in several(poolings):
        if text == OWN:
            pools[text] = partial(encoder.describe_outputs, query=query)
            continue
        name, _, given = text.partition(":")
        options = dict(_option(text, part) for part in given.split(",")) if given else {}
        pools[text] = find_pooled(name, options, query=query)
    return pools


def _option(text: str, part: str) -> tuple[str, float]:
    name, _, value = part.partition("=")
    if value in ("true", "false"):
        return name.strip(), value == "true"
    try:
        return name.strip(), int(value) if value.strip().isdigit() else float(value)
    except ValueError:
        raise RecipeError(
            f"pooling '{text}': write options as name=number, such as gem:p=4"
        ) from None


def _fit(encoder: Encoder, path: AnyPath, *, views: Sequence[float]) -> list[UInt8] | str:
    try:
        picture = decode(path, least_side=round(encoder.side / min(views)))
    except ImageError as error:
        return str(error)
    return [encoder.fit(centre(picture, view)) for view in views]


def _mean_of_views(rows: Float32, views: int) -> Float32:
    return unit_rows(rows.reshape(-1, views, rows.shape[1]).sum(axis=1))


def _spread(parts: Sequence[Float32], errors: Mapping[int, str]) -> Float32:
    """Return a row for each picture, zeros for those that could not be read."""
    rows = np.concatenate(parts)
    every = np.zeros((len(rows) + len(errors), rows.shape[1]), np.float32)
    every[[index for index in range(len(every)) if index not in errors]] = rows
    return every
