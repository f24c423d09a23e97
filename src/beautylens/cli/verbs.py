"""The verbs of the command line, each imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from beautylens.runtime.startup import quick_imports

VERBS = {
    "demo": "Draw a sample catalogue, index it, search it with simulated phone photos, and report.",
    "index": "Build a collection from a catalogue table, or go on with one that was interrupted.",
    "add": "Add the products of a table, or replace those that are there; no re-index.",
    "remove": "Remove products by id; the next search no longer returns them.",
    "sync": "Fill a Milvus cluster with a collection's vectors, or bring it in step.",
    "search": "Find the products that photos show; an unreadable one does not stop the others.",
    "evaluate": "Measure mAP@7, recall, MRR and the verdicts on photos whose products are known.",
    "grid": "Compare backbones, poolings and distances, each network run once over the pictures.",
    "tune": "Find the recipe that finds most labelled photos' products within a time a query.",
    "duplicates": "List products that share a picture, and pictures that show nothing.",
    "info": "Show images, products, recipe, encoder fingerprint, version and size.",
    "serve": "Serve the photo-search page and the HTTP API; by default to this machine alone.",
    "fetch": "Download a public catalogue; again after an interruption: goes on.",
    "train": "Train encoders: uel, pairs, titles.",
    "encoder": "Encoders: list, info, export, import, blend, quantise, portable.",
}
"""Verbs in the order of the help, with what it says of them: the first line of their own."""


class Verbs(TyperGroup):
    """Imports a verb's module when the verb is typed: `--help` should not wait for engines."""

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the verbs."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a verb's command; while the help is drawn, only what it says of it."""
        if cmd_name not in VERBS:
            return None
        if self._listing:
            return TyperCommand(cmd_name, help=VERBS[cmd_name])
        return command_of(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Draw the help."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False


def command_of(verb: str) -> Any:
    """Return the command of a verb, from the module of its name."""
    with quick_imports():
        module = import_module(f"beautylens.cli.{verb}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        app.command(verb)(getattr(module, verb))
    command = typer.main.get_command(app)
    command.name = verb
    return command
