"""Facts about a collection: size, recipe, encoder, version and columns."""

from __future__ import annotations

from typing import Any

from beautylens.features.encoder.precision import precision_like
from beautylens.files.paths import as_path, folder_size
from beautylens.recipe.recipe import Recipe
from beautylens.store.gallery import Gallery
from beautylens.store.milvus.vector_index import MilvusIndex
from beautylens.store.schema import PLAIN


def collection_info(gallery: Gallery, recipe: Recipe) -> dict[str, Any]:
    """Return the facts of a collection as JSON values."""
    made_with = gallery.settings["encoder"]
    facts = {
        "images": gallery.rows.count(),
        "products": gallery.products.count(),
        "recipe": recipe.name,
        "encoder": made_with["name"],
        "encoder_fingerprint": made_with["fingerprint"],
        # Images by precision, which may differ between machines.
        "described_in": gallery.rows.precisions(),
        "searched_in": precision_like(made_with.get("precision")),
        "version": gallery.version,
        "searched_from": "snapshot" if gallery.has_snapshot else "tables",
        "pictures_read": gallery.picture_text.count(),
        "failures": len(gallery.failures.all()),
        "bytes": folder_size(as_path(gallery.address)),
        "columns": [*PLAIN[1:], *gallery.rows.extra],
    }
    if isinstance(index := gallery.vectors, MilvusIndex):
        cluster = index.cluster
        facts["vectors"] = {
            "address": str(cluster.address),
            "images": cluster.count(),
            "version": cluster.version(),
        }
    return facts
