"""Messages for the user on stderr; stdout is for data."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from beautylens.inputs.unicode_text import on_one_line, printable


class PlainConsole(Console):
    """A console that prints texts literally: no markup, no emoji codes, no control characters.

    Names, ids and paths come from catalogues and users. A coloured text is given as a `Text`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text, or a cell or title of a table, with control characters escaped."""
        return super().render_str(printable(text), **options)


# `sys.stderr` is None when the parent process closed it.
console = PlainConsole(stderr=True, soft_wrap=not (sys.stderr and sys.stderr.isatty()))


def report_error(message: str) -> None:
    """Print an error message on one line, with line breaks escaped."""
    line = Text.assemble(("error:", "bold red"), " ", on_one_line(message))
    console.print(line, soft_wrap=True)


def warn(lead: str, rest: str = "") -> None:
    """Print a warning on one line, the first part in yellow."""
    console.print(Text.assemble((on_one_line(lead), "yellow"), on_one_line(rest)), soft_wrap=True)


def explain_missing_verdicts(recipe: str) -> None:
    """Print why results have no verdict."""
    console.print(
        f"No verdicts: recipe '{on_one_line(recipe)}' ranks matches but does not estimate whether "
        'the first is right. For verdicts, index with a recipe with [scorer] kind = "judge", '
        "such as 'default'.",
        soft_wrap=True,
    )
