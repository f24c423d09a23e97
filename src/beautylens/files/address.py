"""Files and folders where they are: on this machine, in object storage, on the web."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias
from urllib.parse import quote, unquote, urljoin, urlsplit

from beautylens.files.disk_names import on_disk
from beautylens.files.redirects import refusal
from beautylens.runtime.native import cache_per_process

SCHEMES = ("s3", "gs", "http", "https")
"""What an address may begin with; the first two also hold collections."""
STORES = ("s3", "gs")
# Seconds for a connection and for the next bytes of an answer; and for all of a file.
_PATIENCE, _DEADLINE = (10.0, 30.0), 120.0
_REDIRECTS = 3

ADDRESS = r"^[A-Za-z][A-Za-z0-9+.\-]+://"


def is_address(text: str) -> bool:
    """Tell whether a text is an address, of any kind, and not a path."""
    return re.match(ADDRESS, text) is not None


def is_strange(text: str) -> bool:
    """Tell whether a text is an address of a kind that is not read."""
    return is_address(text) and text.partition("://")[0].lower() not in SCHEMES


@dataclass(frozen=True, slots=True)
class Remote:
    """A file or folder in object storage or on the web, used like a `pathlib.Path`.

    Credentials and endpoints come from the environment alone, as Arrow and LanceDB take them
    (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`).

    Only what the owner of a catalogue wrote is made one of these: a text from elsewhere that
    looks like an address stays a text, and is refused where a file is wanted.
    """

    address: str

    def __str__(self) -> str:
        return self.address

    def __truediv__(self, name: str) -> Remote:
        name = quote(name, safe="/%") if self._is_on_web else name
        return Remote(f"{self.address.rstrip('/')}/{name}")

    @property
    def _path(self) -> PurePosixPath:
        parts = urlsplit(self.address)
        # Only on the web are there questions and escapes in an address.
        if parts.scheme in STORES:
            return PurePosixPath(self.address.partition("://")[2])
        return PurePosixPath(unquote(parts.path))

    @property
    def _is_on_web(self) -> bool:
        return self.address.startswith("http")

    @property
    def name(self) -> str:
        """The last part."""
        return self._path.name

    @property
    def stem(self) -> str:
        """The last part without its suffix."""
        return self._path.stem

    @property
    def suffix(self) -> str:
        """What the last part ends in, with the dot."""
        return self._path.suffix

    @property
    def parent(self) -> Remote:
        """The folder."""
        plain = re.split("[?#]", self.address)[0] if self._is_on_web else self.address
        return Remote(plain.rstrip("/").rpartition("/")[0])

    def absolute(self) -> Remote:
        """Return itself."""
        return self

    resolve = absolute

    def read_bytes(self, most: int | None = None) -> bytes:
        """Return the content; of a longer file than `most` bytes only one byte more.

        Raises:
            OSError: when there is no such file, or it cannot be reached.
        """
        if self._is_on_web:
            return _fetched(self.address, most)
        files, path = _opened(self.address)
        with files.open_input_file(path) as file:
            content: bytes = file.read(None if most is None else most + 1)
            return content

    def write_bytes(self, content: bytes) -> None:
        """Write a file whole.

        Raises:
            OSError: when it cannot be written.
        """
        files, path = _opened(self.address)
        with files.open_output_stream(path) as file:
            file.write(content)

    def is_file(self) -> bool:
        """Tell whether there is a file."""
        return self._is_on_web or bool(self._info().is_file)

    def is_dir(self) -> bool:
        """Tell whether there is a folder; on the web there are none."""
        return not self._is_on_web and self._info().type.name == "Directory"

    def iterdir(self) -> Iterator[Remote]:
        """Yield what a folder holds."""
        from pyarrow.fs import FileSelector

        files, path = _opened(self.address)
        for found in files.get_file_info(FileSelector(path, allow_not_found=True)):
            yield self / found.base_name

    def _info(self) -> Any:
        files, path = _opened(self.address)
        return files.get_file_info(path)


Place: TypeAlias = Path | Remote


def place(text: str | Place) -> Place:
    """Return where a text of the catalogue's owner points: a path, or an address."""
    if isinstance(text, Remote):
        return text
    return _remote(str(text)) if is_address(str(text)) else Path(text)


def beside(folder: Place, name: str) -> Place:
    """Return where a file is that a table in this folder names: by its path, or by its address."""
    if is_address(name):
        return _remote(name)
    return folder / name if isinstance(folder, Remote) else on_disk(folder, name)


def _remote(text: str) -> Remote:
    scheme, _, rest = text.partition("://")
    return Remote(f"{scheme.lower()}://{rest}")


@contextmanager
def on_this_machine(file: Place) -> Iterator[Path]:
    """Give a file as one of this machine, copied here for as long as it is needed.

    Raises:
        OSError: when it cannot be read.
    """
    if isinstance(file, Path):
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="beautylens-") as folder:
        # The suffix says how to read it; the name is of the address, and may be none of a file.
        copy = Path(folder) / f"copy{file.suffix[:20]}"
        copy.write_bytes(file.read_bytes())
        yield copy


def stamp(file: Place) -> tuple[int, int]:
    """Return how many bytes a file has, and when it was changed, in ns; on the web, 0.

    Raises:
        OSError: when there is none, or it cannot be reached.
    """
    if isinstance(file, Path):
        return file.stat().st_size, file.stat().st_mtime_ns
    if file._is_on_web:
        return len(file.read_bytes()), 0
    found = file._info()
    if not found.is_file:
        raise FileNotFoundError(f"{file} does not exist")
    return int(found.size), int(found.mtime_ns or 0)


def folder_bytes(folder: Place) -> int:
    """Return how many bytes a folder holds, those of its folders included.

    Raises:
        OSError: when it cannot be read.
    """
    if isinstance(folder, Path):
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    from pyarrow.fs import FileSelector

    files, path = _opened(folder.address)
    return sum(file.size or 0 for file in files.get_file_info(FileSelector(path, recursive=True)))


def _opened(address: str) -> tuple[Any, str]:
    scheme, _, path = address.partition("://")
    return _file_system(scheme, path.partition("/")[0]), path.rstrip("/")


@cache_per_process
def _file_system(scheme: str, bucket: str) -> Any:
    """Return Arrow's file system for a bucket, made when first needed."""
    from pyarrow.fs import FileSystem

    if scheme not in STORES:
        raise OSError(f"{scheme}:// cannot be read; give a path, or {', '.join(SCHEMES)}")
    if not bucket:
        raise OSError(f"{scheme}:// is no address of object storage; name a bucket")
    try:
        # From an address, Arrow looks for endpoint and region in the environment.
        return FileSystem.from_uri(f"{scheme}://{bucket}")[0]
    except ValueError as error:
        raise OSError(f"{scheme}://{bucket} is no address of object storage") from error


@cache_per_process
def _session() -> Any:
    """Return what asks the web, patient with servers that are busy."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    session = requests.Session()
    session.headers["User-Agent"] = "beautylens (+catalogue)"
    # A host that asks to be left alone for hours is left alone, not waited for.
    busy = Retry(
        2, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504),
        respect_retry_after_header=False, raise_on_status=False,
    )  # fmt: skip
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=busy, pool_maxsize=32))
    return session


def _fetched(address: str, most: int | None) -> bytes:
    """Return what an address of the web holds, following it to no other host.

    Raises:
        OSError: with the status that the server answers, or why there is no answer.
    """
    import requests

    try:
        return _followed(address, most)
    except requests.HTTPError as error:
        answer = error.response
        raise OSError(f"the server answers {answer.status_code} {answer.reason}".strip()) from error
    except requests.RequestException as error:
        # What urllib3 met, without the pools and retries around it.
        cause = getattr(error.args[0] if error.args else error, "reason", error)
        raise OSError(f"there is no answer: {str(cause).rpartition(': ')[2]}") from error


def _followed(address: str, most: int | None) -> bytes:
    until = time.monotonic() + _DEADLINE
    for _ in range(_REDIRECTS + 1):
        with _session().get(
            address, timeout=_PATIENCE, stream=True, allow_redirects=False
        ) as answer:
            answer.raise_for_status()
            if not answer.is_redirect:
                return _content(answer, most, until)
            further = urljoin(address, answer.headers["Location"])
        if urlsplit(further).hostname != urlsplit(address).hostname:
            raise OSError("it leads to another host")
        if reason := refusal(address, further):
            raise OSError(f"it {reason}")
        address = further
    raise OSError("it leads on and on")


def _content(answer: Any, most: int | None, until: float) -> bytes:
    content = bytearray()
    for chunk in answer.iter_content(1 << 16):
        content += chunk
        if most is not None and len(content) > most:
            break
        if time.monotonic() > until:
            raise TimeoutError(f"it did not come within {_DEADLINE:.0f} s")
    return bytes(content)
