"""How many catalogue pictures a second are described, with and without keypoints.

    python benchmarks/indexing.py [--pictures FOLDER] [--json]

Decoding, fitting, encoding and keypoints are counted, writing to disk is not. Without a folder
the rendered sample catalogue is drawn and measured. Median of several runs over the same files.
Then each stage of the default recipe alone, one picture after the other on one core: what the whole
costs at least is their sum over the cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
from threadpoolctl import threadpool_limits

from beautylens.assemble.encoders import make_encoder
from beautylens.assemble.parts import make_describer, make_extractor
from beautylens.images.decode import decode
from beautylens.images.thumbnail import Thumbnail
from beautylens.ingest.fill import Described
from beautylens.recipe.recipe import read_recipe
from beautylens.recipe.sections import KeypointSettings
from beautylens.runtime.threads import core_count
from beautylens.sample import write_sample_catalogue
from beautylens.store.columns import file_digest

RUNS, STAGED = 3, 60


def rate(recipe_name: str, paths: list[Path]) -> float:
    """Return pictures a second, the median of several runs after a short warm-up."""
    recipe = read_recipe(recipe_name)
    describer = make_describer(recipe, make_encoder(recipe))
    rows = [
        {"image_id": str(p), "product_id": "", "image": str(p), "row": n}
        for n, p in enumerate(paths)
    ]
    list(describer(rows[:32], Path()))
    rates = []
    for _ in range(RUNS):
        start = time.perf_counter()
        good = sum(isinstance(item, Described) for item in describer(rows, Path()))
        rates.append(good / (time.perf_counter() - start))
    return statistics.median(rates)


def stages(paths: list[Path]) -> dict[str, float]:
    """Return the median milliseconds a picture of each stage, on one core."""
    recipe = read_recipe("default")
    encoder, kept = make_encoder(recipe), recipe.keypoints or KeypointSettings()
    encoder, extract = encoder.shared_by(core_count()), make_extractor(kept)
    spent: dict[str, list[float]] = defaultdict(list)

    def lap(stage: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        spent[stage].append((time.perf_counter() - start) * 1000)
        return result

    cv2.setNumThreads(1)
    with threadpool_limits(1, "blas"):
        for path in paths:
            data = lap("read", path.read_bytes)
            picture = lap("decode", partial(decode, data, least_side=kept.longest))
            fitted = lap("fit", partial(encoder.fit, picture))
            lap("network, pooling, whitening", partial(encoder.describe, [fitted]))
            found = lap(
                "keypoints", partial(extract, picture, longest=kept.longest, limit=kept.gallery)
            )
            lap("packing keypoints", found.to_bytes)
            small = lap("thumbnail", partial(Thumbnail.of, picture, kept.longest))
            lap("packing thumbnail", small.to_jpeg)
            lap("digest", partial(file_digest, data))
    cv2.setNumThreads(-1)
    return {stage: round(statistics.median(each), 2) for stage, each in spent.items()}


def main() -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="folder of .jpg pictures")
    parser.add_argument("--limit", type=int, default=600)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as drawn:
        folder = arguments.pictures
        if folder is None:
            folder = write_sample_catalogue(Path(drawn)).catalogue.parent
        paths = sorted(path.absolute() for path in folder.rglob("*.jpg"))[: arguments.limit]
        result: dict[str, Any] = {
            "pictures": len(paths),
            "cores": core_count(),
            "without_keypoints_per_second": round(rate("fast", paths), 1),
            "with_keypoints_per_second": round(rate("default", paths), 1),
            "stages_ms": stages(paths[:STAGED]),
        }
    if arguments.json:
        print(json.dumps(result))
        return
    per_stage = result.pop("stages_ms")
    for name, value in (result | per_stage).items():
        print(f"{name.replace('_', ' '):32}{value:>10}")


if __name__ == "__main__":
    main()
