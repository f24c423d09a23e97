"""`beautylens train`: encoders that learn from a catalogue, from photos or from titles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from beautylens.cli.console import console, report_error
from beautylens.errors import EncoderError
from beautylens.features.extras import extra

if TYPE_CHECKING:
    from beautylens.train.loop import Report
    from beautylens.train.run import Trained, Training

app = typer.Typer(
    help="Train encoders: uel, pairs, titles.",
    add_completion=False,
)

SHOWN = 10


class Penalty(StrEnum):
    """What a pair that is out of place costs."""

    ROBUST = "robust"
    PLAIN = "plain"


Table = Annotated[Path, typer.Argument(metavar="TABLE", help="Catalogue table.")]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="Encoder folder to make.")]
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
    typer.Option(metavar="DIR", help="Keep an adapter's maps here, for further trainings."),
]
Validate = Annotated[
    Path | None,
    typer.Option(metavar="TRUTH", help="Measure mAP@7 on these photos; stop when it stays."),
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Times through the data.")]
Batch = Annotated[int | None, typer.Option(min=2, help="Items of a step.")]
Rate = Annotated[float | None, typer.Option(min=1e-9, help="Learning rate of the network.")]
Patience = Annotated[
    int | None, typer.Option(min=1, help="Epochs without a better mAP@7 before it stops.")
]
Precision = Annotated[str | None, typer.Option(help="no, bf16 or fp16.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Of all chance.")]


@app.command("uel")
def uel(
    table: Table,
    out: Out,
    encoder: FromEncoder = "default",
    backbone: FromTimm = None,
    weights: Weights = None,
    random: Random = None,
    pooling: Pooling = None,
    dimensions: Dimensions = 512,
    side: Side = None,
    adapter: Adapter = False,
    maps: Maps = None,
    bank: Annotated[
        bool, typer.Option("--bank", help="Tell each picture from all others, by a memory bank.")
    ] = False,
    published: Annotated[
        bool, typer.Option("--published", help="The schedule of Lin et al. (2019): 100 epochs.")
    ] = False,
    validate: Validate = None,
    epochs: Epochs = None,
    batch: Batch = None,
    rate: Rate = None,
    patience: Patience = None,
    precision: Precision = None,
    seed: Seed = None,
) -> None:
    """Learn from a catalogue without labels: a picture and its simulated phone photo are one."""
    changes = _changes(epochs, batch, rate, patience, precision, seed)
    start = _start(encoder, backbone, weights, random, pooling, side, adapter)
    with _training(
        start, table, out, changes, published=published, adapter=adapter, maps=maps,
        dimensions=dimensions, validation=validate,
    ) as training:  # fmt: skip
        trained = training.uel(bank=bank)
    _tell(trained)


@app.command("pairs")
def pairs(
    table: Table,
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="Truth table to learn from.")],
    out: Out,
    encoder: FromEncoder = "default",
    backbone: FromTimm = None,
    weights: Weights = None,
    random: Random = None,
    pooling: Pooling = None,
    dimensions: Dimensions = 512,
    side: Side = None,
    adapter: Adapter = False,
    maps: Maps = None,
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
    validate: Validate = None,
    epochs: Epochs = None,
    batch: Batch = None,
    rate: Rate = None,
    patience: Patience = None,
    precision: Precision = None,
    seed: Seed = None,
) -> None:
    """Learn from photos whose products are known: near their pictures, far from others."""
    if classes is not None and distil:
        raise EncoderError("--classes and --distil are two second tasks; leave one out")
    changes = _changes(epochs, batch, rate, patience, precision, seed)
    start = _start(encoder, backbone, weights, random, pooling, side, adapter, classes=distil)
    with _training(
        start,
        table,
        out,
        changes,
        adapter=adapter,
        maps=maps,
        dimensions=dimensions,
        validation=validate,
    ) as training:
        trained = training.pairs(
            truth,
            simulate=simulate,
            penalty=loss.value,
            classes=classes,
            distil=distil,
            weight=task_weight,
        )
    _tell(trained)


@app.command("titles")
def titles(
    table: Table,
    out: Out,
    encoder: FromEncoder = "default",
    backbone: FromTimm = None,
    weights: Weights = None,
    random: Random = None,
    pooling: Pooling = None,
    dimensions: Dimensions = 512,
    side: Side = None,
    adapter: Adapter = False,
    maps: Maps = None,
    validate: Validate = None,
    epochs: Epochs = None,
    batch: Batch = None,
    rate: Rate = None,
    patience: Patience = None,
    precision: Precision = None,
    seed: Seed = None,
) -> None:
    """Learn from the names of products: their words are the labels of their pictures."""
    changes = _changes(epochs, batch, rate, patience, precision, seed)
    start = _start(encoder, backbone, weights, random, pooling, side, adapter)
    with _training(
        start,
        table,
        out,
        changes,
        adapter=adapter,
        maps=maps,
        dimensions=dimensions,
        validation=validate,
    ) as training:
        trained = training.titles()
    _tell(trained)


def _changes(
    epochs: int | None,
    batch: int | None,
    rate: float | None,
    patience: int | None,
    precision: str | None,
    seed: int | None,
) -> dict[str, Any]:
    """Return the settings that were given."""
    given = {
        "epochs": epochs, "batch": batch, "rate": rate, "patience": patience,
        "precision": precision, "seed": seed,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def _start(
    encoder: str,
    backbone: str | None,
    weights: Path | None,
    random: int | None,
    pooling: str | None,
    side: int | None,
    adapter: bool,
    *,
    classes: bool = False,
) -> Any:
    if backbone is None and (weights is not None or random is not None):
        raise EncoderError("--weights and --random belong to a timm network: name it by --backbone")
    with extra("train"):
        from beautylens.train.start import from_encoder, from_timm
    if backbone is None:
        return from_encoder(encoder, side=side, pooling=pooling, frozen=adapter)
    return from_timm(
        backbone, side=side, weights=weights, seed=random, pooling=pooling, classes=classes
    )


@contextmanager
def _training(
    start: Any, table: Path, out: Path, changes: dict[str, Any], *, published: bool = False,
    **options: Any,
) -> Iterator[Training]:  # fmt: skip
    """Give a training that shows how far it is."""
    from beautylens.settings import checked
    from beautylens.train.run import Training
    from beautylens.train.settings import PUBLISHED_UEL, TrainSettings

    base = PUBLISHED_UEL if published else TrainSettings()
    settings = checked(TrainSettings, base.model_dump() | changes, "the command line", EncoderError)
    with _bar() as report:
        yield Training(start, table, out, settings, report=report, **options)


@contextmanager
def _bar() -> Iterator[Report]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("Training", total=None, note="")

        def report(done: int, total: int, figures: Any) -> None:
            note = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
            bar.update(task, completed=done, total=total, note=note)

        yield report


def _tell(trained: Trained) -> None:
    """Print what was made."""
    for fault in trained.unreadable[:SHOWN]:
        report_error(fault)
    if trained.unreadable:
        console.print(f"{len(trained.unreadable):,} pictures could not be read and were left out.")
    scores = [row["map7"] for row in trained.rows if "map7" in row]
    epochs = int(trained.rows[-1]["epoch"])
    if scores:
        console.print(
            f"mAP@7 of the descriptors alone: {scores[0]:.3f} before, {max(scores):.3f} at best, "
            f"after {scores.index(max(scores))} of {epochs} epochs."
        )
    console.print(
        f"{trained.folder}: an encoder for `beautylens index --encoder {trained.folder}`; its "
        "curves are beside it.",
        soft_wrap=True,
    )
