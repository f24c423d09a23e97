"""The encoders that a collection was built with, loaded and checked by their fingerprints."""

from __future__ import annotations

from beautylens.assemble import make_encoder
from beautylens.errors import CollectionError
from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.features.encoder.openvino import precision_like
from beautylens.features.encoder.whitening import Whitening
from beautylens.features.local.vlad import VladEncoder
from beautylens.recipe.recipe import Recipe
from beautylens.store.gallery import Gallery

# The names of the artefacts that describe pictures: the projection of their descriptors, and the
# VLAD of their keypoints.
PROJECTION, VLAD = "projection", "vlad"


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
            f"({made_with['fingerprint']}), but {files} now holds '{encoder.name}' "
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
            f"{gallery.address}: the vocabulary of its local features is missing or not the one "
            "that it was built with; index again into another folder"
        )
    return vlad
