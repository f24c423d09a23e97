"""`beautylens search`: find the products that photos show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from beautylens.cli.arguments import Address
from beautylens.cli.console import console, report_error
from beautylens.cli.formats import WRITERS, Answer, Format
from beautylens.collection import Collection, open_collection
from beautylens.errors import ImageError
from beautylens.images.draw import write_png
from beautylens.images.fit import Box
from beautylens.search.photo import Photo


def search(
    address: Address,
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.")],
    limit: Annotated[int, typer.Option("-k", "--limit", min=1, help="Products a photo.")] = 7,
    words: Annotated[str, typer.Option(help="Words to narrow by, such as 'rouge 475'.")] = "",
    where: Annotated[
        str | None, typer.Option(help="SQL condition on the columns: \"brand = 'Dior'\".")
    ] = None,
    crop: Annotated[
        str | None, typer.Option(metavar="X,Y,W,H", help="The part of the photo to look at.")
    ] = None,
    style: Annotated[Format, typer.Option("--format", help="How to answer.")] = Format.TABLE,
    explanations: Annotated[
        Path | None,
        typer.Option("--explain", metavar="DIR", help="Draw why each product was returned."),
    ] = None,
) -> None:
    """Find the products that photos show; photos that cannot be read do not stop the others."""
    box = Box.parse(crop) if crop else None
    opened = open_collection(address)
    write = WRITERS[style]
    failed = 0
    for place, path in enumerate(_expand(photos)):
        try:
            photo = opened.photo(path, words=words, where=where, crop_to=box)
            answer = Answer(path, opened.pipeline.search(photo, limit))
            if explanations:
                _explain(opened, photo, answer, explanations)
        except ImageError as error:
            answer = Answer(path, error=str(error))
            failed += 1
            report_error(str(error))
        write(answer, first=place == 0)
    if explanations:
        console.print(f"Explanations are in {explanations}.")
    if failed:
        raise typer.Exit(1)


def _expand(photos: list[Path]) -> Iterator[Path]:
    """Return the photos named, and the files of the folders named, in the order of their names."""
    for photo in photos:
        if photo.is_dir():
            yield from sorted(
                p for p in photo.iterdir() if p.is_file() and not p.name.startswith(".")
            )
        else:
            yield photo


def _explain(opened: Collection, photo: Photo, answer: Answer, folder: Path) -> None:
    """Draw every match; a catalogue picture that is gone is reported and left out."""
    for place, match in enumerate(answer.matches, start=1):
        product = re.sub(r"[^\w.-]", "_", match.product.product_id)
        try:
            drawing = opened.explain(photo, match)
        except ImageError as error:
            report_error(f"match {place} of {answer.query.name} cannot be drawn: {error}")
        else:
            write_png(folder / f"{answer.query.stem}_{place}_{product}.png", drawing)
