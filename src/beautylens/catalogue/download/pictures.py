"""Download the pictures of a catalogue: many hosts at once, rate-limited, resumable.

A picture is written to a temporary file and renamed, so a kill leaves no incomplete picture. Links
that give no picture are reported in a file, and later runs skip them.
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
from beautylens.catalogue.sharded_folder import ShardedFolder
from beautylens.files.web import Pace, host_of
from beautylens.files.web_errors import HostBusyError, WebError

PICTURES = "pictures"
REPORT = "dead.csv"
# Consecutive temporary failures of a host after which its other links are left for another run.
MISSES = 5

Progress = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True)
class Downloaded:
    """The result of a run.

    Args:
        pictures: picture file by id, including those of earlier runs.
        fetched: the number of pictures fetched in this run.
        present: the number of pictures of earlier runs.
        dead: links that give no picture, and why, including those of earlier runs.
        left: the number of links not tried because their host stopped answering.
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
    """The result of a link: a picture, a failure, or neither if it was not tried."""

    link: Link
    picture: Path | None = None
    dead: DeadLink | None = None


@dataclass(slots=True)
class _Tally:
    """The results so far."""

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
    """The queue of one host's links, shared by its threads."""

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
    """Fetch missing pictures into `folder`, and report the links that give no picture.

    Pictures go to `folder/pictures`, the report to `folder/dead.csv` (`id,address,reason,row`).
    A link is dead if its host says so or sends something that is not a picture; later runs skip
    it. If a host did not answer, the reason begins with "for now" and the next run tries the link
    again, after the links that were not tried.

    Args:
        links: with distinct ids.
        folder: created if it does not exist.
        manners: limits per host and picture.
        retry_dead: whether to try dead links again.
        progress: called with the number of finished links, of all links, and of dead links.

    Raises:
        TableError: when the report of an earlier run cannot be read.
    """
    report = folder / REPORT
    folder.mkdir(parents=True, exist_ok=True)
    remembered = read_dead_links(report)
    # Rewritten, because a killed run may have left an incomplete last line.
    write_dead_links(report, remembered.values())
    pictures = ShardedFolder(folder / PICTURES)
    tally, wanted = _sort_out(links, pictures, {} if retry_dead else remembered)
    present = len(tally.pictures)
    # Last, so that temporary failures of earlier runs do not stop the host before new links.
    wanted.sort(key=lambda link: link.key in remembered)
    run = _Run(pictures, manners)
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
    links: Sequence[Link], pictures: ShardedFolder, remembered: Mapping[Key, DeadLink]
) -> tuple[_Tally, list[Link]]:
    """Return the pictures and dead links of earlier runs, and the links to fetch."""
    tally, wanted = _Tally(), []
    for link in links:
        known = remembered.get(link.key)
        if file := pictures.find(link.picture_id):
            tally.pictures[link.picture_id] = file
        elif known and known.lasting:
            tally.dead.append(DeadLink(link, known.reason))
        else:
            wanted.append(link)
    return tally, wanted


class _Run:
    """Threads that each fetch from one host at a time."""

    def __init__(self, pictures: ShardedFolder, manners: Manners) -> None:
        self._pictures = pictures
        self._manners = manners
        self._stop = threading.Event()
        self._pace = Pace(manners.rate, self._stop.wait)
        self._results: queue.SimpleQueue[_Outcome | BaseException | None] = queue.SimpleQueue()
        self._hosts: queue.SimpleQueue[_Host] = queue.SimpleQueue()

    def outcomes(self, links: Sequence[Link]) -> Generator[_Outcome, None, None]:
        """Yield the result of each link, in any order; closing the generator stops the threads."""
        hosts = _by_host(links)
        for host in hosts:
            for _ in range(self._manners.connections):
                self._hosts.put(host)
        threads = min(self._manners.hosts, len(hosts)) * self._manners.connections
        for _ in range(threads):
            # Daemons, because after an interrupt they leave at most a .part file.
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
        part = self._pictures.part(link.picture_id)
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
    """Return the hosts, those with the most links first, because they take longest."""
    hosts: dict[str, _Host] = {}
    for link in links:
        hosts.setdefault(host_of(link.address), _Host()).links.append(link)
    return sorted(hosts.values(), key=lambda host: -len(host.links))
