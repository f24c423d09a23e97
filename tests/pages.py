"""The blocks of code on the pages of README and guide."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUN = ("sh", "python")
BLOCK = re.compile(
    r"(?:<!-- not run: ([^\n]+) -->\n)?^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Block:
    """A fenced block, and why it is not run, if it is not."""

    excuse: str
    language: str
    text: str


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page, named from the root of the repository."""
    found = BLOCK.findall((ROOT / page).read_text("utf-8"))
    return [Block(excuse, language, text) for excuse, language, text in found]
