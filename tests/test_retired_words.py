"""The check of retired words: what it finds, and what it lets pass."""

from __future__ import annotations

import pytest
from tools.retired_words import main, retired_words


@pytest.mark.parametrize(
    "line",
    [
        "for place, image in enumerate(images):",
        "def places_of(rows): ...",
        "two pictures laid over each other",
        "Floats = NDArray[np.float32]",
        ")  # fmt: skip",
    ],
)
def test_a_retired_word_is_found_with_what_to_write_instead(line: str) -> None:
    found = list(retired_words(f"fine\n{line}"))
    assert [number for number, _, _ in found] == [2]
    assert all(instead for _, _, instead in found)


@pytest.mark.parametrize(
    "line", ["one index in place of another", "replaced", "to two decimal places", "print(row)"]
)
def test_common_english_and_longer_words_pass(line: str) -> None:
    assert not list(retired_words(line))


def test_no_checked_file_has_a_retired_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0, capsys.readouterr().out
