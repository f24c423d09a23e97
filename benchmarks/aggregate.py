"""Ways to retrieve by local features alone: VLAD, Fisher vectors, an inverted file.

    python benchmarks/aggregate.py DATA [--sets beauty packs grocery] [--queries 150] [--json]

Of a set with more queries with a truth than asked for, so many are drawn by a fixed seed; of
grocery the packages alone, as loose fruit has no print. Every way sees the same keypoints, those of
the default recipe. `joined` adds the cosine of the deep descriptor. Milliseconds are those of one
picture, from keypoints to vector, on one thread. `another set's` vocabulary and axes are learnt
from the set before.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from beautylens.assemble.encoders import make_encoder
from beautylens.assemble.parts import make_extractor
from beautylens.catalogue.table import read_catalogue
from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.evaluation.metrics import QueryResult, summarise
from beautylens.features.encoder.pooling import unit_rows
from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.vlad import VladEncoder, learn_projection
from beautylens.images.decode import decode
from beautylens.recipe.recipe import read_recipe
from beautylens.results import Match, Matches, Product

Floats = np.ndarray
Pictures = Sequence[Keypoints]
Way = Callable[[Pictures], Callable[[Pictures], Floats]]
"""From pictures to learn from to what makes unit rows (N, D) of pictures."""


@dataclass(frozen=True)
class Set:
    """A set's keypoints, products and truth; deep (Q, N) holds the deep descriptors' cosines."""

    name: str
    gallery: Pictures
    products: Sequence[str]
    queries: Pictures
    truth: Sequence[TruthRow]
    deep: Floats


def vlad(words: int = 256, dimensions: int = 512) -> Way:
    """Return the package's own way."""
    return lambda taught: VladEncoder.fit(taught, words, dimensions)


def fisher(components: int = 64, dimensions: int = 512, reduced: int = 64) -> Way:
    """Return Fisher vectors (Perronnin et al., 2010): gradients by means and deviations."""

    def learn(taught: Pictures) -> Callable[[Pictures], Floats]:
        mean, axes, sample = reduction(taught, reduced)
        mixture = GaussianMixture(components, covariance_type="diag", max_iter=30, random_state=0)
        mixture.fit(sample[:60_000])
        spread = np.sqrt(mixture.covariances_)

        def gradients(keypoints: Keypoints) -> Floats:
            values = (keypoints.descriptors - mean) @ axes
            shares = mixture.predict_proba(values)
            steps = (values[:, None] - mixture.means_) / spread
            first = np.einsum("kw,kwl->wl", shares, steps) / np.sqrt(mixture.weights_)[:, None]
            second = np.einsum("kw,kwl->wl", shares, steps**2 - 1)
            second /= np.sqrt(2 * mixture.weights_)[:, None]
            both = np.concatenate([first, second]).ravel()
            return unit_rows((np.sign(both) * np.sqrt(np.abs(both))).astype(np.float32))

        def rows(pictures: Pictures) -> Floats:
            return np.stack([gradients(keypoints) for keypoints in pictures])

        projection = learn_projection(rows([k for k in taught if len(k)]), dimensions)
        return lambda pictures: projection(rows(pictures))

    return learn


def inverted(words: int = 4096, reduced: int = 64) -> Way:
    """Return counts of words by rarity, repeats within a picture weighing by their root.

    The intra-image burstiness of Jegou et al. (2009); the rows are what an inverted file holds.
    """

    def learn(taught: Pictures) -> Callable[[Pictures], Floats]:
        mean, axes, sample = reduction(taught, reduced)
        learner = MiniBatchKMeans(words, batch_size=8192, n_init=1, max_iter=10, random_state=0)
        centres = learner.fit(sample).cluster_centers_
        half = (centres**2).sum(axis=1) / 2

        def counts(keypoints: Keypoints) -> Floats:
            nearest = ((keypoints.descriptors - mean) @ axes @ centres.T - half).argmax(axis=1)
            return np.bincount(nearest, minlength=words)

        seen = np.sum([counts(keypoints) > 0 for keypoints in taught], axis=0)
        rarity = np.log(len(taught) / np.maximum(seen, 1))

        def rows(pictures: Pictures) -> Floats:
            found = np.stack([np.sqrt(counts(keypoints)) * rarity for keypoints in pictures])
            return unit_rows(found.astype(np.float32))

        return rows

    return learn


WAYS: dict[str, Way] = {
    "VLAD 256 words": vlad(),
    "VLAD 64 words": vlad(64),
    "VLAD 128 words": vlad(128),
    "VLAD 512 words": vlad(512),
    "VLAD, 256 dimensions": vlad(dimensions=256),
    "Fisher, 64 components": fisher(),
    "inverted file, 4096 words": inverted(),
}


def reduction(taught: Pictures, reduced: int) -> tuple[Floats, Floats, Floats]:
    """Return mean, principal axes, and at most 200,000 keypoint descriptors reduced to them."""
    stacked = np.concatenate([keypoints.descriptors for keypoints in taught]).astype(np.float32)
    stacked = np.random.default_rng(0).permutation(stacked)[:200_000]
    mean = stacked.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov((stacked - mean).T))
    kept = axes[:, ::-1][:, :reduced].astype(np.float32)
    return mean, kept, (stacked - mean) @ kept


def read_set(folder: Path, queries: int) -> Set:
    """Read a set and take its keypoints as the default recipe does."""
    recipe = read_recipe("default")
    kept = recipe.keypoints
    assert kept is not None  # noqa: S101  (the default recipe has keypoints)
    encoder, extractor = make_encoder(recipe), make_extractor(kept)
    table = folder / "truth.csv" if (folder / "truth.csv").exists() else folder / "val.csv"
    truth = [row for row in read_truth(table) if row.product_ids and row.kind != "loose"]
    if queries < len(truth):
        drawn = np.random.default_rng(0).choice(len(truth), queries, replace=False)
        truth = [truth[position] for position in sorted(drawn)]
    catalogue = read_catalogue(folder / "catalogue.csv")
    rows = catalogue.rows.to_pylist()
    pictures = [catalogue.folder / row["image"] for row in rows]
    views = [decode(row.image, least_side=2 * kept.longest) for row in truth]
    described = np.stack([encoder.describe_views(view, recipe.retrieve.views) for view in views])

    def taken(pixels: np.ndarray) -> Keypoints:
        return extractor(pixels, longest=kept.longest, limit=kept.gallery)

    return Set(
        folder.name,
        [taken(decode(path, least_side=kept.longest)) for path in pictures],
        [row["product_id"] for row in rows],
        [taken(view) for view in views],
        truth,
        described @ encoder(pictures).T,
    )


def figures(data: Set, similarities: Floats) -> tuple[float, float]:
    """Return mAP@7 (challenge) and the share of queries with a truth in the first 100 images."""
    results, found = [], []
    for row, values in zip(data.truth, similarities, strict=True):
        order = np.argsort(-values, kind="stable")
        ranked = Matches(
            tuple(Match(str(i), Product(data.products[i]), "", float(values[i])) for i in order)
        )
        results.append(
            QueryResult(
                row.image, row.product_ids, row.ignore_ids, row.kind, ranked.products(), None
            )
        )
        found.append(any(data.products[i] in row.product_ids for i in order[:100]))
    return summarise(results).overall.map7_challenge, float(np.mean(found))


def measure(name: str, way: Way, data: Set, taught: Pictures) -> dict[str, object]:
    """Return the figures of one way on one set."""
    learnt = time.perf_counter()
    describe = way(taught)
    learnt, start = time.perf_counter() - learnt, time.perf_counter()
    gallery = describe(data.gallery)
    spent = (time.perf_counter() - start) * 1000 / len(data.gallery)
    similarities = describe(data.queries) @ gallery.T
    (alone, recall), (joined, both) = (
        figures(data, similarities),
        figures(data, similarities + data.deep),
    )
    return {
        "set": data.name,
        "way": name,
        "map7": round(alone, 3),
        "recall100": round(recall, 3),
        "joined_map7": round(joined, 3),
        "joined_recall100": round(both, 3),
        "ms": round(spent, 2),
        "learnt_s": round(learnt, 1),
    }


def rows(folders: Sequence[Path], queries: int) -> Iterator[dict[str, object]]:
    """Yield the figures of every set and way."""
    former: Pictures | None = None
    for folder in folders:
        data = read_set(folder, queries)
        printed = [keypoints for keypoints in data.gallery if len(keypoints)]
        with threadpool_limits(1):
            for name, way in WAYS.items():
                yield measure(name, way, data, printed)
            if former is not None:
                yield measure("VLAD, another set's", vlad(), data, former)
        former = printed


def main() -> None:
    """Measure every set and way; print a table, or JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["beauty", "packs", "grocery"])
    parser.add_argument("--queries", type=int, default=150, help="draw so many, by a fixed seed")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for row in rows([arguments.data / name for name in arguments.sets], arguments.queries):
        if arguments.json:
            print(json.dumps(row), flush=True)
        else:
            print(
                f"{row['set']:8} {row['way']:26} mAP@7 {row['map7']:.3f}  R@100 "
                f"{row['recall100']:.3f}  joined {row['joined_map7']:.3f} "
                f"{row['joined_recall100']:.3f}  {row['ms']:.1f} ms, learnt in {row['learnt_s']} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
