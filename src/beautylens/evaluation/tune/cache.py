"""The on-disk cache of tuning, by which an interrupted run is resumed."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from beautylens import __version__
from beautylens.arrays import Float32
from beautylens.files.paths import AnyPath
from beautylens.images.parquet import picture_stamp


def digest_of(*parts: object) -> str:
    """Return a hash of everything that a result depends on, as 16 hexadecimal digits.

    It includes the program's version and the machine, on which figures and times depend too.
    """
    text = "\x00".join(map(str, (__version__, platform.node(), *parts)))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def pictures_digest(paths: Iterable[AnyPath]) -> str:
    """Return a digest of picture files: their paths and, for local files, size and age."""
    return digest_of(*(f"{path} {_stamp(path)}" for path in paths))


def _stamp(path: AnyPath) -> tuple[int, int]:
    if isinstance(path, Path):
        # A missing picture is reported when it is read.
        with suppress(OSError):
            return picture_stamp(path)
    return 0, 0


class Memory:
    """A folder of results, each under the digest of its inputs and written atomically."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def values(self, key: str, make: Callable[[], Any]) -> Any:
        """Return JSON values; compute and store them if they are missing."""
        file = self._folder / f"{key}.json"
        if not file.exists():
            self._write(file, json.dumps(make()).encode())
        return json.loads(file.read_bytes())

    def arrays(self, key: str, make: Callable[[], Mapping[str, Float32]]) -> dict[str, Float32]:
        """Return arrays by name; compute and store them if they are missing."""
        file = self._folder / f"{key}.npz"
        if not file.exists():
            draft = self._folder / f"{key}.{os.getpid()}.npz"
            made: dict[str, Any] = {**make()}
            np.savez(draft, **made)
            draft.replace(file)
        with np.load(file, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}

    @staticmethod
    def _write(file: Path, content: bytes) -> None:
        draft = file.with_suffix(f".{os.getpid()}")
        draft.write_bytes(content)
        draft.replace(file)
