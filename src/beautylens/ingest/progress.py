"""Progress of a build or of searches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """The number of pictures done, of all pictures and of those that failed.

    On a cluster, also the number of blocks done and of all blocks.
    """

    done: int
    total: int
    failed: int
    blocks_done: int = 0
    blocks: int = 0


OnProgress = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Report no progress."""
