"""Fetch one large file over HTTP: what has come is kept, and the next try asks for the rest."""

from __future__ import annotations

from pathlib import Path

import requests

from beautylens.catalogue.download.pictures import Progress
from beautylens.catalogue.download.transfer import DEFAULT_MANNERS, Manners, polite_session
from beautylens.errors import DownloadError
from beautylens.files.web import (
    BrokenOffError,
    Pace,
    WebError,
    check_status,
    explained,
    read_chunks,
)

PART = ".part"
# Names the version that a part is of, so that two versions never end in one file.
VERSION = ".version"

_RANGE_ANSWERS = frozenset((requests.codes.partial, requests.codes.requested_range_not_satisfiable))


def fetch_file(
    address: str,
    path: Path,
    *,
    manners: Manners = DEFAULT_MANNERS,
    progress: Progress | None = None,
) -> None:
    """Store what an address holds in a file, unless that is there; go on where a run was stopped.

    Args:
        address: of HTTP or HTTPS.
        path: complete or not there, whatever happens; its folder is made.
        manners: how the host is treated.
        progress: told how many bytes have come, of how many (0 where unknown), and how many failed.

    Raises:
        DownloadError: when the file does not come, or not to its end; what has come is kept.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with polite_session(manners, Pace(manners.rate)) as session:
        for left in reversed(range(manners.retries + 1)):
            try:
                part = _go_on(session, address, path, manners, progress)
                break
            except WebError as error:
                if left and isinstance(error, BrokenOffError):
                    continue
                raise DownloadError(
                    f"{address} {error}; give the same command again, which goes on from what has "
                    "come, or name a file that you have"
                ) from error
    part.replace(path)
    _version_of(path).unlink(missing_ok=True)


def _go_on(
    session: requests.Session,
    address: str,
    path: Path,
    manners: Manners,
    progress: Progress | None,
) -> Path:
    """Ask for what is missing and return the part, which then is whole."""
    part, version = path.with_name(path.name + PART), _version_of(path)
    have = part.stat().st_size if part.exists() and version.exists() else 0
    mark = version.read_text("utf-8") if have else ""
    wish = {"Range": f"bytes={have}-", "If-Range": mark} if have else {}
    with explained():
        response = session.get(address, headers=wish, stream=True, timeout=manners.patience)
    with response:
        if response.status_code in _RANGE_ANSWERS:
            if not _goes_on_at(response, have, mark):
                version.unlink(missing_ok=True)
                raise BrokenOffError("does not go on with what has come", lasting=False)
        else:
            check_status(response)
            have = 0
            # In this order, so that a kill never leaves a part beside another version's mark.
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


def _goes_on_at(response: requests.Response, have: int, mark: str) -> bool:
    """Tell whether an answer is the rest of what has come; not every host heeds `If-Range`."""
    said = response.headers.get("Content-Range", "")
    return said.startswith(f"bytes {have}-") and _mark_of(response) == mark


def _mark_of(response: requests.Response) -> str:
    """Return what tells this version from others; without it, a part cannot be gone on with."""
    tag = response.headers.get("ETag", "W/")
    return response.headers.get("Last-Modified", "") if tag.startswith("W/") else tag
