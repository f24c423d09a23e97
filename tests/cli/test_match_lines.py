"""Answers on a narrow terminal: a list, since a table would squeeze the names."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from beautylens.cli import formats, match_lines
from beautylens.cli.console import console
from beautylens.cli.formats import Answer, write_table
from beautylens.reasons import Difference, Reasons
from beautylens.results import Match, Matches, Product

WORDS = " ".join(f"word{number}" for number in range(20))
MATCHES = Matches(
    (
        Match(
            "p1/a.jpg",
            Product("p1", name="Aurelle Velvet Lipstick 475 Crimson Night", brand="Aurelle"),
            "a.jpg",
            30.0,
            Reasons(
                visual=0.81, inliers=54, words=(WORDS,), text_agreement=0.93,
                against=(Difference("words", "Conditioner", "Shampoo", None, 0.9),),
            ),
            probability=0.91,
        ),
        Match("p2/b.jpg", Product("p2", name="Nordlys Cream"), "b.jpg", 9.0, Reasons(inliers=3),
              probability=0.01),
    ),
    verdict="match",
    probability=0.91,
)  # fmt: skip


def printed(width: int, monkeypatch: pytest.MonkeyPatch, matches: Matches = MATCHES) -> str:
    wide = Console(width=width, force_terminal=True, color_system="standard", record=True)
    for module in (formats, match_lines):
        monkeypatch.setattr(module, "console", wide)
    write_table(Answer("q.jpg", matches), first=True)
    return wide.export_text(styles=True)


def test_below_120_columns_matches_are_listed_and_nothing_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "_width", 80)
    write_table(Answer("q.jpg", MATCHES), first=True)
    said = capsys.readouterr().err
    lines = said.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert " 1   91 % Aurelle Velvet Lipstick 475 Crimson Night  p1" in lines
    assert all(f"word{number}" in said for number in range(20))
    assert "54 inliers, cosine 0.81, 93 % of the text agrees" in said
    assert "against: Conditioner / Shampoo" in said
    # Of improbable products there is one line.
    assert lines[-1] == " 2    1 % Nordlys Cream  p2"


def test_a_wide_terminal_has_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "┃" in printed(160, monkeypatch)
    assert "┃" not in printed(119, monkeypatch)


@pytest.mark.parametrize(
    ("verdict", "colour"), [("match", "32"), ("unsure", "33"), ("not_in_catalogue", "36")]
)
def test_the_verdict_is_coloured(
    verdict: str, colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = printed(80, monkeypatch, replace(MATCHES, verdict=verdict))
    assert f"\x1b[1;{colour}m" in said.splitlines()[0]
