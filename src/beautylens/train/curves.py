"""Training curves as a CSV file and a plot."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from beautylens.runtime.extras import extra


def write_curves(folder: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write curves.csv and curves.png: loss terms and mAP@7 of each epoch."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (folder / "curves.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
    with extra("train"):
        from matplotlib.figure import Figure
    panels = 2 if "map7" in names else 1
    figure = Figure(figsize=(4.5 * panels, 3.6), layout="constrained")
    every = figure.subplots(1, panels, squeeze=False)[0]
    losses, quality = every[0], every[-1]
    for name in names:
        points = [(row["epoch"], row[name]) for row in rows if name in row]
        if name in {"epoch", "rate", "seconds"} or not points:
            continue
        axes = quality if name == "map7" else losses
        label = "mAP@7" if name == "map7" else name
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=label)
    quality.set_title("mAP@7 of validation photos")
    losses.set_title("loss")
    for axes in every:
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    figure.savefig(folder / "curves.png", dpi=120)
