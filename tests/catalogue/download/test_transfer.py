"""Hosts are asked politely, and no answer takes longer or costs more than it may."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from beautylens.catalogue.download.dead_links import Link
from beautylens.catalogue.download.pictures import download
from beautylens.catalogue.download.transfer import Manners, is_fetchable
from beautylens.files.web import Pace
from beautylens.images.limits import Limits
from tests.catalogue.fetching import QUICK, fetch, reasons
from tests.catalogue.web import PICTURE, TRICKLE_SECONDS, Handler, Web


def test_the_downloader_says_who_is_asking(web: Web, tmp_path: Path) -> None:
    fetch(web, tmp_path, "ok", "redirect")
    (agent,) = web.agents
    assert agent is not None
    assert agent.startswith("beautylens/")
    assert agent.endswith(" (+catalogue download)")


def test_a_host_is_told_whom_to_write_to(web: Web, tmp_path: Path) -> None:
    fetch(web, tmp_path, "ok", manners=replace(QUICK, contact="shop@example.org"))
    (agent,) = web.agents
    assert agent is not None
    assert re.fullmatch(r"beautylens/[0-9.]+ \(shop@example\.org\)", agent)


def test_a_second_address_is_asked_where_the_first_has_lastingly_nothing(
    web: Web, tmp_path: Path
) -> None:
    links = [
        Link(f"n{row}", web.url(first), row, web.url(second))
        for row, (first, second) in enumerate(
            [("ok", "404"), ("404", "png"), ("404", "html"), ("500", "ok")]
        )
    ]
    done = download(links, tmp_path, manners=replace(QUICK, retries=0))
    assert {name: file.suffix for name, file in done.pictures.items()} == {
        "n0": ".jpg", "n1": ".png",
    }  # fmt: skip
    dead = {link.line[0]: link.line[1:3] for link in done.dead}
    assert dead["n2"] == (web.url("404"), "what comes holds a web page or other text")
    assert dead["n3"] == (web.url("500"), "for now: answers 500 Internal Server Error")
    assert web.asked["/ok"] == 1


@pytest.mark.parametrize(
    "address",
    ["file:///etc/hostname", "ftp://h/x.jpg", "x.jpg", "", "http://", "https:x", "http://["],
)
def test_only_http_and_https_addresses_are_asked(tmp_path: Path, address: str) -> None:
    assert not is_fetchable(address)
    done = download([Link("n1", address, 7)], tmp_path, manners=QUICK)
    assert done.dead[0].line == ("n1", address, "no http or https address", 7)


def test_retry_after_is_waited_for_as_long_as_the_host_asks(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waits.append)
    web.answers["busy"] = lambda handler: (
        handler.give(b"", 429, Retry_After="7") if handler.first() else handler.give(PICTURE)
    )
    assert fetch(web, tmp_path, "busy").fetched == 1
    assert waits == [7]


def test_a_host_that_asks_for_hours_is_left_alone_for_this_run(web: Web, tmp_path: Path) -> None:
    web.answers["away"] = lambda handler: handler.give(b"", 429, Retry_After="3600")
    done = fetch(web, tmp_path, "away", "ok")
    assert reasons(done) == {"away": "for now: asks to be left alone for 3,600 s"}
    assert (done.left, web.asked["/ok"], web.asked["/away"]) == (1, 0, 1)
    done = fetch(web, tmp_path, "away", "ok")
    assert (done.fetched, done.left, web.asked["/away"]) == (1, 0, 2)


def test_a_retry_after_that_nobody_understands_is_as_none(web: Web, tmp_path: Path) -> None:
    with pytest.raises(InvalidHeader):
        Retry().parse_retry_after("soon")
    web.answers["busy"] = lambda handler: (
        handler.give(b"", 503, Retry_After="soon") if handler.first() else handler.give(PICTURE)
    )
    assert fetch(web, tmp_path, "busy").fetched == 1


def test_a_picture_that_trickles_in_meets_its_time_limit(web: Web, tmp_path: Path) -> None:
    start = time.monotonic()
    done = fetch(web, tmp_path, "trickle", manners=Manners(rate=10_000, timeout=0.5))
    assert reasons(done) == {"trickle": "for now: takes longer than 0.5 s"}
    assert time.monotonic() - start < len(PICTURE) * TRICKLE_SECONDS / 2


def test_a_host_that_sends_nothing_meets_the_time_limit_too(web: Web, tmp_path: Path) -> None:
    release = threading.Event()
    web.answers["silent"] = lambda _: release.wait(5) and None
    done = fetch(web, tmp_path, "silent", manners=Manners(rate=10_000, timeout=0.1, retries=0))
    release.set()
    assert reasons(done)["silent"].startswith("for now: does not answer (")


def test_a_body_without_a_length_is_cut_off_at_the_limit(web: Web, tmp_path: Path) -> None:
    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        while True:
            handler.wfile.write(PICTURE * 100)

    web.answers["endless"] = endless
    small = Manners(rate=10_000, limits=Limits(max_bytes=100_000))
    assert (
        "where at most 100,000 are allowed"
        in reasons(fetch(web, tmp_path, "endless", manners=small))["endless"]
    )


def test_a_host_is_asked_no_more_often_than_the_rate_allows(web: Web, tmp_path: Path) -> None:
    start = time.monotonic()
    fetch(web, tmp_path, "ok", "redirect", "png", "404", manners=Manners(rate=40))
    # A redirect is a request too.
    assert len(web.times) == 5
    assert all(when - start >= turn / 40 for turn, when in enumerate(sorted(web.times)))


def test_pace_gives_each_host_turns_of_its_own() -> None:
    waits: list[float] = []
    pace = Pace(0.1, waits.append)
    for host in ("a", "a", "b", "a"):
        pace.keep(host)
    assert waits == pytest.approx([10, 20], abs=0.5)


def test_addresses_with_odd_characters_are_asked_as_a_browser_would(
    web: Web, tmp_path: Path
) -> None:
    done = fetch(web, tmp_path, "crème/été 50%/ok", "a b/../ok")
    assert done.fetched == 2
