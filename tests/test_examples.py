"""Examples of README and guide run in a test, or say why not."""

from __future__ import annotations

import re

import pytest

from tests.pages import ROOT, RUN, Block, blocks

PAGES = ("README.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")))
TESTS = "".join(
    (ROOT / "tests" / name).read_text("utf-8")
    for name in ("outside/test_docs.py", "test_python_page.py")
)
RUN_PAGES = set(re.findall(r'run_page\(\s*"([^"]+)"', TESTS))


def examples(page: str) -> list[Block]:
    return [block for block in blocks(page) if block.language in RUN]


def test_the_pages_that_run_are_pages() -> None:
    assert {"README.md", "docs/quick-start.md"} <= RUN_PAGES <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_every_example_runs_or_says_why_not(page: str) -> None:
    silent = [block.text for block in examples(page) if not block.excuse]
    assert not silent or page in RUN_PAGES


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_an_excuse_names_is_there(page: str) -> None:
    for block in examples(page):
        for named in re.findall(r"\btests/[\w/]+(?:\.py)?|\bdocs/[\w-]+\.md", block.excuse):
            assert (ROOT / named).exists(), block.excuse
