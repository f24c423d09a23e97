"""The command line: one small file per command."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import Annotated

import typer

from beautylens import __version__
from beautylens.cli.console import console, report_error
from beautylens.cli.output import open_closed_streams, write_escapes
from beautylens.cli.verbs import Verbs
from beautylens.errors import BeautylensError

app = typer.Typer(
    name="beautylens",
    cls=Verbs,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback(invoke_without_command=True)
def _show_help(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Point a phone at a beauty product; get the product in your catalogue."""
    if version:
        typer.echo(f"beautylens {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


INTERRUPTED = 130


def main() -> None:
    """Run a command; every failure ends in one sentence on stderr and a non-zero exit."""
    # Freeing memory object by object when the process ends would only take time.
    atexit.register(gc.freeze)
    open_closed_streams()
    write_escapes()
    try:
        code = app(standalone_mode=False)
    except BeautylensError as error:
        report_error(str(error))
        code = 1
    except KeyboardInterrupt:
        # Typer turns most of these into an exit code, but not one that lands in its own work.
        code = INTERRUPTED
    except OSError as error:
        code = _report_system(error)
    except Exception as error:  # noqa: BLE001  (users are shown no traceback)
        code = _report_unforeseen(error)
    if code == INTERRUPTED:
        console.print("Interrupted. Finished work is kept; run the same command again to resume.")
    sys.exit(code if isinstance(code, int) else 0)


def _report_system(error: OSError) -> int:
    if isinstance(error, BrokenPipeError):
        # The reader of our output has closed it; closing stdout again would raise once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    file = f"{error.filename}: " if error.filename else ""
    report_error(f"{file}{error.strerror or error}; check the path, its permissions and the disk")
    return 1


def _report_unforeseen(error: Exception) -> int:
    if hasattr(error, "format_message"):
        # A usage error; Typer keeps its class private.
        message = error.format_message().rstrip(".")
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "beautylens"
        report_error(f"{message}; run `{command} --help` for usage")
        return 2
    if os.environ.get("BEAUTYLENS_DEBUG"):
        raise error
    report_error(
        f"{type(error).__name__}: {error}. This looks like a bug: run the command again with "
        "BEAUTYLENS_DEBUG=1 and report its output"
    )
    return 1
