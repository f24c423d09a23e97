"""Runs of `beautylens grid`, with a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from beautylens.assemble.encoders import make_encoder
from beautylens.cli.console import console
from beautylens.cli.grid_tables import print_ablation, print_systems
from beautylens.cli.progress import count_bar, report_left_out
from beautylens.evaluation.grid.extraction import find_pools
from beautylens.evaluation.grid.grid import Grid, Outcome
from beautylens.evaluation.grid.parts import Parts
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.ensemble import Ensemble
from beautylens.recipe.recipe import Recipe


def compare_systems(
    encoders: Mapping[str, Encoder],
    poolings: Sequence[str],
    distances: Sequence[str],
    make_grid: Callable[..., Grid],
    measure: str,
) -> list[Outcome]:
    """Run every system with a progress bar, and print a table for each encoder."""
    for encoder in encoders.values():
        # Before the networks run: a wrong pooling fails at once.
        find_pools(encoder, poolings)
    with count_bar("Extracting descriptors") as bar:
        compared = make_grid(progress=bar.step)
        bar.total(compared.pictures * len(encoders))
        outcomes = list(compared.run(encoders, poolings, distances))
    report_left_out(list(compared.errors.values()), "catalogue picture")
    for name in encoders:
        print_systems(name, [o for o in outcomes if o.system.encoder == name], measure)
        if name in compared.ablations:
            print_ablation(compared.ablations[name], outcomes[0].system)
    if any(outcome.system.local for outcome in outcomes) and compared.short_list_is_all:
        console.print(
            f"The short-list holds all {compared.gallery_size:,} pictures, so the SIFT columns do "
            "not depend on pooling and distance."
        )
    return outcomes


def compare_parts(recipe: Recipe, make_grid: Callable[..., Parts]) -> list[Outcome]:
    """Run the encoders of a recipe, one by one and together, with a progress bar."""
    encoder = make_encoder(recipe)
    parts = encoder.parts if isinstance(encoder, Ensemble) else ()
    networks = max(1, len({part.encoder.run_key for part in parts}))
    with count_bar("Extracting descriptors") as bar:
        compared = make_grid(progress=bar.step)
        bar.total(compared.pictures * networks)
        outcomes = list(compared.run_recipe(recipe, encoder))
    report_left_out(list(compared.errors.values()), "catalogue picture")
    return outcomes
