"""The searches of people, with what they did next, for the owner to review.

One SQLite file, which the worker processes of a server share.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from beautylens.errors import CollectionError
from beautylens.files.writing import PRIVATE, new_file
from beautylens.results import Matches
from beautylens.serve.kept.answers import MOST_BYTES, Answers, make_folders, photo_name
from beautylens.serve.kept.photos import encoded_photo

Event = Literal["click", "cart", "correct", "none"]
FILE = "queries.sqlite"
# Maximum number of kept searches: of more, the oldest that nobody labelled are deleted.
MOST = 10_000
_DAY = 24 * 3600
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
FROM (SELECT query_id, photo, label,
        ROW_NUMBER() OVER newest AS number, SUM(bytes) OVER newest AS size
    FROM queries WINDOW newest AS (ORDER BY seconds DESC))
WHERE label IS NULL AND (number > ? OR size > ?)
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
        """Store a search with its photo, and delete those that are too old or too many.

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
        name = photo_name(photo)
        ids = json.dumps(list(product_ids))
        with self._opened() as database:
            make_folders(self._folder)
            file = self._folder / name
            if not file.exists():
                with new_file(file, mode=PRIVATE) as written:
                    written.write(photo)
            row = (query_id, time.time(), name, len(photo))
            answer = (matches.verdict, matches.probability, ids)
            database.execute(
                "INSERT INTO queries (query_id, seconds, photo, bytes, verdict, probability,"
                " product_ids) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row, *answer),
            )
            self._sweep(database)

    def note(self, query_id: str, event: Event, product_id: str) -> bool:
        """Store what a person did with an answer; return False for an unknown search.

        `correct` and `none` label the photo, unless the owner did.
        """
        with self._opened() as database:
            if self._photo_of(database, query_id) is None:
                return False
            database.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?)", (query_id, time.time(), event, product_id)
            )
        if event in ("correct", "none"):
            self._label(query_id, product_id, by_owner=False)
        return True

    def label(self, query_id: str, product_id: str) -> bool:
        """Store what the owner says that a photo shows; return False for an unknown search.

        Args:
            query_id: the search.
            product_id: the product, or empty for none of the catalogue.
        """
        return self._label(query_id, product_id, by_owner=True)

    def _label(self, query_id: str, product_id: str, *, by_owner: bool) -> bool:
        with self._opened() as database:
            name = self._photo_of(database, query_id)
            if name is None:
                return False
            changed = database.execute(
                "UPDATE queries SET label = ?, reviewed = ? WHERE query_id = ? AND reviewed <= ?",
                (product_id, by_owner, query_id, by_owner),
            )
            if changed.rowcount:
                self._answers.keep((self._folder / name).read_bytes(), product_id)
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
        return None if name is None else (self._folder / name).read_bytes()

    def delete(self, query_id: str) -> bool:
        """Delete a search with its photo, events and label; return False for an unknown one."""
        with self._opened() as database:
            name = self._photo_of(database, query_id)
            if name is None:
                return False
            self._delete(database, [(query_id, name)])
            return True

    def _sweep(self, database: sqlite3.Connection) -> None:
        """Delete searches that nobody labelled and that are too old, or too many."""
        oldest = time.time() - self._days * _DAY
        old = database.execute(
            "SELECT query_id, photo FROM queries WHERE label IS NULL AND seconds < ?", (oldest,)
        ).fetchall()
        self._delete(database, old)
        surplus = database.execute(_SURPLUS, (MOST, MOST_BYTES)).fetchall()
        self._delete(database, surplus)

    def _delete(self, database: sqlite3.Connection, searches: Sequence[tuple[str, str]]) -> None:
        for query_id, name in searches:
            database.execute("DELETE FROM events WHERE query_id = ?", (query_id,))
            database.execute("DELETE FROM queries WHERE query_id = ?", (query_id,))
            shared = database.execute("SELECT 1 FROM queries WHERE photo = ?", (name,)).fetchone()
            if shared is None:
                self._answers.forget(name)
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
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction, creating it for this user alone."""
        file = self._folder / FILE
        try:
            make_folders(self._folder)
            if not file.exists():
                os.close(os.open(file, os.O_CREAT | os.O_RDWR, PRIVATE))
            with closing(sqlite3.connect(file, timeout=_WAIT)) as database:
                database.executescript(_SCHEMA)
                with database:
                    yield database
        except (OSError, sqlite3.Error) as error:
            raise CollectionError(f"{file} cannot be read or written ({error})") from error
