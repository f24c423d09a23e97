"""The pictures of an Open Beauty Facts product and their addresses.

See https://openfoodfacts.github.io/openfoodfacts-server/api/how-to-download-images/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from beautylens.catalogue.datasets.open_beauty_facts.export import Image, Listing
from beautylens.catalogue.download.dead_links import Link
from beautylens.catalogue.download.transfer import is_fetchable

PICTURES_AT = "https://images.openbeautyfacts.org/images/products/"
# Maximum of the longer side in pixels; the site asks to avoid full-size downloads.
SIZE = 400
# The roles of selections; photos without a selection are `other`.
ROLES = ("front", "ingredients", "nutrition", "packaging")
OTHER = "other"

_CODE_DIGITS = 13
_SHORT_DIGITS = 8
_FRONT = re.compile(r"front(_[a-z]{2})?")
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Query:
    """A contributor's raw photo of a product: its link, role and uploader."""

    link: Link
    kind: str
    uploader: str


def front_image(listing: Listing) -> Image | None:
    """Return the front in the product's language, else in another one, else the first photo."""
    fronts = {
        image.key: image
        for image in listing.images
        if _FRONT.fullmatch(image.key) and _is_number(image.rev)
    }
    key = f"front_{listing.lang}"
    if fronts:
        return fronts[key if key in fronts else min(fronts)]
    return min(_raw_photos(listing), key=lambda photo: int(photo.key), default=None)


def front_link(listing: Listing, pictures_at: str = PICTURES_AT) -> Link | None:
    """Return the link of a product's catalogue picture; None if it has none."""
    if image := front_image(listing):
        return _link(listing, image, pictures_at)
    if not is_fetchable(listing.image_url):
        return None
    name = PurePosixPath(listing.image_url).name.split(f".{SIZE}.")[0]
    return Link(_picture_id(listing.code, name), listing.image_url, listing.row)


def uploader_of(listing: Listing) -> str:
    """Return the uploader of the front picture's raw photo; empty if unknown."""
    front = front_image(listing)
    source = _source(front) if front else ""
    return next((photo.uploader for photo in _raw_photos(listing) if photo.key == source), "")


def query_photos(listing: Listing, pictures_at: str = PICTURES_AT) -> Sequence[Query]:
    """Return the raw photos of a product except the one that its front picture was cropped from.

    Empty if it is unknown which one that is.
    """
    front = front_image(listing)
    source = _source(front) if front else ""
    if not source:
        return ()
    shown = {
        image.imgid: role
        for role in reversed(ROLES)
        for image in listing.images
        if image.key.partition("_")[0] == role
    }
    return tuple(
        Query(_link(listing, photo, pictures_at), shown.get(photo.key, OTHER), photo.uploader)
        for photo in _raw_photos(listing)
        if photo.key != source
    )


def _source(front: Image) -> str:
    return front.key if _is_number(front.key) else front.imgid


def _raw_photos(listing: Listing) -> list[Image]:
    return [image for image in listing.images if _is_number(image.key)]


def _link(listing: Listing, image: Image, pictures_at: str) -> Link:
    name = image.key if _is_number(image.key) else f"{image.key}.{image.rev}"
    code = listing.code.zfill(_CODE_DIGITS)
    split = "/".join((code[:3], code[3:6], code[6:9], code[9:]))
    base = pictures_at.rstrip("/")
    # Pictures of short codes used to be in folders that were not split.
    short = len(listing.code) <= _SHORT_DIGITS
    old = f"{base}/{listing.code}/{name}.{SIZE}.jpg" if short else ""
    return Link(
        _picture_id(listing.code, name), f"{base}/{split}/{name}.{SIZE}.jpg", listing.row, old
    )


def _picture_id(code: str, name: str) -> str:
    """Return an id with picture and revision, so that a new revision is fetched again."""
    return f"{code}_{name.replace('.', '_')}"


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None
