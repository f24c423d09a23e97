"""The command line: one small file a verb."""

from __future__ import annotations

import os
import sys

import typer

from beautylens.cli import add, demo, evaluate, index, info, remove, search
from beautylens.cli.console import console, report_error
from beautylens.errors import BeautylensError

app = typer.Typer(
    name="beautylens",
    help="Point a phone at a beauty product; get the product in your catalogue.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("demo")(demo.demo)
app.command("index")(index.index)
app.command("add")(add.add)
app.command("remove")(remove.remove)
app.command("search")(search.search)
app.command("evaluate")(evaluate.evaluate)
app.command("info")(info.info)


def main() -> None:
    """Run a command; every failure ends in one sentence on stderr and a non-zero exit."""
    try:
        app()
    except BeautylensError as error:
        report_error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("Interrupted. What was committed stays; the same command goes on from there.")
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has enough of it; closing stdout again would raise once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("BEAUTYLENS_DEBUG"):
            raise
        report_error(
            f"{type(error).__name__}: {error}. If this looks like a fault of the program, run the "
            "command again with BEAUTYLENS_DEBUG=1 and report what it prints"
        )
        sys.exit(1)
