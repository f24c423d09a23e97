"""A large file comes whole or not at all, and no byte of it is asked for twice."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from beautylens.catalogue.download.resumable import fetch_file
from beautylens.errors import DownloadError
from tests.catalogue.fetching import QUICK
from tests.catalogue.web import Handler, Web

BODY = bytes(range(256)) * 20
HALF = len(BODY) // 2
ONE_TRY = replace(QUICK, retries=0)


class FileServer:
    """Answers as a server of files does; breaks off after so many bytes, as often as told."""

    def __init__(
        self, body: bytes = BODY, tag: str = '"v1"', breaks: int = 0, heeds: bool = True
    ) -> None:
        self.body, self.tag, self.breaks, self.heeds = body, tag, breaks, heeds
        self.ranges: list[str | None] = []
        self.sent = 0

    def __call__(self, handler: Handler) -> None:
        wish = handler.headers["Range"]
        self.ranges.append(wish)
        start = 0
        if wish and (handler.headers["If-Range"] == self.tag or not self.heeds):
            start = int(wish.removeprefix("bytes=").removesuffix("-"))
        if start >= len(self.body):
            handler.give(b"", 416)
            return
        rest = self.body[start:]
        whole = {"ETag": self.tag}
        part = whole | {"Content_Range": f"bytes {start}-{len(self.body) - 1}/{len(self.body)}"}
        handler.begin(len(rest), 206 if start else 200, **(part if start else whole))
        if self.breaks:
            self.breaks -= 1
            rest = rest[: HALF - start if start < HALF else 1]
            handler.close_connection = True
        # Counted first: whoever has read the last byte may look at once.
        self.sent += len(rest)
        handler.wfile.write(rest)


def test_a_file_comes_byte_for_byte_once(web: Web, tmp_path: Path) -> None:
    web.answers["export"] = FileServer()
    path = tmp_path / "out" / "export"
    states: list[tuple[int, int, int]] = []
    fetch_file(web.url("export"), path, manners=QUICK, progress=lambda *s: states.append(s))
    assert path.read_bytes() == BODY
    assert states[-1] == (len(BODY), len(BODY), 0)
    assert list(path.parent.iterdir()) == [path]
    fetch_file(web.url("export"), path, manners=QUICK)
    assert web.asked["/export"] == 1


def test_a_file_that_breaks_off_is_gone_on_with_in_the_same_run(web: Web, tmp_path: Path) -> None:
    web.answers["export"] = server = FileServer(breaks=2)
    fetch_file(web.url("export"), tmp_path / "export", manners=QUICK)
    assert (tmp_path / "export").read_bytes() == BODY
    assert server.ranges == [None, f"bytes={HALF}-", f"bytes={HALF + 1}-"]
    assert server.sent == len(BODY)


def test_a_file_that_a_run_left_half_is_gone_on_with_by_the_next(web: Web, tmp_path: Path) -> None:
    web.answers["export"] = server = FileServer(breaks=1)
    path = tmp_path / "export"
    with pytest.raises(DownloadError, match=re.escape(f"{web.url('export')} breaks off (")):
        fetch_file(web.url("export"), path, manners=ONE_TRY)
    assert not path.exists()
    fetch_file(web.url("export"), path, manners=ONE_TRY)
    assert path.read_bytes() == BODY
    assert server.sent == len(BODY)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("tag", ['"v2"', 'W/"v1"'])
def test_two_versions_of_a_file_never_end_in_one(web: Web, tmp_path: Path, tag: str) -> None:
    path = tmp_path / "export"
    web.answers["export"] = FileServer(breaks=1)
    with pytest.raises(DownloadError):
        fetch_file(web.url("export"), path, manners=ONE_TRY)
    web.answers["export"] = FileServer(BODY[::-1], tag)
    fetch_file(web.url("export"), path, manners=ONE_TRY)
    assert path.read_bytes() == BODY[::-1]


def test_a_host_that_goes_on_with_another_version_is_asked_anew(web: Web, tmp_path: Path) -> None:
    path = tmp_path / "export"
    web.answers["export"] = FileServer(breaks=1)
    with pytest.raises(DownloadError):
        fetch_file(web.url("export"), path, manners=ONE_TRY)
    web.answers["export"] = server = FileServer(BODY[::-1], '"v2"', heeds=False)
    fetch_file(web.url("export"), path, manners=QUICK)
    assert path.read_bytes() == BODY[::-1]
    assert server.ranges == [f"bytes={HALF}-", None]


def test_a_part_of_a_version_that_nothing_names_is_fetched_anew(web: Web, tmp_path: Path) -> None:
    path = tmp_path / "export"
    web.answers["export"] = server = FileServer(tag='W/"v1"', breaks=1)
    with pytest.raises(DownloadError):
        fetch_file(web.url("export"), path, manners=ONE_TRY)
    fetch_file(web.url("export"), path, manners=ONE_TRY)
    assert path.read_bytes() == BODY
    assert server.ranges == [None, None]


def test_a_part_that_was_whole_when_the_run_was_killed_is_fetched_anew(
    web: Web, tmp_path: Path
) -> None:
    path = tmp_path / "export"
    (tmp_path / "export.part").write_bytes(BODY)
    (tmp_path / "export.version").write_text('"v1"')
    web.answers["export"] = FileServer()
    fetch_file(web.url("export"), path, manners=QUICK)
    assert path.read_bytes() == BODY


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("404", "answers 404 Not Found"),
        ("500", "answers 500 Internal Server Error"),
        ("redirect-ftp", "redirects to no http or https address"),
        ("redirect-round", "redirects too often (more than 5 times)"),
    ],
)
def test_an_address_without_the_file_is_named_with_the_reason(
    web: Web, tmp_path: Path, path: str, reason: str
) -> None:
    with pytest.raises(DownloadError, match=re.escape(f"{web.url(path)} {reason}; run the same")):
        fetch_file(web.url(path), tmp_path / "export", manners=QUICK)
    assert list(tmp_path.iterdir()) == []
