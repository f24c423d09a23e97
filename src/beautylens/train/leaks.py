"""Validation photos that are already known: copies of catalogue pictures or of training photos."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from beautylens.arrays import UInt8
from beautylens.catalogue.truth import TruthRow
from beautylens.errors import ImageError, TableError
from beautylens.evaluation.duplicates.duplicates import same_details, same_thumbnail
from beautylens.files.paths import AnyPath
from beautylens.images.decode import decode
from beautylens.images.files import read_bytes
from beautylens.images.fit import shrink
from beautylens.images.near_duplicates import FINE
from beautylens.images.parquet import picture_stamp
from beautylens.images.thumbnail import SIDE
from beautylens.runtime.threads import cores
from beautylens.store.columns import file_digest

# A validation photo, and the picture that it is a copy of.
Copy = tuple[AnyPath, AnyPath]

# Stands for a number in a sentence; paths may have any other sign.
COUNT = "\0"


def refuse_known(
    rows: Sequence[TruthRow], pictures: Mapping[str, Sequence[AnyPath]], found: str
) -> None:
    """Refuse validation photos that are copies of pictures, where each would find itself.

    Args:
        rows: the validation photos.
        pictures: the paths of each product's pictures.
        found: what the message says was found, with `COUNT` for the number.

    Raises:
        TableError: when there are any.
    """
    if copies := find_known(rows, pictures):
        photo, picture = copies[0]
        said = found.replace(COUNT, str(len(copies)))
        raise TableError(
            f"{said} or copies of them, such as {photo.name} (as {picture.name}); "
            "validate on other photos, or pass --allow-leaks (in Python allow_leaks=True)"
        )


def refuse_one_picture(paths: Sequence[AnyPath]) -> None:
    """Refuse pictures that are all copies of one file, from which nothing can be learnt.

    Raises:
        TableError: when there are several, and all have the same bytes.
    """
    if len(paths) > 1 and len({_size(path) for path in paths}) == 1:
        digests = {_digest(path) for path in paths}
        if len(digests) == 1 and "" not in digests:
            raise TableError(
                f"all {len(paths)} pictures of the catalogue are the same file, such as "
                f"{paths[0].name}; give pictures that differ"
            )


def find_known(rows: Sequence[TruthRow], pictures: Mapping[str, Sequence[AnyPath]]) -> list[Copy]:
    """Return the photos that are copies of pictures, each with one of them, in order.

    A copy has the same path or the same bytes as any picture, or shows the same as a picture of one
    of its products: re-encoded, resized, framed or trimmed.

    Args:
        rows: the photos.
        pictures: the paths of each product's pictures.
    """
    same_file = _same_files(
        [row.image for row in rows], [path for paths in pictures.values() for path in paths]
    )

    def copied(row: TruthRow) -> AnyPath | None:
        if row.image in same_file:
            return same_file[row.image]
        own = [path for product in sorted(row.product_ids) for path in pictures.get(product, ())]
        return next((path for path in own if _is_same_picture(row.image, path)), None)

    found = zip(rows, cores().map(copied, rows), strict=True)
    return [(row.image, path) for row, path in found if path is not None]


def _same_files(photos: Sequence[AnyPath], paths: Iterable[AnyPath]) -> dict[AnyPath, AnyPath]:
    """Return a picture with the same bytes for each photo that has one."""
    sizes = {_size(photo) for photo in photos} - {0}
    # Only a file of the same length can be a copy, so that few files need to be read.
    known = {_digest(path): path for path in paths if _size(path) in sizes}
    known.pop("", None)
    digests = ((photo, _digest(photo)) for photo in photos)
    return {photo: known[digest] for photo, digest in digests if digest in known}


def _size(path: AnyPath) -> int:
    with suppress(OSError):
        return picture_stamp(path)[0]
    return 0


def _digest(path: AnyPath) -> str:
    with suppress(ImageError):
        return file_digest(read_bytes(path))
    return ""


def _is_same_picture(photo: AnyPath, picture: AnyPath) -> bool:
    with suppress(ImageError):
        if same_thumbnail(_shrunk(photo, SIDE), _shrunk(picture, SIDE)):
            return same_details(_shrunk(photo, FINE), _shrunk(picture, FINE))
    return False


def _shrunk(path: AnyPath, side: int) -> UInt8:
    return shrink(decode(path, least_side=side), side)[0]
