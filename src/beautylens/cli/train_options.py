"""Options that all commands of `beautylens train` take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from beautylens.cli.arguments import local_path

FromEncoder = Annotated[
    str, typer.Option("--encoder", help="Encoder to start from: default, a name or a path.")
]
FromTimm = Annotated[
    str | None, typer.Option("--backbone", help="timm model to start from instead.")
]
Weights = Annotated[
    Path | None, typer.Option(help="Weights of the timm model; from the hub by default.")
]
Random = Annotated[
    int | None,
    typer.Option(metavar="SEED", help="Random weights for the timm model, with this seed."),
]
Pooling = Annotated[
    str | None, typer.Option(help="Pooling instead of the encoder's own, such as gem.")
]
Dimensions = Annotated[int, typer.Option(min=2, help="Dimensions of a new projection.")]
Side = Annotated[int | None, typer.Option(min=32, max=2048, help="Input side in pixels.")]
Adapter = Annotated[
    bool,
    typer.Option("--adapter", help="Train only pooling and projection; takes minutes, no GPU."),
]
Maps = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        callback=local_path,
        help="Cache the feature maps here, for later runs with --adapter.",
    ),
]
Validate = Annotated[
    str | None,
    typer.Option(
        metavar="TRUTH", help="Measure mAP@7 on these photos after each epoch; stop early."
    ),
]
AllowLeaks = Annotated[
    bool,
    typer.Option(
        "--allow-leaks",
        help="Validate also on copies of catalogue pictures and of training photos.",
    ),
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Epochs. Default: 10.")]
Batch = Annotated[int | None, typer.Option(min=2, help="Batch size. Default: 32.")]
Rate = Annotated[
    float | None,
    typer.Option(min=1e-9, help="Learning rate; the head's is three times it. Default: 1e-4."),
]
Patience = Annotated[
    int | None,
    typer.Option(min=1, help="Epochs without a better mAP@7 before stopping. Default: 4."),
]
Precision = Annotated[str | None, typer.Option(help="Mixed precision: no, bf16 or fp16.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Random seed. Default: 0.")]


@dataclass(frozen=True, slots=True)
class Options:
    """Options of all kinds of training."""

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
    allow_leaks: AllowLeaks = False
    epochs: Epochs = None
    batch: Batch = None
    rate: Rate = None
    patience: Patience = None
    precision: Precision = None
    seed: Seed = None


def with_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command that takes `options` as one value: Typer sees each option by itself."""
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
