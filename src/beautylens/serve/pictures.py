"""Pictures of products: those that came over HTTP are kept beside the collection; all are shown."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from beautylens.catalogue.sharded_folder import ShardedFolder
from beautylens.errors import CollectionError, ImageError
from beautylens.files.paths import AnyPath, RemotePath, as_path
from beautylens.files.writing import new_file
from beautylens.images.decode import decode
from beautylens.images.draw import to_jpeg
from beautylens.images.fit import shrink
from beautylens.images.formats import HEAD_BYTES, suffix_of
from beautylens.inputs.several import several
from beautylens.results import Product
from beautylens.serve.service import PICTURES, Service
from beautylens.serve.write_lock import write_lock
from beautylens.store.gallery import Gallery

_QUALITY = 88
# A digest, and the suffix of a picture or of one that is being written.
_KEPT = re.compile(r"[0-9a-f]{32}\.\w+")


class PictureStore:
    """The folder of a collection that holds the pictures which were sent to its server.

    Args:
        collection: the collection's folder.
    """

    def __init__(self, collection: AnyPath) -> None:
        self._folder = collection.resolve() / PICTURES

    def keep(self, product_id: str, data: bytes) -> AnyPath:
        """Write a picture of a product, whole before it has its name; return its path.

        Raises:
            CollectionError: when it cannot be written.
        """
        digest = hashlib.blake2b(f"{product_id}\0".encode() + data, digest_size=16).hexdigest()
        suffix = suffix_of(data[:HEAD_BYTES]) or ""
        if isinstance(self._folder, RemotePath):
            return _stored(self._folder / f"{digest}{suffix}", data)
        part = ShardedFolder(self._folder).part(digest)
        try:
            with new_file(part) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            return part.replace(part.with_suffix(suffix))
        except OSError as error:
            part.unlink(missing_ok=True)
            raise CollectionError(f"{part} cannot be written ({error.strerror})") from error

    def forget(self, paths: Iterable[str]) -> None:
        """Remove those of the files that were kept here; others are not the server's.

        The folder may be a link to a larger disk, and a row may name any path: a file was kept here
        where both its folder and its name are such as are given here.
        """
        # In object storage they stay: which are shown still is known there with delay.
        if isinstance(self._folder, Path):
            folder = self._folder.resolve()
            for path in map(Path, several(paths)):
                if path.parent.resolve().parent == folder and _KEPT.fullmatch(path.name):
                    path.unlink(missing_ok=True)

    def sweep(self, gallery: Gallery) -> int:
        """Remove the files kept here that no product shows; return how many.

        They are left by a process that was killed between a commit and what follows it.

        Raises:
            CollectionError: when the other writers cannot be held off.
        """
        if not isinstance(self._folder, Path) or not self._folder.is_dir():
            return 0
        with write_lock(self._folder.parent):
            files = self._folder.glob("[0-9a-f][0-9a-f]/*")
            kept = [file for file in files if _KEPT.fullmatch(file.name)]
            # A collection may have been moved: names count, and no two pictures have the same.
            shown = {Path(path).name for path in _paths(gallery)} if kept else set()
            orphans = [file for file in kept if file.name not in shown]
            for file in orphans:
                file.unlink(missing_ok=True)
        return len(orphans)


def _paths(gallery: Gallery) -> Iterator[str]:
    for batch in gallery.rows.stream(["path"]):
        yield from batch["path"].to_pylist()


def _stored(file: RemotePath, data: bytes) -> RemotePath:
    """Put a picture into object storage, which shows it whole or not at all."""
    try:
        file.write_bytes(data)
    except OSError as error:
        raise CollectionError(f"{file} cannot be written ({error})") from error
    return file


def shown(service: Service, product: Product, side: int) -> bytes | None:
    """Return a product's first picture as a JPEG whose longer side has at most `side` pixels.

    What a browser gets is drawn anew: any format can be shown, and nothing of the file but its
    pixels goes out. Where the file is gone, or in no folder that may be shown, the collection's own
    small copy is shown, if it has one.
    """
    image, limits = product.images[0], service.settings.limits
    try:
        if not service.may_show(image):
            raise ImageError(f"{image} is in none of the folders whose pictures are shown")
        picture, _ = shrink(decode(as_path(image), limits=limits, least_side=side), side)
    except ImageError:
        small = service.collection.thumbnail(product.product_id)
        if small is None:
            return None
        picture = small
    return to_jpeg(picture, _QUALITY)
