"""Recognition of lines: against a sum over all alignments, and on lines that are drawn."""

from __future__ import annotations

from itertools import groupby, product

import cv2
import numpy as np
import pytest

from beautylens.text.recognition import LINE_HEIGHT, RecognisedLine, shared_recogniser

CHARACTERS = ["", "a", "b", " "]
INDICES = {character: index for index, character in enumerate(CHARACTERS)}


def line_of(rows: np.ndarray) -> RecognisedLine:
    return RecognisedLine(np.log(rows).astype(np.float32), CHARACTERS, INDICES)


def drawn(text: str) -> np.ndarray:
    line = np.full((LINE_HEIGHT, 24 * len(text) + 20, 3), 255, np.uint8)
    cv2.putText(line, text, (10, 36), cv2.FONT_HERSHEY_DUPLEX, 1.1, (30, 20, 40), 2)
    return line


@pytest.mark.parametrize("text", ["a", "ab", "aa", "ba b", "bb"])
def test_the_odds_of_a_text_are_those_of_the_sum_over_all_its_alignments(text: str) -> None:
    rows = np.random.default_rng(len(text)).dirichlet(np.ones(len(CHARACTERS)), size=6)
    total = 0.0
    for path in product(range(len(CHARACTERS)), repeat=len(rows)):
        read = "".join(CHARACTERS[index] for index, _ in groupby(path))
        if read == text:
            total += float(np.prod([row[index] for row, index in zip(rows, path, strict=True)]))
    expected = np.log(total) - np.log(rows.max(axis=1)).sum()
    assert line_of(rows).log_odds(text) == pytest.approx(expected, abs=1e-3)


def test_a_text_that_cannot_be_written_is_impossible() -> None:
    line = line_of(np.full((3, 4), 0.25))
    assert line.log_odds("é") == line.log_odds("") == float("-inf")


def test_repeated_characters_are_one_unless_a_blank_is_between() -> None:
    rows = np.full((5, 4), 0.02)
    rows[[0, 1, 2, 3, 4], [1, 1, 0, 1, 2]] = 0.94
    assert line_of(rows).text() == ("aab", pytest.approx(0.94))


def test_a_line_without_characters_has_no_text() -> None:
    assert line_of(np.array([[0.7, 0.1, 0.1, 0.1]] * 3)).text() == ("", 0.0)


def test_another_word_is_far_less_probable_than_a_misread_letter() -> None:
    line = shared_recogniser()(drawn("Conditioner"))
    text, confidence = line.text()
    assert text == "Conditioner"
    assert confidence > 0.9
    assert line.log_odds("Conditioner") > -1
    assert line.log_odds("Shampoo") / len("Shampoo") < -7
    assert -40 < line.log_odds("Conditloner") < line.log_odds("Conditioner")
