r"""Train the shipped default encoder further, from its plain start.

    python tools/build_default_encoder.py plain --grocery GROCERY
    beautylens demo sample
    python tools/learn_whitening.py plain GROCERY/queries/train sample/gallery
    python tools/train_default_encoder.py plain GROCERY work

GROCERY holds GroceryStoreDataset (MIT) as `catalogue.csv`, `train.csv` and `val.csv`; beside it,
three sample catalogues are rendered. Nothing else goes into what is shipped, and of `val.csv` only
which epoch was the best. WORK keeps pictures, tables and the trained network: what was interrupted
goes on. The result lies between the start and what was trained (`beautylens encoder blend`): most
of what was learnt, little of what was forgotten. Three quarters of an hour on two cores. Afterwards
the judge's parameters must be learnt again (`tools/learn_judge.py`).
"""

from __future__ import annotations

import argparse
import csv
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from beautylens.catalogue.table import read_catalogue
from beautylens.features.encoder.encoder import Encoder
from beautylens.sample import draw_plan, plan_sample
from beautylens.train.blend import blend
from beautylens.train.run import Training
from beautylens.train.settings import TrainSettings
from beautylens.train.start import from_encoder

SHIPPED = Path(__file__).parents[1] / "src/beautylens/features/encoder/weights/default"
NAME = "beautylens-lite0"
SEEDS = (1, 2, 3)
# 192 pixels: a quarter of the time of 384, at which it then searches.
SIDE, EPOCHS, SHARE = 192, 3, 0.6
COLUMNS = ("product_id", "image", "name", "brand")


def rendered(work: Path, seed: int) -> Path:
    """Return the table of a rendered sample catalogue, drawn unless it is there."""
    folder = work / f"rendered-{seed}"
    if not (folder / "truth.csv").exists():
        draw_plan(plan_sample(seed), folder)
    return folder / "catalogue.csv"


def rows_of(table: Path, prefix: str) -> Iterator[Mapping[str, str]]:
    """Yield a catalogue's pictures by absolute path, with ids that no other table has."""
    catalogue = read_catalogue(table)
    for row in catalogue.rows.to_pylist():
        image = str(catalogue.image_path(row["image"]).resolve())
        told = {"product_id": prefix + row["product_id"], "image": image}
        yield {**told, "name": row["name"], "brand": row["brand"]}


def join(work: Path, grocery: Path) -> Path:
    """Write one catalogue table of the groceries and all that was rendered."""
    rows = list(rows_of(grocery / "catalogue.csv", ""))
    for seed in SEEDS:
        rows += rows_of(rendered(work, seed), f"s{seed}-")
    joined = work / "catalogue.csv"
    with joined.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return joined


def main() -> None:
    """Render, train, blend and put the result where the package ships it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("start", type=Path, help="the plain encoder's folder")
    parser.add_argument("grocery", type=Path, help="folder of GroceryStoreDataset")
    parser.add_argument("work", type=Path, help="kept between runs")
    parser.add_argument("--to", type=Path, default=SHIPPED, help="folder to be replaced")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    trained = work / "trained"
    if not trained.exists():
        training = Training(
            from_encoder(str(arguments.start), side=SIDE),
            join(work, arguments.grocery),
            trained,
            TrainSettings(epochs=EPOCHS, batch=32, rate=1e-4),
            validation=arguments.grocery / "val.csv",
        )
        training.pairs(arguments.grocery / "train.csv", simulate=True)
    made = work / NAME
    shutil.rmtree(made, ignore_errors=True)
    exported = blend(Encoder.load(arguments.start), Encoder.load(trained), SHARE, made)
    shutil.rmtree(arguments.to, ignore_errors=True)
    shutil.copytree(made, arguments.to)
    size = sum(file.stat().st_size for file in arguments.to.iterdir()) / 1e6
    print(f"{arguments.to}: {exported.parameters / 1e6:.2f} M parameters, {size:.1f} MB")


if __name__ == "__main__":
    main()
