"""Products of a catalogue that share a picture, and blank pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from beautylens.arrays import Bool, Int32, Intp, UInt8
from beautylens.catalogue.gtin import gtins_in
from beautylens.errors import ImageError
from beautylens.features.neighbours.close_pairs import Watch, close_pairs
from beautylens.files.paths import as_path
from beautylens.images.decode import decode
from beautylens.images.fit import is_blank, shrink
from beautylens.images.near_duplicates import COARSE, FINE, difference
from beautylens.images.thumbnail import SIDE
from beautylens.ingest.originals import originals
from beautylens.inputs.several import several
from beautylens.results import Match, Product
from beautylens.runtime.prefetch import batches
from beautylens.runtime.threads import cores
from beautylens.store.gallery import Gallery
from beautylens.text.words import words_of

Kind = Literal["same file", "same picture", "placeholder", "blank"]

# Two pictures are compared if their cosine is at least ALIKE, and one is among the NEAREST nearest
# neighbours of the other.
ALIKE, NEAREST = 0.9, 8
# Maximum difference of two pictures that are the same, as thumbnails and as files.
SAME_THUMBNAIL, SAME_DETAILS = 7.0, 5.0
# Pixels from which a file shows text that a thumbnail does not.
TEXT_SIDE = 400
# A picture of at least so many products without a common word in their names is a placeholder.
PLACEHOLDER = 3
# The component of all blank pictures.
BLANK = -1
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Group:
    """Images that show the same picture, ordered by id."""

    kind: Kind
    images: tuple[Match, ...]

    @property
    def products(self) -> dict[str, Product]:
        """The products that show it, by id."""
        return {image.product.product_id: image.product for image in self.images}


def find_duplicates(gallery: Gallery, watch: Watch) -> list[Group]:
    """Return the blank pictures, and groups of images with the same picture, largest first.

    Identical files have equal digests. Pictures with close descriptors are aligned and compared as
    thumbnails, and as files if both exist and are large enough.

    Args:
        gallery: of any size.
        watch: shows the progress of each part.
    """
    with originals(gallery) as kept:
        # One image stands for all with the same file.
        _, first, files = np.unique(kept.digests, return_index=True, return_inverse=True)
        ids = [kept.image_ids[row] for row in first]
        blank = _blank(gallery, ids, watch)
        pairs = close_pairs(kept.descriptors, first, ALIKE, NEAREST, watch)
    if not ids:
        return []
    same = _same(gallery, ids, pairs[~blank[pairs].any(axis=1)], watch)
    links = coo_array((np.ones(len(same)), same.T), shape=(len(ids), len(ids)))
    _, pictures = connected_components(links, directed=False)
    # All blank pictures are one group, whatever their colour.
    pictures[blank] = BLANK
    return _groups(gallery, kept.image_ids, files, pictures[files])


def small_pictures(gallery: Gallery, image_ids: Sequence[str]) -> dict[str, UInt8]:
    """Return thumbnails by image id: stored ones, or else of the files that can be read."""
    image_ids = several(image_ids)
    kept = gallery.rows.thumbnails(image_ids)
    missing = [image_id for image_id in image_ids if image_id not in kept]
    images = gallery.rows.images(missing) if missing else {}
    read = cores().map(lambda image: _read(image, SIDE), images.values())
    files = zip(images, read, strict=True)
    found = {image_id: picture for image_id, picture in files if picture is not None}
    return found | {image_id: thumbnail.pixels for image_id, thumbnail in kept.items()}


def _read(image: Match, side: int) -> UInt8 | None:
    with suppress(ImageError):
        return shrink(decode(as_path(image.image), least_side=side), side)[0]
    return None


def _blank(gallery: Gallery, ids: Sequence[str], watch: Watch) -> Bool:
    """Return which of the images have a single colour."""
    blank = np.zeros(len(ids), bool)
    for batch in watch(list(batches(range(len(ids)), _BATCH)), "Looking for blank pictures"):
        pictures = small_pictures(gallery, [ids[row] for row in batch])
        blank[batch] = [ids[row] in pictures and is_blank(pictures[ids[row]]) for row in batch]
    return blank


def _same(gallery: Gallery, ids: Sequence[str], pairs: Intp, watch: Watch) -> Intp:
    """Return the pairs of images (P, 2) that show the same picture."""
    kept = np.zeros(len(pairs), bool)
    for batch in watch(list(batches(range(len(pairs)), _BATCH)), "Comparing pictures"):
        wanted = [ids[row] for row in np.unique(pairs[batch])]
        pictures, images = small_pictures(gallery, wanted), gallery.rows.images(wanted)
        named = [(ids[one], ids[other]) for one, other in pairs[batch].tolist()]
        kept[batch] = list(cores().map(partial(_is_same, pictures, images), named))
    return pairs[kept]


def _is_same(
    pictures: Mapping[str, UInt8], images: Mapping[str, Match], pair: tuple[str, str]
) -> bool:
    """Return whether two images show the same picture; False if one is missing."""
    if not all(image_id in pictures and image_id in images for image_id in pair):
        return False
    if not same_thumbnail(*(pictures[image_id] for image_id in pair)):
        return False
    files = [_read(images[image_id], FINE) for image_id in pair]
    large = [file for file in files if file is not None]
    return len(large) < 2 or same_details(*large)


def same_thumbnail(one: UInt8, other: UInt8) -> bool:
    """Return whether two thumbnails show the same picture."""
    return difference(one, other, COARSE) <= SAME_THUMBNAIL


def same_details(one: UInt8, other: UInt8) -> bool:
    """Return whether two pictures also have the same small text; True if one is too small."""
    small = min(max(one.shape[:2]), max(other.shape[:2])) < TEXT_SIDE
    return small or difference(one, other, FINE) <= SAME_DETAILS


def _groups(gallery: Gallery, ids: Sequence[str], files: Intp, pictures: Int32) -> list[Group]:
    """Return the groups to report, from the file and the picture of each image."""
    order = np.argsort(pictures, kind="stable")
    cuts = np.flatnonzero(np.diff(pictures[order])) + 1
    members = [m for m in np.split(order, cuts) if len(m) > 1 or pictures[m[0]] == BLANK]
    images: dict[str, Match] = {}
    for batch in batches(chain.from_iterable(members), _BATCH):
        images |= gallery.rows.images([ids[row] for row in batch])
    groups = []
    for each in members:
        shown = tuple(images[ids[row]] for row in each if ids[row] in images)
        kind = _kind(shown, each, files, blank=pictures[each[0]] == BLANK)
        if kind is not None:
            groups.append(Group(kind, shown))
    return sorted(groups, key=lambda group: (-len(group.products), group.images[0].image_id))


def _kind(images: Sequence[Match], rows: Intp, files: Intp, *, blank: bool) -> Kind | None:
    """Return the kind of a group; None if it has a single product."""
    products = {image.product.product_id: image.product for image in images}.values()
    if blank:
        return "blank" if products else None
    if len(products) < 2:
        return None
    if len(products) >= PLACEHOLDER and not set.intersection(*map(_own_words, products)):
        return "placeholder"
    return "same file" if len(set(files[rows])) == 1 else "same picture"


def _own_words(product: Product) -> set[str]:
    """Return the words of a product's name without its brand, which a whole shop may share."""
    return set(words_of(product.name)) - set(words_of(product.brand))


def agreement(group: Group, product: Product) -> dict[str, bool | None]:
    """Return whether another product of the group has the same name, and the same GTIN.

    None if the product has no name, or no GTIN.
    """
    others = [other for name, other in group.products.items() if name != product.product_id]
    words, gtins = words_of(product.name), set(gtins_in(product.gtin))
    return {
        "same_name": any(words == words_of(o.name) for o in others) if words else None,
        "same_gtin": any(gtins.intersection(gtins_in(o.gtin)) for o in others) if gtins else None,
    }
