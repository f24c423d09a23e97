"""`beautylens encoder portable`: one file for phones and browsers, compared with its encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beautylens.assemble.parts import picture_side
from beautylens.catalogue.table import Catalogue, read_catalogue
from beautylens.cli.arguments import local_path
from beautylens.cli.console import console, report_error
from beautylens.features.encoder.encoder import Encoder
from beautylens.inputs.counts import counted
from beautylens.recipe.recipe import read_recipe
from beautylens.runtime.extras import extra


def make_portable(
    name: Annotated[
        str,
        typer.Argument(metavar="ENCODER", help="default, a name in the encoder home, or a path."),
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT.onnx", help="Output file.", callback=local_path)
    ],
    table: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE", help="Catalogue table on whose pictures the file is compared."
        ),
    ] = None,
) -> None:
    """Write one ONNX file that maps a picture of any size to its descriptor."""
    with extra("train"):
        from beautylens.train.portable import write_portable
    encoder = Encoder.load(name)
    catalogue = read_catalogue(table) if table else None
    with console.status(f"Exporting {encoder.name}"):
        lowest = write_portable(encoder, out)
    console.print(
        f"{out}: {out.stat().st_size / 1e6:.1f} MB; input `picture` (height, width, 3) uint8, "
        f"output `descriptor` ({encoder.dimensions},) float32. Lowest cosine with the encoder on "
        f"synthetic pictures of {encoder.side} pixels, in ONNX Runtime: {lowest:.4f}"
        + (". On your pictures it is lower: --table TABLE measures it." if table is None else "."),
        soft_wrap=True,
    )
    if catalogue is not None:
        _report_on_pictures(encoder, out, catalogue)


def _report_on_pictures(encoder: Encoder, file: Path, catalogue: Catalogue) -> None:
    """Print how closely a portable file describes a catalogue's pictures as a collection does."""
    from beautylens.train.picture_parity import compare_on_pictures
    from beautylens.train.portable import portable_describer

    paths = [catalogue.image_path(image) for image in catalogue.rows["image"].to_pylist()]
    side = picture_side(read_recipe("default"), encoder.side)
    with console.status("Comparing on the catalogue's pictures"):
        found = compare_on_pictures(encoder, portable_describer(file), paths, least_side=side)
    for fault in found.faults:
        report_error(fault)
    console.print(
        f"Cosine with what a collection stores, on {counted(found.pictures, 'picture')} of the "
        f"table ({encoder.precision} on this machine): mean {found.mean:.4f}, lowest "
        f"{found.lowest:.4f}.",
        soft_wrap=True,
    )
