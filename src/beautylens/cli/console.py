"""What a person at the terminal sees: messages on stderr, never on stdout."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from beautylens.inputs.unicode_text import on_one_line, printable


class PlainConsole(Console):
    """A console that prints every text as it is: no markup, no emoji codes, no control characters.

    What is printed holds names, ids and paths of others. What is to be coloured is a `Text`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text, a cell or a title of a table to be drawn."""
        return super().render_str(printable(text), **options)


# There is no stderr where whoever started the program closed it.
console = PlainConsole(stderr=True, soft_wrap=not (sys.stderr and sys.stderr.isatty()))


def report_error(message: str) -> None:
    """Print one error sentence, on one line whatever names are in it."""
    told = Text.assemble(("error:", "bold red"), " ", on_one_line(message))
    console.print(told, soft_wrap=True)


def warn(lead: str, rest: str = "") -> None:
    """Print a warning on one line, its beginning in yellow."""
    console.print(Text.assemble((on_one_line(lead), "yellow"), on_one_line(rest)), soft_wrap=True)


def say_no_verdict(recipe: str) -> None:
    """Say why answers come without a verdict."""
    console.print(
        f"Recipe '{on_one_line(recipe)}' gives no verdict: matches are in order, but whether the "
        "first is right is not judged. Index with a recipe that has a [judge] section, such as "
        "'default'.",
        soft_wrap=True,
    )
