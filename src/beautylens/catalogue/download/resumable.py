"""Resumable download of one large file over HTTP, by range requests."""

from __future__ import annotations

from pathlib import Path

import requests

from beautylens.catalogue.download.pictures import Progress
from beautylens.catalogue.download.transfer import DEFAULT_MANNERS, Manners, polite_session
from beautylens.errors import DownloadError
from beautylens.files.web import Pace, check_status, explained, read_chunks
from beautylens.files.web_errors import BrokenOffError, WebError

PART = ".part"
# Suffix of the file with the version (ETag) of a part, so that two versions are never mixed.
VERSION = ".version"

_RANGE_ANSWERS = frozenset((requests.codes.partial, requests.codes.requested_range_not_satisfiable))


def fetch_file(
    address: str,
    path: Path,
    *,
    manners: Manners = DEFAULT_MANNERS,
    progress: Progress | None = None,
) -> None:
    """Download an address into a file unless it exists; resume an interrupted download.

    Args:
        address: an HTTP or HTTPS URL.
        path: complete or missing at any time; its folder is created.
        manners: limits for the host.
        progress: called with the bytes received, the total (0 if unknown), and the failures.

    Raises:
        DownloadError: when the download fails; the received part is kept.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with polite_session(manners, Pace(manners.rate)) as session:
        for left in reversed(range(manners.retries + 1)):
            try:
                part = _resume(session, address, path, manners, progress)
                break
            except WebError as error:
                if left and isinstance(error, BrokenOffError):
                    continue
                raise DownloadError(
                    f"{address} {error}; run the same command again to resume the download, or "
                    "name a local file"
                ) from error
    part.replace(path)
    _version_of(path).unlink(missing_ok=True)


def _resume(
    session: requests.Session,
    address: str,
    path: Path,
    manners: Manners,
    progress: Progress | None,
) -> Path:
    """Request the missing bytes and return the completed part."""
    part, version = path.with_name(path.name + PART), _version_of(path)
    have = part.stat().st_size if part.exists() and version.exists() else 0
    mark = version.read_text("utf-8") if have else ""
    wish = {"Range": f"bytes={have}-", "If-Range": mark} if have else {}
    with explained():
        response = session.get(address, headers=wish, stream=True, timeout=manners.patience)
    with response:
        if response.status_code in _RANGE_ANSWERS:
            if not _continues(response, have, mark):
                version.unlink(missing_ok=True)
                raise BrokenOffError("does not continue the part received before", lasting=False)
        else:
            check_status(response)
            have = 0
            # In this order, so that a kill never leaves a part with another version's mark.
            version.unlink(missing_ok=True)
            part.unlink(missing_ok=True)
            if mark := _mark_of(response):
                version.write_text(mark, "utf-8")
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdecimal() else 0
        with part.open("ab") as file:
            for chunk in read_chunks(response):
                file.write(chunk)
                have += len(chunk)
                if progress:
                    progress(have, total, 0)
    return part


def _version_of(path: Path) -> Path:
    return path.with_name(path.name + VERSION)


def _continues(response: requests.Response, have: int, mark: str) -> bool:
    """Return whether a response continues the received part; some hosts ignore `If-Range`."""
    received = response.headers.get("Content-Range", "")
    return received.startswith(f"bytes {have}-") and _mark_of(response) == mark


def _mark_of(response: requests.Response) -> str:
    """Return what identifies this version; without it, a part cannot be resumed."""
    tag = response.headers.get("ETag", "W/")
    return response.headers.get("Last-Modified", "") if tag.startswith("W/") else tag
