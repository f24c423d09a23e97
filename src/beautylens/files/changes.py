"""Whether a file on this machine, in object storage or on the web has changed since it was read."""

from __future__ import annotations

from dataclasses import dataclass

import requests

from beautylens.files.paths import AnyPath, RemotePath, size_and_mtime
from beautylens.files.web import PATIENCE, check_status, explained, shared_session
from beautylens.files.web_errors import WebError


@dataclass(frozen=True, slots=True)
class Seen:
    """What identifies the content of a file without reading it; all empty if nothing does.

    Args:
        etag: of an HTTP response.
        modified: its `Last-Modified`.
        size_and_mtime: of a file.
    """

    etag: str = ""
    modified: str = ""
    size_and_mtime: tuple[int, int] | None = None


def changed(file: AnyPath, seen: Seen | None) -> Seen | None:
    """Return what identifies the present content of a file; None if it is still the one seen.

    On the web this is one conditional request (RFC 9110, section 13), of which no content is read.

    Raises:
        OSError: when the file does not exist or cannot be reached.
    """
    if isinstance(file, RemotePath) and file.is_on_web:
        present = _on_web(file.address, seen)
    else:
        present = Seen(size_and_mtime=size_and_mtime(file))
    return None if present is None or (present == seen and present != Seen()) else present


def _on_web(address: str, seen: Seen | None) -> Seen | None:
    headers = {}
    if seen and seen.etag:
        headers["If-None-Match"] = seen.etag
    if seen and seen.modified:
        headers["If-Modified-Since"] = seen.modified
    try:
        with explained():
            response = shared_session().get(address, stream=True, timeout=PATIENCE, headers=headers)
        with response:
            if response.status_code == requests.codes.not_modified:
                return None
            check_status(response)
    except WebError as error:
        raise OSError(f"the server {error}") from error
    found = response.headers
    return Seen(found.get("ETag", ""), found.get("Last-Modified", ""))
