"""`beautylens train`: encoders that learn from a catalogue, from photos or from titles."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beautylens.cli.arguments import CatalogueTable, written_here
from beautylens.cli.console import console, warn
from beautylens.cli.progress import figures_bar, report_left_out
from beautylens.errors import EncoderError
from beautylens.features.encoder.registry import refuse_existing
from beautylens.files.paths import as_path
from beautylens.runtime.extras import extra

if TYPE_CHECKING:
    from beautylens.train.result import Trained
    from beautylens.train.run import Training
    from beautylens.train.start import Start

app = typer.Typer(
    help="Train encoders: uel, pairs, titles.",
    add_completion=False,
)


class Penalty(StrEnum):
    """What a pair that is out of place costs."""

    ROBUST = "robust"
    PLAIN = "plain"


Out = Annotated[
    Path, typer.Argument(metavar="OUT", help="Encoder folder to make.", callback=written_here)
]
FromEncoder = Annotated[
    str, typer.Option("--encoder", help="Start from this encoder: default, a name or a path.")
]
FromTimm = Annotated[
    str | None, typer.Option("--backbone", help="Start from a timm network instead.")
]
Weights = Annotated[
    Path | None, typer.Option(help="Weights of the timm network; the hub's by default.")
]
Random = Annotated[
    int | None, typer.Option(metavar="SEED", help="Random weights for the timm network.")
]
Pooling = Annotated[str | None, typer.Option(help="Another pooling, such as gem.")]
Dimensions = Annotated[
    int, typer.Option(min=2, help="Of the projection, where the start has none.")
]
Side = Annotated[int | None, typer.Option(min=32, max=2048, help="Input side in pixels.")]
Adapter = Annotated[
    bool, typer.Option("--adapter", help="Learn pooling and projection alone: minutes, no GPU.")
]
Maps = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        callback=written_here,
        help="Keep an adapter's maps here, for further trainings.",
    ),
]
Validate = Annotated[
    str | None,
    typer.Option(metavar="TRUTH", help="Measure mAP@7 on these photos; stop when it stays."),
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Times through the data; 10 by default.")]
Batch = Annotated[int | None, typer.Option(min=2, help="Items of a step; 32 by default.")]
Rate = Annotated[
    float | None,
    typer.Option(min=1e-9, help="Learning rate, 1e-4 by default; of the head, three times that."),
]
Patience = Annotated[
    int | None, typer.Option(min=1, help="Epochs without a better mAP@7 before it stops; 4.")
]
Precision = Annotated[str | None, typer.Option(help="no (single), bf16 or fp16.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Of all that is left to chance; 0.")]


@dataclass(frozen=True, slots=True)
class Options:
    """What every kind of training takes."""

    encoder: FromEncoder = "default"
    backbone: FromTimm = None
    weights: Weights = None
    random: Random = None
    pooling: Pooling = None
    dimensions: Dimensions = 512
    side: Side = None
    adapter: Adapter = False
    maps: Maps = None
    validate: Validate = None
    epochs: Epochs = None
    batch: Batch = None
    rate: Rate = None
    patience: Patience = None
    precision: Precision = None
    seed: Seed = None


_NAMES = {field.name for field in fields(Options)}


def with_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb, which takes `options` as one value, the options of all verbs one by one."""
    shared = inspect.signature(Options, eval_str=True).parameters
    own = inspect.signature(verb, eval_str=True).parameters
    every = [each for each in own.values() if each.name != "options"] + list(shared.values())

    def command(**given: Any) -> None:
        options = Options(**{name: given.pop(name) for name in shared})
        verb(**given, options=options)

    command.__doc__ = verb.__doc__
    command.__annotations__ = {each.name: each.annotation for each in every}
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # Typer reads it
        [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in every]
    )
    return command


@app.command("uel")
@with_options
def uel(
    table: CatalogueTable,
    out: Out,
    options: Options,
    bank: Annotated[
        bool, typer.Option("--bank", help="Tell each picture from all others, by a memory bank.")
    ] = False,
    published: Annotated[
        bool, typer.Option("--published", help="The schedule of Lin et al. (2019): 100 epochs.")
    ] = False,
) -> None:
    """Learn from a catalogue without labels: a picture and its simulated phone photo are one."""
    with _training(table, out, options, published=published) as training:
        trained = training.uel(bank=bank)
    _tell(trained)


@app.command("pairs")
@with_options
def pairs(
    table: CatalogueTable,
    truth: Annotated[str, typer.Argument(metavar="TRUTH", help="Truth table to learn from.")],
    out: Out,
    options: Options,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Also learn from simulated photos of the catalogue.")
    ] = False,
    loss: Annotated[
        Penalty, typer.Option(help="Robust: wrong pairs in the truth table do little harm.")
    ] = Penalty.ROBUST,
    classes: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also classify pictures: a sub-folder for each class."),
    ] = None,
    distil: Annotated[
        bool, typer.Option("--distil", help="Also keep the timm network's own classes.")
    ] = False,
    task_weight: Annotated[float, typer.Option(min=0, help="What the second task counts.")] = 0.1,
) -> None:
    """Learn from photos whose products are known: near their pictures, far from others."""
    if classes is not None and distil:
        raise EncoderError("--classes and --distil are two second tasks; leave one out")
    with _training(table, out, options, distil=distil) as training:
        trained = training.pairs(
            as_path(truth),
            simulate=simulate,
            penalty=loss.value,
            classes=classes,
            distil=distil,
            weight=task_weight,
        )
    _tell(trained)


@app.command("titles")
@with_options
def titles(table: CatalogueTable, out: Out, options: Options) -> None:
    """Learn from the names of products: their words are the labels of their pictures."""
    with _training(table, out, options) as training:
        trained = training.titles()
    _tell(trained)


def _start(options: Options, *, distil: bool) -> Start:
    timm = options.backbone
    if timm is None and (options.weights is not None or options.random is not None):
        raise EncoderError("--weights and --random belong to a timm network: name it by --backbone")
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
    """Give a training that shows how far it is."""
    refuse_existing(out)
    if options.patience is not None and options.validate is None:
        raise EncoderError("--patience asks how mAP@7 goes on: name photos to measure, --validate")
    start = _start(options, distil=distil)
    from beautylens.recipe.settings import checked
    from beautylens.train.run import Training
    from beautylens.train.settings import PUBLISHED_UEL, TrainSettings

    base = PUBLISHED_UEL if published else TrainSettings()
    given = {name: getattr(options, name) for name in TrainSettings.model_fields.keys() & _NAMES}
    changes = {name: value for name, value in given.items() if value is not None}
    settings = checked(TrainSettings, base.model_dump() | changes, "the command line", EncoderError)
    with figures_bar("Training") as report:
        yield Training(
            start,
            as_path(table),
            out,
            settings,
            adapter=options.adapter,
            maps=options.maps,
            dimensions=options.dimensions,
            report=report,
            report_epoch=partial(_tell_epoch, settings.epochs),
            validation=None if options.validate is None else as_path(options.validate),
        )


def _tell_epoch(epochs: int, row: Mapping[str, float]) -> None:
    """Print the figures of an epoch: a training may take hours, and its output go to a file."""
    terms = [
        f"{name} {value:.4f}"
        for name, value in row.items()
        if name not in {"epoch", "map7", "rate", "seconds"}
    ]
    measured = [f"mAP@7 {row['map7']:.3f}"] if "map7" in row else []
    if terms or measured:
        when = f"epoch {row['epoch']:.0f} of {epochs}" if row["epoch"] else "the start"
        spent = [f"{row['seconds']:.0f} s"] if row["epoch"] else []
        console.print(f"{when}: {', '.join([*terms, *measured, *spent])}")


def _tell(trained: Trained) -> None:
    """Print what was made."""
    report_left_out(trained.unreadable, "pictures")
    if trained.unmatched:
        warn(
            f"{len(trained.unmatched):,} photos show no product of the catalogue",
            f" and were left out, such as {trained.unmatched[0]}.",
        )
    scores = [row["map7"] for row in trained.rows if "map7" in row]
    if scores and max(scores) == scores[0]:
        console.print(f"Nothing beat the start: {trained.folder} is the start.", soft_wrap=True)
    elif scores:
        console.print(
            f"mAP@7 of the descriptors alone: {scores[0]:.3f} before, {max(scores):.3f} after "
            f"epoch {scores.index(max(scores))}, which is kept."
        )
    console.print(
        f"{trained.folder}: an encoder for `beautylens index --encoder {trained.folder}`; its "
        "curves are beside it.",
        soft_wrap=True,
    )
