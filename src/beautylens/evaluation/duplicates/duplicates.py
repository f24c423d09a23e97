"""Products of a catalogue that share a picture, and pictures that show nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from beautylens.catalogue.gtin import gtins_in
from beautylens.errors import ImageError
from beautylens.features.neighbours.close_pairs import Watch, close_pairs
from beautylens.files.paths import as_path
from beautylens.images.ahead import batches
from beautylens.images.decode import decode
from beautylens.images.fit import is_blank, shrink
from beautylens.images.same import COARSE, FINE, difference
from beautylens.images.thumbnail import SIDE
from beautylens.inputs.several import several
from beautylens.results import Match, Product
from beautylens.runtime.threads import cores
from beautylens.store.gallery import Gallery
from beautylens.store.originals import originals
from beautylens.text.words import words_of

Pixels = NDArray[np.uint8]
Kind = Literal["same file", "same picture", "placeholder", "blank"]

ALIKE, NEAREST = 0.9, 8
"""Cosine from which on two pictures are compared, and how many others of each are."""
SAME_THUMBNAIL, SAME_PRINT = 7.0, 5.0
"""Difference up to which two pictures are the same, as thumbnails and as files."""
PRINT_SIDE = 400
"""Pixels from which on a file shows more print than a thumbnail does."""
PLACEHOLDER = 3
"""Products that share no word of their names before one picture of them is a placeholder."""
BLANK = -1
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures that are one picture, in the order of their ids."""

    kind: Kind
    images: tuple[Match, ...]

    @property
    def products(self) -> dict[str, Product]:
        """The products that show it, by id."""
        return {image.product.product_id: image.product for image in self.images}


def find_duplicates(gallery: Gallery, watch: Watch) -> list[Group]:
    """Return the blank pictures, and the groups of pictures that several products share.

    Files are told by their digests; of those with close descriptors, small copies are laid over
    each other, and the files themselves where both are there and larger. The largest come first.

    Args:
        gallery: at any size.
        watch: shows how far each part has come.
    """
    with originals(gallery) as kept:
        # One image of each file stands for all of them.
        _, first, files = np.unique(kept.digests, return_index=True, return_inverse=True)
        ids = [kept.image_ids[index] for index in first]
        blank = _blank(gallery, ids, watch)
        pairs = close_pairs(kept.descriptors, first, ALIKE, NEAREST, watch)
    if not ids:
        return []
    same = _same(gallery, ids, pairs[~blank[pairs].any(axis=1)], watch)
    links = coo_array((np.ones(len(same)), same.T), shape=(len(ids), len(ids)))
    _, pictures = connected_components(links, directed=False)
    # All that is blank is one group, whatever its colour.
    pictures[blank] = BLANK
    return _groups(gallery, kept.image_ids, files, pictures[files])


def small_pictures(gallery: Gallery, image_ids: Sequence[str]) -> dict[str, Pixels]:
    """Return small copies by image id, kept ones or else of the files, of all that are there."""
    image_ids = several(image_ids)
    kept = gallery.rows.thumbnails(image_ids)
    missing = [image_id for image_id in image_ids if image_id not in kept]
    images = gallery.rows.images(missing) if missing else {}
    read = cores().map(lambda image: _read(image, SIDE), images.values())
    files = zip(images, read, strict=True)
    found = {image_id: picture for image_id, picture in files if picture is not None}
    return found | {image_id: thumbnail.pixels for image_id, thumbnail in kept.items()}


def _read(image: Match, side: int) -> Pixels | None:
    with suppress(ImageError):
        return shrink(decode(as_path(image.image), least_side=side), side)[0]
    return None


def _blank(gallery: Gallery, ids: Sequence[str], watch: Watch) -> NDArray[np.bool_]:
    """Return which of the images are one colour all over."""
    blank = np.zeros(len(ids), bool)
    for batch in watch(list(batches(range(len(ids)), _BATCH)), "Looking for blank pictures"):
        pictures = small_pictures(gallery, [ids[index] for index in batch])
        blank[batch] = [ids[p] in pictures and is_blank(pictures[ids[p]]) for p in batch]
    return blank


def _same(
    gallery: Gallery, ids: Sequence[str], pairs: NDArray[np.intp], watch: Watch
) -> NDArray[np.intp]:
    """Return those of the pairs of images (P, 2) that show the same picture."""
    kept = np.zeros(len(pairs), bool)
    for batch in watch(list(batches(range(len(pairs)), _BATCH)), "Comparing pictures"):
        wanted = [ids[index] for index in np.unique(pairs[batch])]
        pictures, images = small_pictures(gallery, wanted), gallery.rows.images(wanted)
        named = [(ids[one], ids[other]) for one, other in pairs[batch].tolist()]
        kept[batch] = list(cores().map(partial(_is_same, pictures, images), named))
    return pairs[kept]


def _is_same(
    pictures: Mapping[str, Pixels], images: Mapping[str, Match], pair: tuple[str, str]
) -> bool:
    """Tell whether two images show the same picture; not where one is gone."""
    if not all(image_id in pictures and image_id in images for image_id in pair):
        return False
    if not same_thumbnail(*(pictures[image_id] for image_id in pair)):
        return False
    files = [_read(images[image_id], FINE) for image_id in pair]
    large = [file for file in files if file is not None]
    return len(large) < 2 or same_print(*large)


def same_thumbnail(one: Pixels, other: Pixels) -> bool:
    """Tell whether two small pictures pass for one."""
    return difference(one, other, COARSE) <= SAME_THUMBNAIL


def same_print(one: Pixels, other: Pixels) -> bool:
    """Tell whether two files agree in small print too; those too small to show any do."""
    small = min(max(one.shape[:2]), max(other.shape[:2])) < PRINT_SIDE
    return small or difference(one, other, FINE) <= SAME_PRINT


def _groups(
    gallery: Gallery, ids: Sequence[str], files: NDArray[np.intp], pictures: NDArray[np.int32]
) -> list[Group]:
    """Return what to report of all images, each with its file and its picture."""
    order = np.argsort(pictures, kind="stable")
    cuts = np.flatnonzero(np.diff(pictures[order])) + 1
    members = [m for m in np.split(order, cuts) if len(m) > 1 or pictures[m[0]] == BLANK]
    images: dict[str, Match] = {}
    for batch in batches(chain.from_iterable(members), _BATCH):
        images |= gallery.rows.images([ids[index] for index in batch])
    groups = []
    for each in members:
        shown = tuple(images[ids[index]] for index in each if ids[index] in images)
        kind = _kind(shown, each, files, blank=pictures[each[0]] == BLANK)
        if kind is not None:
            groups.append(Group(kind, shown))
    return sorted(groups, key=lambda group: (-len(group.products), group.images[0].image_id))


def _kind(
    images: Sequence[Match], places: NDArray[np.intp], files: NDArray[np.intp], *, blank: bool
) -> Kind | None:
    """Return what a group is; None where it is no group of several products."""
    products = {image.product.product_id: image.product for image in images}.values()
    if blank:
        return "blank" if products else None
    if len(products) < 2:
        return None
    if len(products) >= PLACEHOLDER and not set.intersection(*map(_own_words, products)):
        return "placeholder"
    return "same file" if len(set(files[places])) == 1 else "same picture"


def _own_words(product: Product) -> set[str]:
    """Return the words of a product's name but for its brand, which all of a shop may share."""
    return set(words_of(product.name)) - set(words_of(product.brand))


def agreement(group: Group, product: Product) -> dict[str, bool | None]:
    """Tell whether another product of the group has its name, and its GTIN; None if it has none."""
    others = [other for name, other in group.products.items() if name != product.product_id]
    words, gtins = words_of(product.name), set(gtins_in(product.gtin))
    return {
        "same_name": any(words == words_of(o.name) for o in others) if words else None,
        "same_gtin": any(gtins.intersection(gtins_in(o.gtin)) for o in others) if gtins else None,
    }
