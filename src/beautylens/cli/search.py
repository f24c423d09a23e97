"""`beautylens search`: find the products that photos show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

import beautylens as bl
from beautylens.cli.arguments import Address, Vectors, local_path
from beautylens.cli.console import console, explain_missing_verdicts, report_error
from beautylens.cli.formats import WRITERS, Answer, Format
from beautylens.errors import BeautylensError
from beautylens.files.names import readable_name
from beautylens.images.files import PICTURE_SUFFIXES
from beautylens.inputs.counts import counted
from beautylens.inputs.unicode_text import on_one_line
from beautylens.results import Explanation


def search(
    address: Address,
    photos: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PHOTO",
            help="Photos or folders of photos; without any, --words are searched for.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("-k", "--limit", min=1, help="Products per photo.")] = 7,
    words: Annotated[
        str,
        typer.Option(
            help="Words of the product's name, such as 'rouge 475': with photos they help the "
            "search, and alone they are the search."
        ),
    ] = "",
    where: Annotated[
        str | None, typer.Option(help="Filter on catalogue columns, such as \"brand = 'Dior'\".")
    ] = None,
    crop: Annotated[
        str | None,
        typer.Option(metavar="X,Y,W,H", help="Part of the photo to search with, in pixels."),
    ] = None,
    one_product: Annotated[
        bool,
        typer.Option(
            "--together", help="All photos show one product: add up what they say, up to five."
        ),
    ] = False,
    style: Annotated[Format, typer.Option("--format", help="Output format.")] = Format.TABLE,
    explanations: Annotated[
        Path | None,
        typer.Option(
            "--explain",
            metavar="DIR",
            help="Write index.html to this folder, with pictures that explain each match.",
            callback=local_path,
        ),
    ] = None,
    vectors: Vectors = None,
) -> None:
    """Find the products that photos show, or words name; unreadable photos are skipped."""
    box = bl.Box.parse(crop) if crop else None
    if not photos:
        _search_by_words(address, limit, words, where, style, drawn=bool(crop or explanations))
        return
    collection = bl.open(address, vectors)
    if explanations:
        explanations.mkdir(parents=True, exist_ok=True)
    failed = undrawn = 0
    explained: list[tuple[str, bl.Matches, Explanation]] = []
    empty: list[str] = []
    options: dict[str, Any] = {"words": words, "where": where, "crop_to": box}
    searched = _expand(photos, empty)
    found = (
        _together(collection, list(searched), limit, options)
        if one_product
        else collection.search_many(searched, limit, **options)
    )
    for number, (photo, matches) in enumerate(found, start=1):
        name = str(photo)
        if isinstance(matches, BeautylensError):
            failed += 1
            report_error(str(matches))
            WRITERS[style](Answer(name, error=str(matches)), first=number == 1)
            continue
        WRITERS[style](Answer(name, matches, where=where), first=number == 1)
        _report_unmatched(words, matches)
        if explanations:
            folder = explanations / f"{number:03}-{readable_name(Path(name).stem)}"
            drawings = _explain(name, matches, folder)
            undrawn += len(drawings.errors)
            explained.append((name, matches.without_pictures(), drawings))
    if not collection.recipe.has_judge:
        explain_missing_verdicts(collection.recipe.name)
    if explanations:
        # Imported late: templates are slow to import.
        from beautylens.evaluation.explanation_page import write_explanations

        page = write_explanations(explanations, explained)
        console.print(f"Explanations: {page}", soft_wrap=True)
    if undrawn:
        console.print(
            f"Not explained: {counted(undrawn, 'match', 'matches')} whose catalogue picture could "
            "not be read. If the pictures have moved, run `beautylens index` again with a table of "
            "their new paths.",
            soft_wrap=True,
        )
    if failed or undrawn or empty:
        raise typer.Exit(1)


def _together(
    collection: bl.Collection, photos: list[str], limit: int, options: dict[str, Any]
) -> Iterator[tuple[str, bl.Matches]]:
    """Yield all photos of one product as one query, with its matches."""
    yield " + ".join(photos), collection.search(photos, limit, **options)


def _search_by_words(
    address: str, limit: int, words: str, where: str | None, style: Format, *, drawn: bool
) -> None:
    """Print the products that words name.

    Raises:
        BadParameter: when there are no words, or options that need a photo.
    """
    if not words.strip():
        raise typer.BadParameter("give a photo, --words, or both")
    if drawn:
        raise typer.BadParameter("--crop and --explain need a photo: give one, or leave them out")
    # The vectors of a cluster are not needed.
    matches = bl.open(address, "").search(limit=limit, words=words, where=where)
    WRITERS[style](Answer(words, matches, where=where, photo=False), first=True)


def _report_unmatched(words: str, matches: bl.Matches) -> None:
    """Print the typed words and the barcodes that no match has."""
    reasons = [match.reasons for match in matches]
    if words and not any(why.typed for why in reasons):
        console.print(f"No match contains any of the words '{on_one_line(words)}'.")
    for barcode in matches.codes:
        if not any(why.barcode == barcode for why in reasons):
            console.print(f"No product has the barcode {barcode} that was read on the photo.")


def _expand(photos: list[str], empty: list[str]) -> Iterator[str]:
    """Yield the given photos, and the photos in the given folders sorted by name.

    Args:
        photos: paths of photos and folders.
        empty: gets the folders that contain no photos.
    """
    for photo in photos:
        # An inaccessible path is reported when it is read.
        with suppress(OSError):
            if photo and Path(photo).is_dir():
                files = sorted(p for p in Path(photo).iterdir() if _is_photo(p))
                if not files:
                    empty.append(photo)
                    report_error(f"{photo} contains no photos; give another folder")
                yield from map(str, files)
                continue
        yield photo


def _is_photo(path: Path) -> bool:
    shown = not path.name.startswith(".") and path.suffix.lower() in PICTURE_SUFFIXES
    return shown and path.is_file()


def _explain(photo: str, matches: bl.Matches, folder: Path) -> Explanation:
    """Write the explanations of all matches, and print which failed."""
    explanation = matches.explain(folder)
    for rank, error in explanation.errors.items():
        report_error(f"match {rank} of {photo} cannot be explained: {error}")
    return explanation
