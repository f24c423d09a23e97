"""The robust contrastive loss against the plain one, where rows of the truth table are wrong.

    python benchmarks/robustness.py DATA [--encoder default] [--wrong 0 0.1 0.3] [--seeds 1]
                                    [--figure docs/pictures/robust.png] [--json]

Adapters on grocery, as `benchmarks/training.py` trains them, from the same maps, which are made
once; with `--figure` the means and their 95 % intervals are drawn. Needs `make train`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.runtime.extras import extra
from beautylens.train.settings import TrainSettings
from training import measure

with extra("train"):
    from matplotlib.figure import Figure

LOSSES = {"adapter-plain": "plain contrastive loss", "adapter-robust": "robust, our own variant"}
COLOURS = {"start": "#888888", "adapter-plain": "#7d5200", "adapter-robust": "#9c2f5f"}


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw mAP@7 by the share of wrong rows, a line for each loss, and where training began."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    for variant, label in LOSSES.items():
        own = [row for row in rows if row["variant"] == variant]
        shares = sorted({row["wrong"] for row in own})
        same = [[row for row in own if row["wrong"] == share] for share in shares]
        means = np.array([np.mean([row["map7"] for row in each]) for each in same])
        edges = np.array([np.mean([row["interval"] for row in each], axis=0) for each in same])
        axes.errorbar(
            100 * np.array(shares),
            means,
            np.abs(edges.T - means),
            label=label,
            marker="o",
            capsize=4,
            color=COLOURS[variant],
        )
    start = next(row["map7"] for row in rows if row["variant"] == "start")
    axes.axhline(start, linestyle=":", color=COLOURS["start"], label="nothing learnt")
    axes.set_xlabel("training rows that name a wrong product, %")
    axes.set_ylabel("mAP@7 on grocery val.csv")
    axes.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    """Measure, print a table or JSON lines, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--encoder", default="default", help="what training starts from")
    parser.add_argument("--wrong", type=float, nargs="+", default=[0.0, 0.1, 0.3])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        runs = [("start", 0.0, 0)]
        runs += [(v, w, s) for w in arguments.wrong for v in LOSSES for s in range(arguments.seeds)]
        for variant, wrong, seed in runs:
            given = argparse.Namespace(
                encoder=arguments.encoder,
                side=128,
                maps=Path(scratch) / "maps",
                keep=None,
                weights=None,
                wrong=wrong,
            )
            settings = TrainSettings(epochs=4, rate=1e-3, seed=seed)
            rows.append(measure(arguments.data / "grocery", variant, settings, given))
            row = rows[-1]
            if arguments.json:
                print(json.dumps(row), flush=True)
            else:
                low, high = row["interval"]
                print(
                    f"{wrong:5.0%}  {variant:15}{row['map7']:.3f} [{low:.3f}, {high:.3f}]",
                    flush=True,
                )
    if arguments.figure is not None:
        draw(rows, arguments.figure)


if __name__ == "__main__":
    main()
