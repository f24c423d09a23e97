"""Table rows without a picture, among the failures of a gallery."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from beautylens.catalogue.table import Catalogue
from beautylens.store.failures import Failure
from beautylens.store.gallery import Gallery

_REMEDY = "give each row a product_id and the path of a picture"


def row_failures(catalogue: Catalogue) -> list[Failure]:
    """Return the rows of a table without a picture as failures without an image id."""
    return [
        Failure("", fault.product_id, "", fault.row, f"{fault.error}; {_REMEDY}")
        for fault in catalogue.faults
    ]


def record_row_failures(gallery: Gallery, catalogue: Catalogue, described: Catalogue) -> None:
    """Record the rows without a picture, and delete failures of products that are complete now.

    Args:
        gallery: has the failures of the last fill.
        catalogue: it was filled with.
        described: the products of the catalogue that were incomplete before.
    """
    faults, logged = row_failures(catalogue), gallery.failures.all()
    before = pa.array(sorted({failure.product_id for failure in logged}), pa.string())
    ids = catalogue.rows["product_id"]
    whole = set(ids.filter(pc.is_in(ids, before)).to_pylist())
    whole -= set(described.rows["product_id"].to_pylist())
    changed = {"", *whole, *(fault.product_id for fault in faults)}
    kept = [each for each in logged if each.image_id and each.product_id in changed - whole]
    if faults or logged:
        gallery.failures.replace(sorted(changed), [*faults, *kept])
