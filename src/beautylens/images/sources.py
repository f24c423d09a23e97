"""Sources of a picture: a path, bytes, an open file, an RGB array or a Pillow image."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeGuard, cast

import numpy as np
from PIL import Image

from beautylens.arrays import UInt8
from beautylens.errors import ImageError
from beautylens.files.paths import RemotePath
from beautylens.images.files import check_bytes, read_bytes
from beautylens.images.limits import Limits


class Readable(Protocol):
    """A file that is open for reading in binary mode: `open(path, "rb")`, `io.BytesIO`."""

    def read(self, size: int = ..., /) -> bytes:
        """Return the next bytes."""


Named: TypeAlias = str | os.PathLike[str] | RemotePath
Picture: TypeAlias = Named | bytes | bytearray | memoryview | Readable | UInt8 | Image.Image
_WHOLE = (str, os.PathLike, RemotePath, bytes, bytearray, memoryview, Image.Image)


def is_named(source: object) -> TypeGuard[Named]:
    """Return whether a picture or table is given by its path or address."""
    return isinstance(source, str | os.PathLike | RemotePath)


def several_pictures(pictures: Picture | Iterable[Picture]) -> Iterable[Picture]:
    """Return pictures one by one; a lone one is itself one, and not its letters, rows or bytes."""
    if isinstance(pictures, np.ndarray):
        return pictures if pictures.ndim > 3 else (pictures,)
    if isinstance(pictures, _WHOLE) or callable(getattr(pictures, "read", None)):
        return (cast(Picture, pictures),)
    return cast(Iterable[Picture], pictures)


def name_of(source: Picture, otherwise: str) -> str:
    """Return the name of a source for error messages: its path, or `otherwise`."""
    return str(source) if is_named(source) else otherwise


def content_of(source: Picture, name: str, limits: Limits) -> bytes | UInt8 | Image.Image:
    """Return a source as the bytes of a file, an array or a Pillow image.

    An open file is read from its beginning if it is seekable.

    Raises:
        ImageError: when it cannot be read, is too large, or has another type.
    """
    if isinstance(source, np.ndarray | Image.Image | bytes):
        return source
    if isinstance(source, bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str | Path | RemotePath):
        return read_bytes(source, limits)
    if isinstance(source, os.PathLike):
        return read_bytes(os.fspath(source), limits)
    if callable(getattr(source, "read", None)):
        return _read(source, name, limits)
    raise ImageError(
        f"{name} is of type {type(source).__name__}; give a path, the bytes of a file, an open "
        "file, an RGB array or a PIL image"
    )


def _read(file: Any, name: str, limits: Limits) -> bytes:
    content = bytearray()
    try:
        if hasattr(file, "seekable") and file.seekable():
            file.seek(0)
        # A pipe may return less than requested.
        while len(content) <= limits.max_bytes:
            part = file.read(limits.max_bytes + 1 - len(content))
            if not isinstance(part, bytes):
                raise ImageError(f"{name} is a file opened in text mode; open it with mode 'rb'")
            if not part:
                break
            content += part
    except (OSError, ValueError) as error:
        raise ImageError(f"{name} cannot be read ({error}); open its file again") from error
    check_bytes(len(content), name, limits)
    return bytes(content)
