"""The encoders of a recipe, and those that a collection was built with."""

from __future__ import annotations

import math

from beautylens.errors import CollectionError, EncoderError
from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.ensemble import Ensemble, Part
from beautylens.features.encoder.precision import Precision, precision_like
from beautylens.features.encoder.whitening import Whitening
from beautylens.features.local.vlad import VladEncoder
from beautylens.recipe.recipe import Recipe, is_name
from beautylens.store.gallery import Gallery

_EXPORT = "create it with `beautylens encoder export --backbone {}`"
# Names of the artefacts that are fitted before indexing.
PROJECTION, VLAD = "projection", "vlad"


def make_encoder(
    recipe: Recipe, projection: Whitening | None = None, precision: Precision | None = None
) -> BaseEncoder:
    """Return the encoder of a recipe, or an ensemble of several.

    Args:
        recipe: names the encoders.
        projection: fitted at indexing, if the recipe has one.
        precision: of the networks; by default the fastest of the processor.

    Raises:
        EncoderError: when encoder files are missing, with the source of each.
    """
    encoders = _load_all(recipe, precision)
    if len(encoders) == 1 and recipe.projection is None:
        return encoders[0]
    # With roots, the dot product of concatenated descriptors is the sum of a_i cos_i.
    root = recipe.ensemble.combine == "product"
    weights = [math.sqrt(part.weight) if root else part.weight for part in recipe.encoders]
    return Ensemble([Part(e, w) for e, w in zip(encoders, weights, strict=True)], projection)


def _load_all(recipe: Recipe, precision: Precision | None) -> list[Encoder]:
    missing = dict.fromkeys(
        f"'{part.file}' ({part.source or _EXPORT.format(part.file)})"
        for part in recipe.encoders
        if is_name(part.file) and not Encoder.exists(part.file)
    )
    if missing:
        raise EncoderError(
            f"recipe '{recipe.name}' needs encoders that are missing: {'; '.join(missing)}"
        )
    return [
        Encoder.load(
            part.file,
            side=part.side,
            pooling=part.pooling,
            scales=part.scales,
            precision=precision,
        )
        for part in recipe.encoders
    ]


def load_encoder(recipe: Recipe, gallery: Gallery) -> BaseEncoder:
    """Return the encoder that a gallery was built with, its projection included.

    Raises:
        CollectionError: when the encoder file has changed since.
    """
    stored = gallery.artefacts.get(PROJECTION) if recipe.projection else None
    projection = Whitening.from_bytes(stored) if stored else None
    made_with = gallery.settings["encoder"]
    encoder = make_encoder(recipe, projection, precision_like(made_with.get("precision")))
    if encoder.fingerprint != made_with["fingerprint"]:
        files = ", ".join(f"'{settings.file}'" for settings in recipe.encoders)
        raise CollectionError(
            f"{gallery.address} was built with encoder '{made_with['name']}' "
            f"({made_with['fingerprint']}), but {files} is now '{encoder.name}' "
            f"({encoder.fingerprint}): restore the old file, or index again"
        )
    return encoder


def load_vlad(gallery: Gallery) -> VladEncoder:
    """Return the VLAD that a gallery was built with.

    Raises:
        CollectionError: when it is missing or has changed since.
    """
    stored = gallery.artefacts.get(VLAD)
    vlad = VladEncoder.from_bytes(stored) if stored else None
    made_with = gallery.settings.get(VLAD, {}).get("fingerprint")
    if vlad is None or vlad.fingerprint != made_with:
        raise CollectionError(
            f"{gallery.address}: the VLAD vocabulary is missing, or not the one that it was built "
            "with; index again into another folder"
        )
    return vlad
