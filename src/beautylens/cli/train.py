"""`beautylens train`: train encoders on a catalogue, on labelled photos, or on titles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beautylens.cli.arguments import CatalogueTable, local_path
from beautylens.cli.console import console, warn
from beautylens.cli.progress import figures_bar, report_left_out
from beautylens.cli.train_options import Options, with_options
from beautylens.errors import EncoderError
from beautylens.features.encoder.registry import refuse_existing
from beautylens.files.paths import as_path
from beautylens.inputs.counts import counted
from beautylens.runtime.extras import extra

if TYPE_CHECKING:
    from beautylens.train.result import Trained
    from beautylens.train.run import Training
    from beautylens.train.start import Start

app = typer.Typer(
    help="Train an encoder on a catalogue, on labelled photos, or on titles.",
    add_completion=False,
)


class Penalty(StrEnum):
    """The loss of pairs."""

    ROBUST = "robust"
    PLAIN = "plain"


class Views(StrEnum):
    """The second view of a picture in UEL."""

    PHOTO = "photo"
    CROP = "crop"
    BOTH = "both"


Out = Annotated[
    Path, typer.Argument(metavar="OUT", help="Output folder of the encoder.", callback=local_path)
]


@app.command("uel")
@with_options
def uel(
    table: CatalogueTable,
    out: Out,
    options: Options,
    bank: Annotated[
        bool,
        typer.Option(
            "--bank", help="Instance discrimination against a memory bank of all pictures."
        ),
    ] = False,
    published: Annotated[
        bool,
        typer.Option(
            "--published",
            help="As Lin et al. (2019): 100 epochs, views by crop, batch norms that learn.",
        ),
    ] = False,
    views: Annotated[
        Views | None,
        typer.Option(
            help="Views of a picture: a simulated photo, random crops, or both by turns. "
            "Default: photo."
        ),
    ] = None,
) -> None:
    """Train on an unlabelled catalogue: match pictures with simulated phone photos (UEL)."""
    views = views or (Views.CROP if published else Views.PHOTO)
    with _training(table, out, options, published=published) as training:
        trained = training.uel(bank=bank, views=views.value)
    _report(trained)


@app.command("pairs")
@with_options
def pairs(
    table: CatalogueTable,
    truth: Annotated[
        str, typer.Argument(metavar="TRUTH", help="Truth table with the training photos.")
    ],
    out: Out,
    options: Options,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Also train on simulated photos of the catalogue.")
    ] = False,
    loss: Annotated[
        Penalty, typer.Option(help="Loss; `robust` tolerates wrong pairs in the truth table.")
    ] = Penalty.ROBUST,
    classes: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Also classify pictures; the folder has one sub-folder per class.",
        ),
    ] = None,
    distil: Annotated[
        bool, typer.Option("--distil", help="Also distil the class scores of the timm model.")
    ] = False,
    task_weight: Annotated[float, typer.Option(min=0, help="Weight of the second task.")] = 0.1,
) -> None:
    """Train on labelled photos: near the pictures of their products, far from others."""
    if classes is not None and distil:
        raise EncoderError("--classes and --distil are mutually exclusive; give one of them")
    with _training(table, out, options, distil=distil) as training:
        trained = training.pairs(
            as_path(truth),
            simulate=simulate,
            penalty=loss.value,
            classes=classes,
            distil=distil,
            weight=task_weight,
        )
    _report(trained)


@app.command("titles")
@with_options
def titles(table: CatalogueTable, out: Out, options: Options) -> None:
    """Train on the names of products, whose words label their pictures."""
    with _training(table, out, options) as training:
        trained = training.titles()
    _report(trained)


def _start(options: Options, *, distil: bool) -> Start:
    timm = options.backbone
    if timm is None and (options.weights is not None or options.random is not None):
        raise EncoderError("--weights and --random need a timm model; give it with --backbone")
    with extra("train"):
        from beautylens.train.start import from_encoder, from_timm
    side, pooling = options.side, options.pooling
    if timm is None:
        return from_encoder(options.encoder, side=side, pooling=pooling, frozen=options.adapter)
    return from_timm(
        timm,
        side=side,
        weights=options.weights,
        seed=options.random,
        pooling=pooling,
        classes=distil,
    )


@contextmanager
def _training(
    table: str, out: Path, options: Options, *, published: bool = False, distil: bool = False
) -> Iterator[Training]:
    """Yield a training with a progress bar."""
    refuse_existing(out)
    if options.patience is not None and options.validate is None:
        raise EncoderError("--patience needs photos to measure mAP@7 on; give them with --validate")
    start = _start(options, distil=distil)
    from beautylens.recipe.settings import checked
    from beautylens.train.run import Training
    from beautylens.train.settings import PUBLISHED_UEL, TrainSettings

    base = PUBLISHED_UEL if published else TrainSettings()
    changes = {
        name: value
        for name, value in asdict(options).items()
        if name in TrainSettings.model_fields and value is not None
    }
    settings = checked(TrainSettings, base.model_dump() | changes, "the command line", EncoderError)
    with figures_bar("Training") as report:
        yield Training(
            start,
            as_path(table),
            out,
            settings,
            adapter=options.adapter,
            learn_norms=published,
            maps=options.maps,
            dimensions=options.dimensions,
            allow_leaks=options.allow_leaks,
            report=report,
            report_epoch=partial(_print_epoch, settings.epochs),
            validation=None if options.validate is None else as_path(options.validate),
        )


def _print_epoch(epochs: int, row: Mapping[str, float]) -> None:
    """Print the metrics of an epoch, also where no progress bar is shown."""
    terms = [
        f"{name} {value:.4f}"
        for name, value in row.items()
        if name not in {"epoch", "map7", "rate", "seconds"}
    ]
    measured = [f"mAP@7 {row['map7']:.3f}"] if "map7" in row else []
    if terms or measured:
        when = f"epoch {row['epoch']:.0f}/{epochs}" if row["epoch"] else "before training"
        spent = [f"{row['seconds']:.0f} s"] if row["epoch"] else []
        console.print(f"{when}: {', '.join([*terms, *measured, *spent])}")


def _report(trained: Trained) -> None:
    """Print the result of a training."""
    report_left_out(trained.unreadable, "picture")
    if trained.unmatched:
        warn(
            f"Left out: {counted(len(trained.unmatched), 'photo')} of products that are not in the "
            "catalogue",
            f", such as {trained.unmatched[0]}.",
        )
    scores = [row["map7"] for row in trained.rows if "map7" in row]
    if scores and max(scores) == scores[0]:
        console.print(
            f"No epoch improved mAP@7; {trained.folder} equals the encoder before training.",
            soft_wrap=True,
        )
    elif scores:
        console.print(
            f"mAP@7 of the descriptors alone: {scores[0]:.3f} before training, {max(scores):.3f} "
            f"after the best epoch, {scores.index(max(scores))}, which is saved."
        )
    console.print(
        f"Encoder and training curves: {trained.folder}. Next: "
        f"`beautylens index TABLE COLLECTION --encoder {trained.folder}`",
        soft_wrap=True,
    )
