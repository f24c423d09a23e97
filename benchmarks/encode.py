"""Milliseconds to describe a picture, decoding included, against a timm + PyTorch eager loop.

    python benchmarks/encode.py [--pictures FOLDER] [--longest 4000] [--side 288]
                                [--batches 16 32] [--limit 64] [--runs 3] [--json]

Ours is what `index` does without keypoints. The rival is timm's network of the same architecture
(its weights random: they cost the same), a DataLoader with two workers, Pillow's resizing, and our
own pooling and whitening; of the batch sizes named, the one that is fastest in a first round is
timed. Both read the same JPEG files on the same cores, in turn; medians are compared. Without a
folder, pictures of the rendered sample are described. PyTorch and timm: `make train`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from beautylens.arrays import Float32
from beautylens.errors import EncoderError
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.pooling import Outputs
from beautylens.ingest.fill import Describer
from beautylens.runtime.threads import core_count
from beautylens.sample import draw_plan, plan_sample

ARCHITECTURE = "tf_efficientnet_lite0"
LOADERS = 2
# Seconds in which the threads of the way before stop spinning.
PAUSE = 0.3
Way = Callable[[], int]
"""Describes all pictures and returns how many it described."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What the rival's loader reads: each file as a (3, side, side) float32 input."""

    paths: Sequence[Path]
    encoder: Encoder

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, position: int) -> Float32:
        side = self.encoder.side
        with Image.open(self.paths[position]) as picture:
            scale = side / max(picture.size)
            size = [max(1, round(length * scale)) for length in picture.size]
            small = picture.convert("RGB").resize(size, Image.Resampling.BILINEAR)
        square = Image.new("RGB", (side, side), "white")
        square.paste(small, ((side - size[0]) // 2, (side - size[1]) // 2))
        pixels = np.asarray(square, np.float32) - np.float32(self.encoder.spec.mean)
        return np.ascontiguousarray((pixels / np.float32(self.encoder.spec.std)).transpose(2, 0, 1))


def ours(paths: Sequence[Path], encoder: Encoder) -> Way:
    """Return the library's way: one picture a core, OpenVINO."""
    describer = Describer(encoder, keypoints=0, longest=0)
    rows = [
        {"image_id": str(path), "product_id": "", "image": str(path), "row": number}
        for number, path in enumerate(paths)
    ]
    return lambda: sum(1 for _ in describer(rows, Path.cwd()))


def eager(paths: Sequence[Path], encoder: Encoder, batch: int) -> Way:
    """Return the rival's way: batches of a loader with two workers, PyTorch eager.

    Raises:
        EncoderError: when PyTorch or timm is not installed.
    """
    from beautylens.features.export.backbones import import_timm

    timm = import_timm()
    import torch
    from torch.utils.data import DataLoader

    network = timm.create_model(ARCHITECTURE, pretrained=False, num_classes=0).eval()
    loader = DataLoader(
        Fitted(paths, encoder), batch_size=batch, num_workers=LOADERS, persistent_workers=True
    )

    def way() -> int:
        with torch.no_grad():
            maps = (network.forward_features(inputs).numpy() for inputs in loader)
            return sum(len(encoder.describe_outputs([Outputs(each)])) for each in maps)

    return way


def timed(way: Way) -> float:
    """Return the milliseconds a picture that a way takes."""
    time.sleep(PAUSE)
    start = time.perf_counter()
    count = way()
    return (time.perf_counter() - start) * 1000 / count


@contextmanager
def pictures(folder: Path | None, longest: int | None, limit: int) -> Iterator[list[Path]]:
    """Give the files to describe: of a folder, or drawn; enlarged to a longer side if asked."""
    with tempfile.TemporaryDirectory() as scratch:
        if folder is None:
            folder = draw_plan(plan_sample(2026).first(limit, 0), Path(scratch)).catalogue.parent
        found = list(islice(sorted(folder.rglob("*.jpg")), limit))
        yield found if longest is None else enlarged(found, longest, Path(scratch))


def enlarged(paths: Sequence[Path], longest: int, folder: Path) -> list[Path]:
    """Write the pictures as JPEGs whose longer side has so many pixels, as a phone makes them."""
    written = []
    for number, path in enumerate(paths):
        with Image.open(path) as picture:
            scale = longest / max(picture.size)
            size = [max(1, round(length * scale)) for length in picture.size]
            target = folder / f"{number:04}.jpg"
            picture.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(target, quality=90)
        written.append(target)
    return written


def main() -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="folder of .jpg pictures")
    parser.add_argument("--longest", type=int, help="enlarge them to this longer side, in pixels")
    parser.add_argument("--side", type=int, help="of the network's input; the encoder's by default")
    parser.add_argument("--batches", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--limit", type=int, default=64)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    encoder = Encoder.load(side=arguments.side)
    with pictures(arguments.pictures, arguments.longest, arguments.limit) as paths:
        mine = ours(paths, encoder)
        try:
            rivals = {batch: eager(paths, encoder, batch) for batch in arguments.batches}
        except EncoderError:
            raise SystemExit("PyTorch and timm are the rival here: run `make train`") from None
        mine()
        first = {batch: timed(way) for batch, way in rivals.items()}
        batch = min(first, key=lambda size: first[size])
        rounds = [(timed(mine), timed(rivals[batch])) for _ in range(arguments.runs)]
    ours_ms, rival_ms = (statistics.median(column) for column in zip(*rounds, strict=True))
    result = {
        "pictures": len(paths),
        "side": encoder.side,
        "cores": core_count(),
        "ours_ms": round(ours_ms, 1),
        "rival_ms": round(rival_ms, 1),
        "ratio": round(rival_ms / ours_ms, 2),
        "batch": batch,
        "first_round_ms": {str(size): round(spent, 1) for size, spent in first.items()},
    }
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"{len(paths)} pictures, input {encoder.side}, {core_count()} cores, ms a picture")
    print(f"{'ours':32}{ours_ms:8.1f}")
    print(f"{f'timm + PyTorch, batches of {batch}':32}{rival_ms:8.1f}   {rival_ms / ours_ms:.1f} x")
    for size, spent in first.items():
        print(f"{f'  first round, batches of {size}':32}{spent:8.1f}")


if __name__ == "__main__":
    main()
