"""Download the pictures of a catalogue: many hosts at once, each politely, resumable at any time.

A picture is written beside its place and renamed into it, so a kill leaves no half picture. Links
that give no picture are reported in a file, which also keeps later runs from asking again.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import requests

from beautylens.catalogue.download.dead_links import (
    FOR_NOW,
    DeadLink,
    Key,
    Link,
    noting,
    read_dead_links,
    write_dead_links,
)
from beautylens.catalogue.download.transfer import (
    DEFAULT_MANNERS,
    Manners,
    fetch_picture,
    polite_session,
)
from beautylens.catalogue.sharded_folder import Shelf
from beautylens.files.web import HostBusyError, Pace, WebError, host_of

PICTURES = "pictures"
REPORT = "dead.csv"
# Links of one host that fail for now, one after the other, before the rest is left for another run.
MISSES = 5

Progress = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What a run did, and where the pictures are.

    Args:
        pictures: picture file by id, those of earlier runs included.
        fetched: how many of them came in this run.
        present: how many were there before.
        dead: links that give no picture, and why, those remembered from earlier runs included.
        left: links that were not tried, since their host had stopped answering.
        report: the file that lists the dead links.
    """

    pictures: Mapping[str, Path]
    fetched: int
    present: int
    dead: tuple[DeadLink, ...]
    left: int
    report: Path


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a link: a picture, a failure, or neither where it was not tried."""

    link: Link
    picture: Path | None = None
    dead: DeadLink | None = None


@dataclass(slots=True)
class _Tally:
    """What is known so far."""

    pictures: dict[str, Path] = field(default_factory=dict)
    dead: list[DeadLink] = field(default_factory=list)
    left: int = 0

    @property
    def done(self) -> int:
        return len(self.pictures) + len(self.dead) + self.left

    def add(self, outcome: _Outcome) -> None:
        if outcome.picture:
            self.pictures[outcome.link.picture_id] = outcome.picture
        elif outcome.dead:
            self.dead.append(outcome.dead)
        else:
            self.left += 1


@dataclass(slots=True)
class _Host:
    """The links of one host, taken from the left by one thread or more."""

    links: deque[Link] = field(default_factory=deque)
    misses: int = 0


def download(
    links: Sequence[Link],
    folder: Path,
    *,
    manners: Manners = DEFAULT_MANNERS,
    retry_dead: bool = False,
    progress: Progress | None = None,
) -> Downloaded:
    """Fetch what is not there yet into `folder`, and report the links that gave no picture.

    Pictures go to `folder/pictures`, the report to `folder/dead.csv` (`id,address,reason,row`).
    A link is dead when its host says so or sends something else than a picture; later runs leave
    it alone. Where a host did not answer, the reason starts with "for now" and the next run asks
    again, after the links that it has not tried yet.

    Args:
        links: what to fetch; no id twice.
        folder: where to; made where it is missing.
        manners: how hosts are treated.
        retry_dead: ask for dead links again.
        progress: told how many links are done, of how many, and how many of those are dead.

    Raises:
        TableError: when the report of an earlier run cannot be read.
    """
    report = folder / REPORT
    folder.mkdir(parents=True, exist_ok=True)
    remembered = read_dead_links(report)
    # A run that was killed may have left half a line, to which nothing can be added.
    write_dead_links(report, remembered.values())
    shelf = Shelf(folder / PICTURES)
    tally, wanted = _sort_out(links, shelf, {} if retry_dead else remembered)
    present = len(tally.pictures)
    # What failed for now would otherwise come first and use up each run's patience with its host.
    wanted.sort(key=lambda link: link.key in remembered)
    run = _Run(shelf, manners)
    with noting(report) as note, closing(run.outcomes(wanted)) as outcomes:
        for outcome in outcomes:
            tally.add(outcome)
            if outcome.dead:
                note(outcome.dead)
            if progress:
                progress(tally.done, len(links), len(tally.dead))
    ours = {link.key for link in links}
    others = (dead for key, dead in remembered.items() if key not in ours)
    write_dead_links(report, [*others, *tally.dead])
    fetched = len(tally.pictures) - present
    return Downloaded(tally.pictures, fetched, present, tuple(tally.dead), tally.left, report)


def _sort_out(
    links: Sequence[Link], shelf: Shelf, remembered: Mapping[Key, DeadLink]
) -> tuple[_Tally, list[Link]]:
    """Return what is there or known to be dead, and the links to ask."""
    tally, wanted = _Tally(), []
    for link in links:
        known = remembered.get(link.key)
        if file := shelf.find(link.picture_id):
            tally.pictures[link.picture_id] = file
        elif known and known.lasting:
            tally.dead.append(DeadLink(link, known.reason))
        else:
            wanted.append(link)
    return tally, wanted


class _Run:
    """Threads that serve one host each at a time, and the outcomes they give."""

    def __init__(self, shelf: Shelf, manners: Manners) -> None:
        self._shelf = shelf
        self._manners = manners
        self._stop = threading.Event()
        self._pace = Pace(manners.rate, self._stop.wait)
        self._results: queue.SimpleQueue[_Outcome | BaseException | None] = queue.SimpleQueue()
        self._hosts: queue.SimpleQueue[_Host] = queue.SimpleQueue()

    def outcomes(self, links: Sequence[Link]) -> Generator[_Outcome, None, None]:
        """Yield what becomes of each link, in no order; the threads stop when this is closed."""
        hosts = _by_host(links)
        for host in hosts:
            for _ in range(self._manners.connections):
                self._hosts.put(host)
        threads = min(self._manners.hosts, len(hosts)) * self._manners.connections
        for _ in range(threads):
            # Not waited for at an interrupt: what such a thread leaves is a .part file at most.
            threading.Thread(target=self._work, daemon=True).start()
        try:
            while threads:
                result = self._results.get()
                if isinstance(result, BaseException):
                    raise result
                if result is None:
                    threads -= 1
                else:
                    yield result
        finally:
            self._stop.set()

    def _work(self) -> None:
        try:
            while True:
                self._serve(self._hosts.get_nowait())
        except queue.Empty:
            self._results.put(None)
        except BaseException as error:  # noqa: BLE001  (raised again where the outcomes are read)
            self._results.put(error)

    def _serve(self, host: _Host) -> None:
        with polite_session(self._manners, self._pace) as session:
            while host.links and not self._stop.is_set():
                try:
                    link = host.links.popleft()
                except IndexError:
                    return
                self._results.put(self._ask(session, host, link))

    def _ask(self, session: requests.Session, host: _Host, link: Link) -> _Outcome:
        if host.misses >= MISSES:
            return _Outcome(link)
        part = self._shelf.part(link.picture_id)
        try:
            suffix = self._fetch(session, link, part)
        except WebError as error:
            part.unlink(missing_ok=True)
            away = isinstance(error, HostBusyError)
            host.misses = 0 if error.lasting else MISSES if away else host.misses + 1
            reason = f"{'' if error.lasting else FOR_NOW}{error}"
            return _Outcome(link, dead=DeadLink(link, reason))
        host.misses = 0
        return _Outcome(link, picture=part.replace(part.with_suffix(suffix)))

    def _fetch(self, session: requests.Session, link: Link, part: Path) -> str:
        try:
            return fetch_picture(session, link.address, part, self._manners)
        except WebError as error:
            if not (error.lasting and link.otherwise):
                raise
        return fetch_picture(session, link.otherwise, part, self._manners)


def _by_host(links: Sequence[Link]) -> list[_Host]:
    """Return the hosts, those with the most links first, since they take longest."""
    hosts: dict[str, _Host] = {}
    for link in links:
        hosts.setdefault(host_of(link.address), _Host()).links.append(link)
    return sorted(hosts.values(), key=lambda host: -len(host.links))
