r"""Learn the whitening of an encoder folder from pictures, and write it beside the graph.

That of the plain encoder, from which the shipped default was trained, was made from pictures that
may be used so: GroceryStoreDataset (MIT) and the rendered sample catalogue.

    beautylens demo sample
    python tools/learn_whitening.py plain GROCERY/queries/train sample/gallery
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from beautylens.features.encoder.base_encoder import BATCH
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.whitening import Whitening


def main() -> None:
    """Describe every picture without whitening, learn, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+", help="folders of .jpg pictures")
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--power", type=float, default=0.5)
    arguments = parser.parse_args()
    target = arguments.encoder / "whitening.npz"
    target.unlink(missing_ok=True)
    encoder = Encoder.load(arguments.encoder)
    paths = sorted(path for folder in arguments.pictures for path in folder.rglob("*.jpg"))
    batches = [encoder(paths[start : start + BATCH]) for start in range(0, len(paths), BATCH)]
    descriptors = np.concatenate(batches)
    Whitening.fit(descriptors, arguments.dimensions, power=arguments.power).save(target)
    size = target.stat().st_size / 1e6
    print(f"{target}: {arguments.dimensions} dimensions from {len(paths)} pictures, {size:.1f} MB")


if __name__ == "__main__":
    main()
