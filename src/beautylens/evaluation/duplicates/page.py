"""A self-contained HTML page with the pictures that several products share."""

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

# Maximum of groups, and of pictures per group, on the page; larger pages are slow to open.
GROUPS, PICTURES = 300, 8
_SIDE, _QUALITY = 180, 82


def write_duplicates_page(
    path: Path, title: str, groups: Sequence[Group], gallery: Gallery
) -> None:
    """Write the page with its pictures embedded; missing pictures are listed by name.

    Args:
        path: the file.
        title: the name of the collection.
        groups: at most `GROUPS` are shown.
        gallery: the collection's pictures.

    Raises:
        BeautylensError: when the file cannot be written.
    """
    shown = [(number, group) for number, group in enumerate(groups[:GROUPS], start=1)]
    cards = {number: _cards(group, gallery) for number, group in shown}
    html = render(
        "duplicates/duplicates.html.jinja",
        title=title,
        groups=groups,
        shown=shown,
        cards=cards,
        most=PICTURES,
    )
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise BeautylensError(
            f"{path}: the page cannot be written here ({error.strerror or error}); "
            "name a file that can be written"
        ) from error


def _cards(group: Group, gallery: Gallery) -> list[dict[str, object]]:
    """Return what the page shows for each picture of a group."""
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
