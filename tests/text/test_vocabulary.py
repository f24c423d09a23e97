"""The vocabulary: words within one letter in four, compared with all words one by one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from beautylens.text.vocabulary import MOST_SIMILAR, Vocabulary


def edits(one: str, other: str) -> int:
    """Levenshtein distance by its definition."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


def vocabulary(*words: str) -> Vocabulary:
    made = Vocabulary()
    made.add(words)
    return made


WORDS = st.text("abcé", min_size=1, max_size=9)


@given(st.lists(WORDS, max_size=40), WORDS)
def test_similar_words_are_those_that_differ_in_one_letter_in_four(
    words: list[str], read: str
) -> None:
    near = sorted((edits(read, word), word) for word in set(words))
    expected = [word for errors, word in near if errors <= len(word) // 4 and len(word) >= 4]
    assert vocabulary(*words).similar(read) == expected[:MOST_SIMILAR]


def test_words_that_are_added_later_are_found_as_well() -> None:
    grown = vocabulary("fabuliner")
    grown.add(["shampoo", "fabuliner"])
    assert len(grown) == 2
    assert grown.similar("fabullner") == ["fabuliner"]
    assert grown.similar("shanpoo") == ["shampoo"]
    assert "shampoo" in grown
    assert "shanpoo" not in grown


def test_two_words_without_a_space_are_both_found() -> None:
    assert vocabulary("reine", "blanche").parts("reineblanche") == ["reine", "blanche"]
    assert vocabulary("reine", "blanch").parts("reineblanche") == []


def test_a_vocabulary_may_be_searched_while_it_grows() -> None:
    grown = vocabulary("shampoo")
    with ThreadPoolExecutor(2) as pool:
        adding = pool.submit(
            lambda: [grown.add([f"word{chr(97 + n % 26) * n}"]) for n in range(300)]
        )
        found = [grown.similar("shanpoo") for _ in range(300)]
        adding.result()
    assert found == [["shampoo"]] * 300
    assert len(grown) == 301


def test_an_empty_vocabulary_has_no_similar_words() -> None:
    assert Vocabulary().similar("rouge") == []
