"""What a person at the terminal sees: messages on stderr, never on stdout."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.markup import escape

console = Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def report_error(message: str) -> None:
    """Print one error sentence."""
    console.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
