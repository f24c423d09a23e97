"""Two processes give the same photo the same answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import Shop


def answers(lens: Path, photos: list[Path]) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "beautylens", "search", lens, *photos, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    for each in found:
        del each["milliseconds"]
    return found


def test_every_process_gives_the_same_answer_in_any_order(copied: Path, shop: Shop) -> None:
    photos = [shop.photo(number) for number in range(4)]
    first = answers(copied, photos)
    assert len(first) == len(photos)
    assert answers(copied, photos[::-1]) == first[::-1]
