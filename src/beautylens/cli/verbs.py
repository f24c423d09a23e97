"""The commands, each of which is imported when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from beautylens.runtime.startup import quick_imports

# Commands in the order of the help, each with the first line of its own help.
VERBS = {
    "demo": "Render a sample catalogue, index it, search it with simulated photos, and report.",
    "index": "Build a collection from a catalogue table, or resume an interrupted build.",
    "add": "Add the products of a table, replacing those with the same id; nothing is re-indexed.",
    "update": "Change some columns or the pictures of products; their other columns are kept.",
    "remove": "Remove products by id; later searches no longer return them.",
    "sync": "Synchronise a Milvus cluster with the vectors of a collection.",
    "search": "Find the products that photos show, or words name; unreadable photos are skipped.",
    "evaluate": "Measure mAP@7, recall, MRR and verdicts on labelled photos.",
    "grid": "Compare encoders, poolings and distances; each network runs once per picture.",
    "tune": "Find the recipe with the best mAP@7 on labelled photos within a time budget.",
    "duplicates": "List products that share a picture, and blank pictures.",
    "export": "Write the products of a collection as a catalogue table.",
    "info": "Show the size, recipe, encoder, version and failures of a collection.",
    "serve": "Serve the HTTP API and the photo-search page, by default on localhost only.",
    "fetch": "Download a public catalogue; resumes an interrupted download.",
    "train": "Train an encoder on a catalogue, on labelled photos, or on titles.",
    "encoder": "List, inspect, export, import and convert encoders.",
}


class Verbs(TyperGroup):
    """Imports the module of a command when it is used, so that `--help` is fast."""

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; while the help is printed, one that only has its summary."""
        if cmd_name not in VERBS:
            return None
        if self._listing:
            return TyperCommand(cmd_name, help=VERBS[cmd_name])
        return command_of(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False


def command_of(verb: str) -> Any:
    """Return the command of this name, from the module of the same name."""
    with quick_imports():
        module = import_module(f"beautylens.cli.{verb}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        app.command(verb)(getattr(module, verb))
    command = typer.main.get_command(app)
    command.name = verb
    return command
