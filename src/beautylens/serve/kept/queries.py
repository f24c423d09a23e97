"""The searches of people, with what they did next, for the owner to review.

One SQLite file, which the worker processes of a server share.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence, Set
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from beautylens.errors import CollectionError
from beautylens.files.writing import PRIVATE
from beautylens.results import Matches
from beautylens.serve.kept.answers import MOST_BYTES, PHOTOS, Answers, make_folders, write_photo
from beautylens.serve.kept.photos import encoded_photo

Event = Literal["click", "cart", "correct", "none"]
FILE = "queries.sqlite"
# Maximum number of kept searches: of more, the oldest that the owner did not label are deleted.
MOST = 10_000
_DAY = 24 * 3600
# Events of one search that are kept.
MOST_EVENTS = 50
# Seconds to wait for another process that writes.
_WAIT = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS queries (
    query_id TEXT PRIMARY KEY, seconds REAL NOT NULL, photo TEXT NOT NULL, bytes INTEGER NOT NULL,
    verdict TEXT, probability REAL, product_ids TEXT NOT NULL,
    label TEXT, reviewed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS events (
    query_id TEXT NOT NULL, seconds REAL NOT NULL, event TEXT NOT NULL, product_id TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_query ON events (query_id);
"""
# What an owner should look at first: searches that nobody labelled, of these those without a clear
# answer, and matches that nobody chose.
_LISTED = """
SELECT query_id, seconds, verdict, probability, product_ids, label,
    (SELECT COUNT(*) FROM events WHERE events.query_id = queries.query_id) AS chosen
FROM queries
ORDER BY label IS NOT NULL,
    CASE WHEN verdict = 'unsure' THEN 0
         WHEN verdict IS NULL OR verdict = 'not_in_catalogue' THEN 1
         WHEN chosen = 0 THEN 2 ELSE 3 END,
    seconds DESC
LIMIT ? OFFSET ?
"""
_SURPLUS = """
SELECT query_id, photo
FROM (SELECT query_id, photo, reviewed,
        ROW_NUMBER() OVER newest AS number, SUM(bytes) OVER newest AS size
    FROM queries WINDOW newest AS (ORDER BY seconds DESC))
WHERE reviewed = 0 AND (number > ? OR size > ?)
"""


@dataclass(frozen=True, slots=True)
class KeptQuery:
    """A search that was kept.

    Args:
        query_id: of the answer.
        seconds: since 1970, when it was made.
        verdict: of the answer.
        probability: of the answer.
        product_ids: that were answered, best first.
        events: what the person did next, in order: the event and the product's id.
        label: the product that the photo shows, empty if it shows none of the catalogue; None if
            nobody said so.
    """

    query_id: str
    seconds: float
    verdict: str | None
    probability: float | None
    product_ids: tuple[str, ...]
    events: tuple[tuple[str, str], ...]
    label: str | None


class KeptQueries:
    """The searches in a folder, their photos, and the answers as a truth table.

    Args:
        folder: created when the first search is kept.
        days: after which a search that nobody labelled is deleted.
    """

    def __init__(self, folder: Path, days: int) -> None:
        self._folder, self._days = folder, days
        self._answers = Answers(folder)

    def keep(self, query_id: str, matches: Matches, product_ids: Sequence[str]) -> None:
        """Store a search with its photo, and delete the oldest of too many.

        Args:
            query_id: the id of the search.
            matches: its result; without a photo, nothing is stored.
            product_ids: that were answered, best first.

        Raises:
            CollectionError: when the folder cannot be written.
        """
        if matches.query is None:
            return
        photo = encoded_photo(matches.query.pixels)
        answer = (matches.verdict, matches.probability, json.dumps(list(product_ids)))
        with self._changing() as database:
            name = write_photo(self._folder, photo)
            database.execute(
                "INSERT INTO queries (query_id, seconds, photo, bytes, verdict, probability,"
                " product_ids) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (query_id, time.time(), name, len(photo), *answer),
            )
            surplus = database.execute(_SURPLUS, (MOST, MOST_BYTES)).fetchall()
            self._delete(database, surplus)

    def note(self, query_id: str, event: Event, product_id: str) -> bool:
        """Store what a person did with an answer; return False for an unknown search.

        `correct` and `none` label the photo, unless the owner did.
        """
        with self._changing() as database:
            if self._photo_of(database, query_id) is None:
                return False
            ((noted,),) = database.execute(
                "SELECT COUNT(*) FROM events WHERE query_id = ?", (query_id,)
            )
            if noted < MOST_EVENTS:
                row = (query_id, time.time(), event, product_id)
                database.execute("INSERT INTO events VALUES (?, ?, ?, ?)", row)
            if event in ("correct", "none"):
                self._label(database, query_id, product_id, by_owner=False)
        return True

    def label(self, query_id: str, product_id: str) -> bool:
        """Store what the owner says that a photo shows; return False for an unknown search.

        Args:
            query_id: the search.
            product_id: the product, or empty for none of the catalogue.
        """
        with self._changing() as database:
            return self._label(database, query_id, product_id, by_owner=True)

    def _label(
        self, database: sqlite3.Connection, query_id: str, product_id: str, *, by_owner: bool
    ) -> bool:
        """Label all searches with the photo of this one."""
        name = self._photo_of(database, query_id)
        if name is None:
            return False
        ((reviewed,),) = database.execute(
            "SELECT MAX(reviewed) FROM queries WHERE photo = ?", (name,)
        )
        if reviewed <= by_owner:
            database.execute(
                "UPDATE queries SET label = ?, reviewed = ? WHERE photo = ?",
                (product_id, by_owner, name),
            )
            photo = (self._folder / name).read_bytes()
            self._answers.keep(photo, product_id, limited=not by_owner)
        return True

    def listed(self, limit: int, offset: int = 0) -> tuple[int, list[KeptQuery]]:
        """Return the number of searches without a label, and a page of all, to review first."""
        with self._opened() as database:
            ((open_,),) = database.execute("SELECT COUNT(*) FROM queries WHERE label IS NULL")
            rows = database.execute(_LISTED, (limit, offset)).fetchall()
            return open_, [self._query(database, row) for row in rows]

    def photo(self, query_id: str) -> bytes | None:
        """Return the photo of a search (JPEG); None for an unknown search."""
        with self._opened() as database:
            name = self._photo_of(database, query_id)
        with suppress(FileNotFoundError):
            return None if name is None else (self._folder / name).read_bytes()
        return None

    def delete(self, query_id: str) -> bool:
        """Delete all searches with the photo of this one, the photo, events and label.

        Returns False for an unknown search.
        """
        with self._changing() as database:
            name = self._photo_of(database, query_id)
            if name is None:
                return False
            found = database.execute("SELECT query_id, photo FROM queries WHERE photo = ?", (name,))
            self._answers.forget({name})
            self._delete(database, found.fetchall())
        return True

    def sweep(self) -> None:
        """Delete searches that nobody labelled and that are too old, and photos of none."""
        if not (self._folder / FILE).exists():
            return
        oldest = time.time() - self._days * _DAY
        with self._changing() as database:
            old = database.execute(
                "SELECT query_id, photo FROM queries WHERE label IS NULL AND seconds < ?", (oldest,)
            )
            self._delete(database, old.fetchall())
            files = (self._folder / PHOTOS).glob("*.jpg")
            self._delete_unused(database, {f"{PHOTOS}/{file.name}" for file in files})

    def _delete(self, database: sqlite3.Connection, searches: Sequence[tuple[str, str]]) -> None:
        """Delete searches, given by id and photo, with their events and unused photos."""
        ids = [(query_id,) for query_id, _ in searches]
        database.executemany("DELETE FROM events WHERE query_id = ?", ids)
        database.executemany("DELETE FROM queries WHERE query_id = ?", ids)
        self._delete_unused(database, {name for _, name in searches})

    def _delete_unused(self, database: sqlite3.Connection, names: Set[str]) -> None:
        """Delete those of the photos that neither a search nor an answer has."""
        if names:
            shown = {name for (name,) in database.execute("SELECT photo FROM queries")}
            for name in names - shown - self._answers.photos():
                (self._folder / name).unlink(missing_ok=True)

    @staticmethod
    def _photo_of(database: sqlite3.Connection, query_id: str) -> str | None:
        found = database.execute("SELECT photo FROM queries WHERE query_id = ?", (query_id,))
        row = found.fetchone()
        return None if row is None else str(row[0])

    @staticmethod
    def _query(database: sqlite3.Connection, row: tuple[Any, ...]) -> KeptQuery:
        query_id, seconds, verdict, probability, ids, label, _ = row
        events = database.execute(
            "SELECT event, product_id FROM events WHERE query_id = ? ORDER BY seconds", (query_id,)
        ).fetchall()
        return KeptQuery(
            query_id, seconds, verdict, probability, tuple(json.loads(ids)), tuple(events), label
        )

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one change, during which no other process changes anything."""
        with self._opened() as database:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.commit()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Open the file, creating it for this user alone."""
        file = self._folder / FILE
        try:
            make_folders(self._folder)
            if not file.exists():
                os.close(os.open(file, os.O_CREAT | os.O_RDWR, PRIVATE))
            with closing(sqlite3.connect(file, timeout=_WAIT, isolation_level=None)) as database:
                database.executescript(_SCHEMA)
                yield database
        except (OSError, sqlite3.Error) as error:
            raise CollectionError(f"{file} cannot be read or written ({error})") from error
