"""`beautylens encoder`: list, inspect, export, import and convert encoders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from beautylens.assemble.parts import picture_side
from beautylens.catalogue.table import read_catalogue
from beautylens.cli.arguments import local_path
from beautylens.cli.console import console, report_error
from beautylens.cli.encoder_facts import collect_facts, collect_portable_facts, megabytes
from beautylens.cli.output import print_json
from beautylens.cli.portable import make_portable
from beautylens.cli.progress import report_rows
from beautylens.errors import BeautylensError, EncoderError
from beautylens.features.encoder.encoder import Encoder, EncoderSpec
from beautylens.features.encoder.pooling import find_pooled
from beautylens.features.encoder.registry import encoder_home, known_encoders
from beautylens.features.export.onnx_import import IMAGENET_MEAN, IMAGENET_STD, import_onnx
from beautylens.features.export.quantise import quantise
from beautylens.files.names import readable_name
from beautylens.inputs.counts import counted
from beautylens.recipe.recipe import read_recipe
from beautylens.recipe.settings import PoolingSettings
from beautylens.runtime.extras import extra
from beautylens.train.picture_parity import compare_on_pictures

if TYPE_CHECKING:
    from beautylens.features.export.timm import Exported

app = typer.Typer(
    help="List, inspect, export, import and convert encoders.",
    add_completion=False,
)
app.command("portable")(make_portable)

Out = Annotated[
    Path | None,
    typer.Argument(
        metavar="OUT",
        help="Output folder; by default in the encoder home.",
        callback=local_path,
    ),
]
Side = Annotated[int | None, typer.Option(min=32, max=2048, help="Input side in pixels.")]
Pooling = Annotated[str | None, typer.Option(help="Pooling of the feature maps.")]
Name = Annotated[str | None, typer.Option(help="Name of the encoder.")]
Licence = Annotated[str | None, typer.Option(help="Licence of the weights.")]


@app.command("list")
def list_encoders() -> None:
    """List the default encoder and those in the encoder home."""
    table = Table(box=None)
    for column in ("name", "network", "side", "pooling", "MB", "licence"):
        table.add_column(column, justify="right" if column in {"side", "MB"} else "left")
    for name in ("default", *known_encoders()):
        try:
            table.add_row(name, *_cells(Encoder.load(name)))
        except (BeautylensError, OSError) as error:
            table.add_row(name, str(error))
    console.print(table)
    console.print(f"Encoder home: {encoder_home()}", soft_wrap=True)


@app.command("info")
def info(
    name: Annotated[
        str,
        typer.Argument(metavar="ENCODER", help="default, a name in the encoder home, or a path."),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.")
    ] = False,
) -> None:
    """Show input, output, size and licence of an encoder, and its speed on this machine."""
    facts = collect_portable_facts(name) or collect_facts(Encoder.load(name))
    if as_json:
        print_json(facts)
        return
    table = Table(show_header=False, box=None)
    for key, value in facts.items():
        table.add_row(key.replace("_", " "), f"{value:,}" if type(value) is int else str(value))
    console.print(table, soft_wrap=True)


@app.command("export")
def export(
    backbone: Annotated[str, typer.Option(help="Name of a timm model, such as resnet101.tv_in1k.")],
    out: Out = None,
    side: Side = None,
    pooling: Pooling = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Weights (.safetensors, .pth or .pt); from the hub by default."),
    ] = None,
    random: Annotated[
        int | None,
        typer.Option(metavar="SEED", help="Use random weights with this seed, for tests."),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(help="Mean of R,G,B on the 0..255 scale; the model's own by default."),
    ] = None,
    std: Annotated[
        str | None, typer.Option(help="Standard deviation of R,G,B, 0..255; by default its own.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LAYER", help="Leave out a last layer: activation or pool; repeatable."
        ),
    ] = None,
    name: Name = None,
    licence: Licence = None,
) -> None:
    """Export a timm model as an encoder, and compare its output with PyTorch's."""
    own_mean = mean and _channels("--mean", mean)
    own_std = std and _channels("--std", std)
    if weights is not None and random is not None:
        raise EncoderError("--weights and --random are mutually exclusive; give one of them")
    folder = out or encoder_home() / (name or backbone)
    if folder.exists():
        raise EncoderError(f"{folder} already exists; give another folder, or remove it")
    if pooling is not None:
        # Before the weights are downloaded: a wrong name fails at once.
        find_pooled(pooling)
    with extra("train"):
        from beautylens.features.export.backbones import build_backbone
        from beautylens.features.export.timm import export_backbone
    with console.status(f"Building {backbone}"):
        built = build_backbone(
            backbone, side=side, weights=weights, seed=random, without=without or ()
        )
        built = replace(built, mean=own_mean or built.mean, std=own_std or built.std)
    with console.status(f"Exporting {backbone} and comparing it with PyTorch"):
        chosen = None if pooling is None else PoolingSettings(name=pooling)
        exported = export_backbone(built, folder, name=name, pooling=chosen, licence=licence)
    report_exported(exported)


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="ONNX file with an input of shape (N, 3, H, W).")
    ],
    out: Out = None,
    mean: Annotated[str, typer.Option(help="Mean of R,G,B on the 0..255 scale.")] = ",".join(
        map(str, IMAGENET_MEAN)
    ),
    std: Annotated[str, typer.Option(help="Standard deviation of R,G,B, 0..255.")] = ",".join(
        map(str, IMAGENET_STD)
    ),
    side: Side = None,
    stride: Annotated[
        int | None, typer.Option(min=1, help="Stride of the feature maps in pixels.")
    ] = None,
    output: Annotated[
        str, typer.Option(metavar="NAME|INDEX", help="Output with the feature maps.")
    ] = "0",
    pooling: Annotated[str, typer.Option(help="Pooling of the feature maps.")] = "ramac",
    name: Name = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "",
) -> None:
    """Import an ONNX file as an encoder; does not need PyTorch."""
    folder = out or encoder_home() / (name or file.stem)
    spec = import_onnx(
        file,
        folder,
        mean=_channels("--mean", mean),
        std=_channels("--std", std),
        side=side,
        stride=stride,
        output=output,
        pooling=pooling,
        name=name,
        licence=licence,
    )
    _report_folder(folder, spec)


@app.command("quantise")
def quantise_encoder(
    name: Annotated[
        str,
        typer.Argument(metavar="ENCODER", help="default, a name in the encoder home, or a path."),
    ],
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE", help="Catalogue table whose pictures calibrate the ranges."
        ),
    ],
    out: Out = None,
) -> None:
    """Quantise the weights and activations of an encoder to eight bits."""
    encoder = Encoder.load(name)
    catalogue = read_catalogue(table)
    report_rows(catalogue)
    paths = [catalogue.image_path(image) for image in catalogue.rows["image"].to_pylist()]
    folder = out or encoder_home() / f"{readable_name(encoder.name)}-int8"
    with console.status(f"Quantising {encoder.name}"):
        faults = quantise(encoder, paths, folder, folder.name)
    for fault in faults:
        report_error(fault)
    made = Encoder.load(folder)
    _report_folder(folder, made.spec)
    found = compare_on_pictures(
        encoder,
        lambda picture: made.describe([made.fit(picture)])[0],
        paths,
        least_side=picture_side(read_recipe("default"), encoder.side),
    )
    console.print(
        f"Cosine with the original on {counted(found.pictures, 'picture')} of the table: mean "
        f"{found.mean:.3f}, lowest {found.lowest:.3f}.",
        soft_wrap=True,
    )


@app.command("blend")
def blend_encoders(
    start: Annotated[
        str, typer.Argument(metavar="START", help="Encoder that training started from.")
    ],
    trained: Annotated[str, typer.Argument(metavar="TRAINED", help="Trained encoder.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Output folder.", callback=local_path)],
    share: Annotated[float, typer.Option(min=0, max=1, help="Share of the trained weights.")] = 0.5,
) -> None:
    """Interpolate weights of an encoder before and after training (Wortsman et al., 2022)."""
    with extra("train"):
        from beautylens.train.blend import blend
    with console.status("Blending"):
        exported = blend(Encoder.load(start), Encoder.load(trained), share, out)
    report_exported(exported)


def report_exported(exported: Exported) -> None:
    """Print what was written and how closely its output matches PyTorch's."""
    table = Table(title="Cosine with PyTorch", title_justify="left", box=None)
    for column in ("precision", "side", "output", "mean", "lowest"):
        table.add_column(
            column, justify="right" if column in {"side", "mean", "lowest"} else "left"
        )
    for row in exported.agreements:
        table.add_row(
            row.precision, str(row.side), row.output, f"{row.mean:.5f}", f"{row.lowest:.5f}"
        )
    console.print(table)
    console.print(
        f"{exported.parameters:,} weights as {'float16' if exported.halved else 'float32'}, "
        f"exported and checked in {exported.seconds:.0f} s."
    )
    _report_folder(exported.folder, exported.spec)


def _report_folder(folder: Path, spec: EncoderSpec) -> None:
    size = (folder / "graph.onnx").stat().st_size / 1e6
    sides = "fixed" if spec.fixed_side else f"or any multiple of {spec.stride}"
    console.print(
        f"{folder}: {size:.1f} MB, input side {spec.side} pixels ({sides}), pooling "
        f"{spec.pooling.name}, licence {spec.licence or 'unknown'}.",
        soft_wrap=True,
    )


def _cells(encoder: Encoder) -> Iterable[str]:
    spec = encoder.spec
    size = f"{megabytes(encoder):.1f}"
    return spec.name, str(spec.side), spec.pooling.name, size, spec.licence


def _channels(option: str, text: str) -> tuple[float, float, float]:
    number = r"\s*(\d+(?:\.\d+)?)\s*"
    match = re.fullmatch(f"{number},{number},{number}", text)
    if match is None:
        raise EncoderError(f"{option} {text!r} is not three numbers; write them as R,G,B")
    red, green, blue = map(float, match.groups())
    return red, green, blue
