"""Paths on this machine, and paths like them in object storage and on the web.

Not universal-pathlib: its back ends for `s3://` and `gs://` (s3fs, gcsfs) add 115 MB to an
installation and 0.6 to 1.0 s to the first path, where Arrow's file systems are there already; and
its HTTP follows any redirect.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias
from urllib.parse import quote, unquote, urlsplit

from beautylens.files.disk_names import on_disk
from beautylens.runtime.native import cache_per_process

# Collections are stored under the first two; pictures and tables are read from all.
_STORES = ("s3", "gs")
_SCHEMES = (*_STORES, "http", "https")
# Only the name of a bucket: Arrow would send the credentials of the environment to the server in
# `?endpoint_override=`.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
ADDRESS = r"^[A-Za-z][A-Za-z0-9+.\-]+://"


def is_address(text: str) -> bool:
    """Return whether a text is an address, of any scheme, and not a path."""
    return re.match(ADDRESS, text) is not None


def is_unsupported(text: str) -> bool:
    """Return whether a text is an address of an unsupported scheme."""
    return is_address(text) and text.partition("://")[0].lower() not in _SCHEMES


@dataclass(frozen=True, slots=True)
class RemotePath:
    """A file or folder in object storage or on the web, used like a `pathlib.Path`.

    Credentials and endpoints come from the environment alone, as Arrow and Lance take them
    (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`).

    Only addresses in the catalogue or given by the user become one of these; addresses in other
    texts, such as the name of a photo, are refused.
    """

    address: str

    def __str__(self) -> str:
        return self.address

    def __truediv__(self, name: str) -> RemotePath:
        name = quote(name, safe="/%") if self.is_on_web else name
        return RemotePath(f"{self.address.rstrip('/')}/{name}")

    @property
    def is_on_web(self) -> bool:
        """Whether the address is an HTTP address."""
        return self.address.startswith("http")

    @property
    def _path(self) -> PurePosixPath:
        # Only on the web do addresses have queries and escapes.
        path = urlsplit(self.address).path if self.is_on_web else self.address.partition("://")[2]
        return PurePosixPath(unquote(path) if self.is_on_web else path)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self._path.name

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return self._path.stem

    @property
    def suffix(self) -> str:
        """The file extension, with the dot."""
        return self._path.suffix

    @property
    def parent(self) -> RemotePath:
        """The folder."""
        plain = re.split("[?#]", self.address)[0] if self.is_on_web else self.address
        return RemotePath(plain.rstrip("/").rpartition("/")[0])

    def absolute(self) -> RemotePath:
        """Return itself."""
        return self

    resolve = absolute

    def read_bytes(self, most: int | None = None) -> bytes:
        """Return the content; reading stops after more than `most` bytes.

        Raises:
            OSError: when the file does not exist or cannot be reached.
        """
        if self.is_on_web:
            from beautylens.files.web import read_web

            return read_web(self.address, most)
        files, path = _opened(self.address)
        with files.open_input_file(path) as file:
            content: bytes = file.read(None if most is None else most + 1)
            return content

    def write_bytes(self, content: bytes) -> None:
        """Write a file.

        Raises:
            OSError: when it cannot be written.
        """
        files, path = _opened(self.address)
        with files.open_output_stream(path) as file:
            file.write(content)

    def unlink(self) -> None:
        """Delete a file.

        Raises:
            OSError: when it cannot be deleted.
        """
        files, path = _opened(self.address)
        files.delete_file(path)

    def is_file(self) -> bool:
        """Return whether the file exists; always True on the web."""
        return self.is_on_web or bool(self.info().is_file)

    def is_dir(self) -> bool:
        """Return whether the folder exists; always False on the web."""
        return not self.is_on_web and self.info().type.name == "Directory"

    def iterdir(self) -> Iterator[RemotePath]:
        """Yield the files and folders in a folder."""
        for found in self.entries():
            yield self / found.base_name

    def info(self) -> Any:
        """Return Arrow's `FileInfo` of an object."""
        files, path = _opened(self.address)
        return files.get_file_info(path)

    def entries(self, *, recursive: bool = False) -> list[Any]:
        """Return Arrow's `FileInfo` of each object in a folder."""
        from pyarrow.fs import FileSelector

        files, path = _opened(self.address)
        found: list[Any] = files.get_file_info(
            FileSelector(path, allow_not_found=True, recursive=recursive)
        )
        return found


AnyPath: TypeAlias = Path | RemotePath


def as_path(text: str | AnyPath) -> AnyPath:
    """Return a text of the catalogue or the user as a path or an address."""
    if isinstance(text, RemotePath):
        return text
    return _remote(str(text)) if is_address(str(text)) else Path(text)


def path_in(folder: AnyPath, name: str) -> AnyPath:
    """Return a file named in a table: an address, or a path relative to the table's folder."""
    if is_address(name):
        return _remote(name)
    return folder / name if isinstance(folder, RemotePath) else on_disk(folder, name)


def _remote(text: str) -> RemotePath:
    scheme, _, rest = text.partition("://")
    return RemotePath(f"{scheme.lower()}://{rest}")


@contextmanager
def local_copy(file: AnyPath) -> Iterator[Path]:
    """Yield a local file: the file itself, or a temporary copy of a remote one.

    Raises:
        OSError: when it cannot be read.
    """
    if isinstance(file, Path):
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="beautylens-") as folder:
        # The suffix gives the format; the name in the address may be invalid as a file name.
        copy = Path(folder) / f"copy{file.suffix[:20]}"
        copy.write_bytes(file.read_bytes())
        yield copy


def size_and_mtime(file: AnyPath) -> tuple[int, int]:
    """Return the size of a file in bytes and its time of change in nanoseconds; 0 on the web.

    Raises:
        OSError: when the file does not exist or cannot be reached.
    """
    if isinstance(file, Path):
        return file.stat().st_size, file.stat().st_mtime_ns
    if file.is_on_web:
        return len(file.read_bytes()), 0
    found = file.info()
    if not found.is_file:
        raise FileNotFoundError(f"{file} does not exist")
    return int(found.size), int(found.mtime_ns or 0)


def folder_size(folder: AnyPath) -> int:
    """Return the total size in bytes of the files in a folder and its subfolders.

    Raises:
        OSError: when it cannot be read.
    """
    if isinstance(folder, Path):
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return sum(file.size or 0 for file in folder.entries(recursive=True))


def _opened(address: str) -> tuple[Any, str]:
    scheme, _, path = address.partition("://")
    return _file_system(scheme, path.partition("/")[0]), path.rstrip("/")


@cache_per_process
def _file_system(scheme: str, bucket: str) -> Any:
    """Return Arrow's file system for a bucket, created on first use."""
    from pyarrow.fs import FileSystem

    if scheme not in _STORES:
        raise OSError(f"{scheme}:// cannot be read; give a path, or {', '.join(_SCHEMES)}")
    if not _BUCKET.fullmatch(bucket):
        raise OSError(f"{scheme}://{bucket} is not an address of object storage; name a bucket")
    try:
        # Given an address, Arrow takes endpoint and region from the environment.
        return FileSystem.from_uri(f"{scheme}://{bucket}")[0]
    except ValueError as error:
        raise OSError(f"{scheme}://{bucket} is not an address of object storage") from error
