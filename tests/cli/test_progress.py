"""What a progress bar says beside its bar."""

from __future__ import annotations

from beautylens.cli.progress import progress_note
from beautylens.ingest.progress import Progress


def test_the_progress_says_blocks_rate_and_failures() -> None:
    assert progress_note(Progress(0, 10, 0), 0.5) == ""
    assert progress_note(Progress(5, 10, 0), 2.0) == "2.5 per second"
    assert progress_note(Progress(4096, 9000, 1200, 3, 1080), 2.0) == (
        "3 of 1,080 blocks, 2048.0 per second, 1,200 failed"
    )
