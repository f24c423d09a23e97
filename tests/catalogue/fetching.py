"""Download from the test server in a hurry, and read the report of dead links."""

from __future__ import annotations

import csv
from pathlib import Path

from beautylens.catalogue.download.dead_links import Link
from beautylens.catalogue.download.pictures import Downloaded, download
from beautylens.catalogue.download.transfer import Manners
from tests.catalogue.web import Web

QUICK = Manners(rate=10_000, backoff=0, timeout=5)


def fetch(
    web: Web, folder: Path, *paths: str, manners: Manners = QUICK, again: bool = False
) -> Downloaded:
    links = [Link(f"id-{path}", web.url(path), row) for row, path in enumerate(paths, 1)]
    return download(links, folder, manners=manners, retry_dead=again)


def reasons(done: Downloaded) -> dict[str, str]:
    """Reasons by path, as the report has them; it has nothing that the result has not."""
    with done.report.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [tuple(row.values()) for row in rows] == [
        tuple(map(str, dead.line)) for dead in sorted(done.dead, key=lambda dead: dead.link.row)
    ]
    return {row["id"].removeprefix("id-"): row["reason"] for row in rows}
