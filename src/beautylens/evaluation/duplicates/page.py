"""One page with the pictures that several products share, nothing beside it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from beautylens.errors import BeautylensError
from beautylens.evaluation.duplicates.duplicates import Group, agreement, small_pictures
from beautylens.evaluation.page_assets import render
from beautylens.images.draw import to_jpeg
from beautylens.images.fit import shrink
from beautylens.store.gallery import Gallery

GROUPS, PICTURES = 300, 8
"""Groups, and pictures of each, that the page shows: tens of megabytes are slow to open."""
_SIDE, _QUALITY = 180, 82


def write_duplicates_page(
    path: Path, title: str, groups: Sequence[Group], gallery: Gallery
) -> None:
    """Write the page, its pictures inside it; a picture that is gone is named in words.

    Args:
        path: the file.
        title: what was looked through.
        groups: the first few hundred are shown.
        gallery: gives the pictures.

    Raises:
        BeautylensError: when the file cannot be written.
    """
    shown = [(number, group) for number, group in enumerate(groups[:GROUPS], start=1)]
    cards = {number: _cards(group, gallery) for number, group in shown}
    html = render(
        "duplicates/duplicates.html.jinja", title=title, groups=groups, shown=shown, cards=cards,
        most=PICTURES,
    )  # fmt: skip
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise BeautylensError(
            f"{path}: the page cannot be written here ({error.strerror or error}); "
            "name a file that can be written"
        ) from error


def _cards(group: Group, gallery: Gallery) -> list[dict[str, object]]:
    """Return what the page says of each picture of a group."""
    images = group.images[:PICTURES]
    pictures = small_pictures(gallery, [image.image_id for image in images])
    addresses = {
        image_id: _address(to_jpeg(shrink(pixels, _SIDE)[0], _QUALITY))
        for image_id, pixels in pictures.items()
    }
    return [
        {
            "product": image.product,
            "address": addresses.get(image.image_id),
            **agreement(group, image.product),
        }
        for image in images
    ]


def _address(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode('ascii')}"
