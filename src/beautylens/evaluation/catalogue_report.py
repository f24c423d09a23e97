"""What in a catalogue makes searches worse, with the pictures and products to correct."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PIL import Image

from beautylens.catalogue.gtin import gtins_in, lost_digits
from beautylens.evaluation.duplicates.duplicates import Group, find_duplicates
from beautylens.features.neighbours.close_pairs import Watch
from beautylens.store.gallery import Gallery
from beautylens.store.schema import THUMBNAIL
from beautylens.text.words import words_of

# Pixels of the longer side below which keypoints and words on a pack are lost.
SMALL = 300
# Share of the words of two names, of the shorter one, from which on they are variants of a line.
_LINE = 0.5

Kind = Literal[
    "no picture",
    "small picture",
    "blank",
    "placeholder",
    "shared picture",
    "shared by variants",
    "no name",
    "unusable GTIN",
    "shared GTIN",
]
# What each kind does to searches, and the remedy.
EFFECTS: Mapping[Kind, str] = {
    "no picture": "cannot be found by it; correct the path or the file",
    "small picture": f"below {SMALL} pixels keypoints and words are lost; export it larger",
    "blank": "looks like nothing; replace it",
    "placeholder": "looks like every other product with it; replace it or leave the product out",
    "shared picture": "different products look the same; give each a picture of its own",
    "shared by variants": "only words, colours and barcodes can decide; give each variant its own",
    "no name": "words on the pack cannot be compared; fill the column name",
    "unusable GTIN": "no barcode finds it; correct the number, and format the column as text",
    "shared GTIN": "a barcode finds several products; keep it for the one that has it",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One picture or product to correct.

    Args:
        kind: what is wrong.
        product_id: of the product.
        name: of the product.
        image: its picture in the table; empty where the whole product is meant.
        detail: such as the number, the size or the error.
    """

    kind: Kind
    product_id: str
    name: str
    image: str = ""
    detail: str = ""


def catalogue_report(gallery: Gallery, watch: Watch) -> list[Finding]:
    """Return what is to be corrected in a gallery's catalogue, in the order of `EFFECTS`.

    Args:
        gallery: of any size.
        watch: shows the progress of each part of the comparison of pictures.
    """
    columns = ["image_id", "product_id", "image", "name", "brand", "gtin"]
    rows = gallery.rows.select(columns).sort_by("image_id").to_pylist()
    names = {row["product_id"]: row["name"] for row in rows}
    found = [
        Finding(
            "no picture", each.product_id, names.get(each.product_id, ""), each.image, each.error
        )
        for each in gallery.failures.all()
    ]
    found += _small(gallery, {row["image_id"]: row for row in rows})
    found += [finding for group in find_duplicates(gallery, watch) for finding in _shared(group)]
    products = list({row["product_id"]: row for row in reversed(rows)}.values())
    products.reverse()
    found += [Finding("no name", p["product_id"], "") for p in products if not p["name"].strip()]
    found += _gtins(products)
    order = list(EFFECTS)
    return sorted(found, key=lambda finding: order.index(finding.kind))


def _small(gallery: Gallery, rows: Mapping[str, Mapping[str, Any]]) -> Iterable[Finding]:
    """Yield pictures that are small, by their thumbnails; none if the recipe stores none."""
    if not gallery.rows.has(THUMBNAIL[0]):
        return
    for batch in gallery.rows.stream(["image_id", *THUMBNAIL]):
        for stored in batch.to_pylist():
            row = rows.get(stored["image_id"])
            if row is None or not stored["thumbnail"]:
                continue
            with Image.open(io.BytesIO(stored["thumbnail"])) as thumbnail:
                side = round(max(thumbnail.size) / stored["thumbnail_scale"])
            if side < SMALL:
                said = (row["product_id"], row["name"], row["image"], f"{side} pixels")
                yield Finding("small picture", *said)


def _shared(group: Group) -> Iterable[Finding]:
    kind: Kind = "shared by variants" if _is_line(group) else "shared picture"
    if group.kind in ("blank", "placeholder"):
        kind = group.kind
    others = list(group.products)
    for image in group.images:
        product = image.product
        with_ = [other for other in others if other != product.product_id][:3]
        detail = f"as {', '.join(with_)}" if with_ and kind != "blank" else ""
        picture = image.image_id.partition("/")[2]
        yield Finding(kind, product.product_id, product.name, picture, detail)


def _is_line(group: Group) -> bool:
    """Return whether all products of a group are variants of a line, by brand and names."""
    products = list(group.products.values())
    if len({product.brand.casefold() for product in products}) > 1:
        return False
    words = [set(words_of(product.name)) for product in products]
    common, fewest = set.intersection(*words), min(map(len, words))
    return fewest > 0 and len(common) / fewest >= _LINE


def _gtins(products: Sequence[Mapping[str, Any]]) -> list[Finding]:
    found = []
    owners: dict[str, list[str]] = defaultdict(list)
    for product in products:
        gtins = gtins_in(product["gtin"])
        for gtin in gtins:
            owners[gtin].append(product["product_id"])
        if product["gtin"].strip() and not gtins:
            why = "rounded by a spreadsheet" if lost_digits(product["gtin"]) else "no valid number"
            detail = f"{product['gtin']}: {why}"
            found.append(
                Finding("unusable GTIN", product["product_id"], product["name"], "", detail)
            )
    names = {product["product_id"]: product["name"] for product in products}
    for gtin, several in owners.items():
        if len(several) > 1:
            found += [Finding("shared GTIN", each, names[each], "", gtin) for each in several]
    return found
