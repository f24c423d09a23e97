"""`beautylens search`: find the products that photos show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from beautylens.catalogue.swallowed import PHOTO_SUFFIXES
from beautylens.cli.arguments import Address, Vectors, written_here
from beautylens.cli.console import console, report_error, say_no_verdict
from beautylens.cli.formats import WRITERS, Answer, Format
from beautylens.collection import open_collection
from beautylens.errors import BeautylensError
from beautylens.files.names import readable_name
from beautylens.images.fit import Box
from beautylens.inputs.unicode_text import on_one_line
from beautylens.results import Matches


def search(
    address: Address,
    photos: Annotated[list[str], typer.Argument(help="Photos, or folders of photos.")],
    limit: Annotated[int, typer.Option("-k", "--limit", min=1, help="Products a photo.")] = 7,
    words: Annotated[str, typer.Option(help="Words to narrow by, such as 'rouge 475'.")] = "",
    where: Annotated[
        str | None, typer.Option(help="Condition on the columns: \"brand = 'Dior'\".")
    ] = None,
    crop: Annotated[
        str | None, typer.Option(metavar="X,Y,W,H", help="The part of the photo to look at.")
    ] = None,
    style: Annotated[Format, typer.Option("--format", help="How to answer.")] = Format.TABLE,
    explanations: Annotated[
        Path | None,
        typer.Option(
            "--explain",
            metavar="DIR",
            help="Draw why each product was returned.",
            callback=written_here,
        ),
    ] = None,
    vectors: Vectors = None,
) -> None:
    """Find the products that photos show; an unreadable one does not stop the others."""
    box = Box.parse(crop) if crop else None
    opened = open_collection(address, vectors)
    if explanations:
        explanations.mkdir(parents=True, exist_ok=True)
    failed = undrawn = 0
    found = opened.search_many(_expand(photos), limit, words=words, where=where, crop_to=box)
    for number, (photo, matches) in enumerate(found, start=1):
        name = str(photo)
        if isinstance(matches, BeautylensError):
            failed += 1
            report_error(str(matches))
            WRITERS[style](Answer(name, error=str(matches)), first=number == 1)
            continue
        WRITERS[style](Answer(name, matches, where=where), first=number == 1)
        _say_what_found_nothing(words, matches)
        if explanations:
            folder = explanations / f"{number:03}-{readable_name(Path(name).stem)}"
            undrawn += _explain(name, matches, folder)
    if not opened.recipe.has_judge:
        say_no_verdict(opened.recipe.name)
    if explanations:
        console.print(f"Explanations are in {explanations}.", soft_wrap=True)
    if undrawn:
        console.print(
            f"{undrawn:,} could not be drawn. If the pictures have moved, run `beautylens index` "
            "again with the table that lies with them: it finds them at their new paths.",
            soft_wrap=True,
        )
    if failed or undrawn:
        raise typer.Exit(1)


def _say_what_found_nothing(words: str, matches: Matches) -> None:
    """Name the typed words and the barcodes that no product found has."""
    reasons = [match.reasons for match in matches]
    if words and not any(why.typed for why in reasons):
        console.print(f"No product found has any of the words '{on_one_line(words)}'.")
    for barcode in matches.codes:
        if not any(why.barcode == barcode for why in reasons):
            console.print(f"No product of the catalogue has the barcode {barcode} of the photo.")


def _expand(photos: list[str]) -> Iterator[str]:
    """Return the photos named, and the files of the folders named, in the order of their names."""
    for photo in photos:
        # What may not even be looked at is told apart when it is read.
        with suppress(OSError):
            if photo and Path(photo).is_dir():
                files = sorted(p for p in Path(photo).iterdir() if _is_photo(p))
                if not files:
                    report_error(f"{photo} holds no photos; name another folder")
                yield from map(str, files)
                continue
        yield photo


def _is_photo(path: Path) -> bool:
    shown = not path.name.startswith(".") and path.suffix.lower() in PHOTO_SUFFIXES
    return shown and path.is_file()


def _explain(photo: str, matches: Matches, folder: Path) -> int:
    """Draw the photo and every match; report catalogue pictures that are gone, return how many."""
    explanation = matches.explain(folder)
    for rank, error in explanation.errors.items():
        report_error(f"match {rank} of {photo} cannot be drawn: {error}")
    return len(explanation.errors)
