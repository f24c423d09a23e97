"""Pictures of products: storing uploaded ones with the collection, and rendering them as JPEG."""

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
from beautylens.store.gallery import Gallery
from beautylens.store.write_lock import write_lock

_QUALITY = 88
# A digest with the suffix of a picture, or of one that is being written.
_KEPT = re.compile(r"[0-9a-f]{32}\.\w+")


class PictureStore:
    """The folder of uploaded pictures in a collection.

    Args:
        collection: folder or address of the collection.
    """

    def __init__(self, collection: AnyPath) -> None:
        self._folder = collection.resolve() / PICTURES

    def keep(self, product_id: str, data: bytes) -> AnyPath:
        """Write a picture of a product atomically, and return its path.

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

    def delete(self, paths: Iterable[str]) -> None:
        """Delete those of the files that were uploaded to this folder; other paths are ignored.

        The folder may be a link to another disk, and a row may contain any path: both the folder
        and the form of the file name must be those of an uploaded file.
        """
        # Not in object storage, where readers of an older version may still use them.
        if isinstance(self._folder, Path):
            folder = self._folder.resolve()
            for path in map(Path, several(paths)):
                if path.parent.resolve().parent == folder and _KEPT.fullmatch(path.name):
                    path.unlink(missing_ok=True)

    def sweep(self, gallery: Gallery) -> int:
        """Delete uploaded files that no product refers to; return their number.

        A process that was killed just before or after a commit leaves such files. Behind a link
        nothing is deleted: the folder may be that of another collection.

        Raises:
            CollectionError: when the folder cannot be locked.
        """
        if not isinstance(self._folder, Path) or not _is_real_folder(self._folder):
            return 0
        with write_lock(self._folder.parent):
            folders = filter(_is_real_folder, self._folder.glob("[0-9a-f][0-9a-f]"))
            files = (file for folder in folders for file in folder.iterdir())
            kept = [file for file in files if _KEPT.fullmatch(file.name)]
            # By name, which is unique, because the collection may have been moved.
            shown = {Path(path).name for path in _paths(gallery)} if kept else set()
            orphans = [file for file in kept if file.name not in shown]
            for file in orphans:
                file.unlink(missing_ok=True)
        return len(orphans)


def _is_real_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _paths(gallery: Gallery) -> Iterator[str]:
    for batch in gallery.rows.stream(["path"]):
        yield from batch["path"].to_pylist()


def _stored(file: RemotePath, data: bytes) -> RemotePath:
    """Write a picture to object storage, whose writes are atomic."""
    try:
        file.write_bytes(data)
    except OSError as error:
        raise CollectionError(f"{file} cannot be written ({error})") from error
    return file


def shown(service: Service, product: Product, side: int) -> bytes | None:
    """Return a product's first picture as a JPEG whose longer side has at most `side` pixels.

    The picture is re-encoded: browsers can show any format, and metadata of the file is not sent.
    If the file is missing or in a folder that may not be shown, the collection's thumbnail is
    returned instead; None if there is none.
    """
    image, limits = product.images[0], service.settings.limits
    try:
        if not service.may_show(image):
            raise ImageError(f"{image} is not in a folder whose pictures may be shown")
        picture, _ = shrink(decode(as_path(image), limits=limits, least_side=side), side)
    except ImageError:
        small = service.collection.thumbnail(product.product_id)
        if small is None:
            return None
        picture = small
    return to_jpeg(picture, _QUALITY)
