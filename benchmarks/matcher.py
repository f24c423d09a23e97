"""The nearest two keypoints of 100 catalogue pictures, against OpenCV's FLANN and others.

    python benchmarks/matcher.py [--pictures FOLDER] [--keypoints 500] [--runs 7] [--json]

One photo against 100 pictures, 500 keypoints each at most, Lowe's ratio and, but for FLANN, both
directions. Every way runs in turn, several times over; medians are compared. `identical` is the
share of pictures for which ours finds as many pairs as OpenCV's exhaustive matcher. Without a
folder, pictures of the rendered sample are matched. NumKong, FAISS and Numba take part if
installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from beautylens.arrays import UInt8
from beautylens.features.local.extractors import rootsift
from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.matching import Matcher
from beautylens.images.decode import decode
from beautylens.runtime.threads import core_count
from beautylens.sample import draw_plan, plan_sample

RATIO = 0.85
PICTURES = 100
# Seconds in which the threads of the way before stop spinning.
PAUSE = 0.3
Way = Callable[[Keypoints, Sequence[Keypoints]], list[int]]
"""Returns the number of pairs of each picture."""


def ours(query: Keypoints, pictures: Sequence[Keypoints]) -> list[int]:
    """Products of bytes, a few pictures together, all cores."""
    match = Matcher(query, ratio=RATIO)
    batches = list(match.batches(pictures))
    found = POOL.map(
        lambda each: match.together([pictures[position] for position in each]), batches
    )
    counts = {
        position: len(pairs)
        for batch, each in zip(batches, found, strict=True)
        for position, pairs in zip(batch, each, strict=True)
    }
    return [counts[position] for position in range(len(pictures))]


def ours_one_thread(query: Keypoints, pictures: Sequence[Keypoints]) -> list[int]:
    """The same, picture by picture on one core."""
    return [len(pairs) for pairs in map(Matcher(query, ratio=RATIO), pictures)]


def flann(query: Keypoints, pictures: Sequence[Keypoints]) -> list[int]:
    """The source papers' loop: five random trees, 50 checks, the ratio test; approximate."""
    matcher = cv2.FlannBasedMatcher({"algorithm": 1, "trees": 5}, {"checks": 50})
    wanted = query.descriptors.astype(np.float32)
    counts = []
    for picture in pictures:
        found = matcher.knnMatch(wanted, picture.descriptors.astype(np.float32), k=2)
        counts.append(sum(one.distance <= RATIO * two.distance for one, two in found))
    return counts


def brute_force(query: Keypoints, pictures: Sequence[Keypoints]) -> list[int]:
    """OpenCV's exhaustive matcher, both ways."""
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    left = query.descriptors.astype(np.float32)
    counts = []
    for picture in pictures:
        right = picture.descriptors.astype(np.float32)
        found = matcher.knnMatch(left, right, k=2)
        back = [match.trainIdx for match in matcher.match(right, left)]
        counts.append(
            sum(
                one.distance <= RATIO * two.distance and back[one.trainIdx] == one.queryIdx
                for one, two in found
            )
        )
    return counts


def numpy_product(query: Keypoints, pictures: Sequence[Keypoints]) -> list[int]:
    """One matrix product in single precision a picture."""
    left = query.descriptors.astype(np.float32)
    squares = np.square(left).sum(axis=1)
    rows = np.arange(len(left))
    counts = []
    for picture in pictures:
        right = picture.descriptors.astype(np.float32)
        distances = squares[:, None] + np.square(right).sum(axis=1) - 2 * (left @ right.T)
        nearest, back = distances.argmin(axis=1), distances.argmin(axis=0)
        first = distances[rows, nearest]
        distances[rows, nearest] = np.inf
        kept = first <= RATIO**2 * distances.min(axis=1)
        counts.append(int((kept & (back[nearest] == rows)).sum()))
    return counts


def numkong_products(query: Keypoints, pictures: Sequence[Keypoints]) -> list[int]:
    """NumKong's products of bytes, the rest by NumPy, all cores."""
    import numkong

    left = query.descriptors
    squares = np.einsum("kd,kd->k", left, left, dtype=np.int32)
    rows = np.arange(len(left))

    def count(picture: Keypoints) -> int:
        right = np.ascontiguousarray(picture.descriptors)
        products = numkong.dots_packed(left, numkong.dots_pack(right))
        distances = np.asarray(products).view(np.int32)
        distances *= -2
        distances += np.einsum("kd,kd->k", right, right, dtype=np.int32)
        nearest = distances.argmin(axis=1)
        back = (distances[:, nearest] + squares[:, None]).argmin(axis=0)
        first = distances[rows, nearest]
        distances[rows, nearest] = np.iinfo(np.int32).max
        second = distances.min(axis=1)
        kept = first + squares <= RATIO**2 * (second + squares)
        return int((kept & (back == rows)).sum())

    return list(POOL.map(count, pictures))


def faiss_knn(query: Keypoints, pictures: Sequence[Keypoints]) -> list[int]:
    """FAISS's exhaustive search, both ways."""
    import faiss

    left = query.descriptors.astype(np.float32)
    rows = np.arange(len(left))
    counts = []
    for picture in pictures:
        right = picture.descriptors.astype(np.float32)
        distances, found = faiss.knn(left, right, 2)
        back = faiss.knn(right, left, 1)[1][:, 0]
        kept = distances[:, 0] <= RATIO**2 * distances[:, 1]
        counts.append(int((kept & (back[found[:, 0]] == rows)).sum()))
    return counts


def numba_kernel() -> Way:
    """Return loops that Numba compiles: products, both minima and the ratio in one pass."""
    import numba

    compiled = numba.njit(nogil=True)

    @compiled
    def product(one: UInt8, other: UInt8) -> int:
        total = np.int32(0)
        for position in range(len(one)):
            total += np.int32(one[position]) * np.int32(other[position])
        return total

    @compiled
    def nearest(row: UInt8, right: UInt8, squares: UInt8, owner: UInt8, closest: UInt8, i: int):
        best, first, second = 0, 2**30, 2**30
        square = product(row, row)
        for j in range(len(right)):
            distance = square + squares[j] - 2 * product(row, right[j])
            if distance < first:
                best, first, second = j, distance, first
            elif distance < second:
                second = distance
            if distance < closest[j]:
                closest[j], owner[j] = distance, i
        return best, first <= RATIO**2 * second

    @compiled
    def count(left: UInt8, right: UInt8) -> int:
        squares = np.array([product(row, row) for row in right])
        owner, closest = np.full(len(right), -1), np.full(len(right), 2**30)
        found = [nearest(left[i], right, squares, owner, closest, i) for i in range(len(left))]
        return sum([passed and owner[best] == i for i, (best, passed) in enumerate(found)])

    def way(query: Keypoints, pictures: Sequence[Keypoints]) -> list[int]:
        left = query.descriptors.astype(np.int16)
        right = (picture.descriptors.astype(np.int16) for picture in pictures)
        return list(POOL.map(lambda each: int(count(left, each)), right))

    return way


POOL = ThreadPoolExecutor(core_count())


def ways() -> dict[str, Way]:
    """Return every way that can run here."""
    found: dict[str, Way] = {
        "flann": flann,
        "opencv brute force": brute_force,
        "numpy product": numpy_product,
        "ours": ours,
        "ours, one thread": ours_one_thread,
    }
    if importlib.util.find_spec("numkong"):
        found["numkong"] = numkong_products
    if importlib.util.find_spec("faiss"):
        found["faiss"] = faiss_knn
    if importlib.util.find_spec("numba"):
        found["numba"] = numba_kernel()
    return found


def timed(
    ways: dict[str, Way], query: Keypoints, pictures: Sequence[Keypoints], runs: int
) -> tuple[dict[str, float], dict[str, list[int]]]:
    """Return the median milliseconds and the counts of each way, all of them in each round."""
    counts = {name: way(query, pictures) for name, way in ways.items()}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            time.sleep(PAUSE)
            # A search matches with its cores at work already; after a rest the first call is slow.
            way(query, pictures)
            start = time.perf_counter()
            way(query, pictures)
            spent[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(times) for name, times in spent.items()}, counts


def keypoints_of(paths: Sequence[Path], limit: int) -> list[Keypoints]:
    """Return the strongest keypoints of pictures, as an index keeps them."""
    take = rootsift()
    return [take(decode(path, least_side=640), longest=640, limit=limit) for path in paths]


def pictures_in(folder: Path) -> list[Path]:
    """Return the first pictures of a folder: one photo, and those that it is compared with."""
    return list(islice(sorted(folder.rglob("*.jpg")), 1 + PICTURES))


def main() -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="folder of .jpg pictures")
    parser.add_argument("--keypoints", type=int, default=500)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as drawn:
        folder = arguments.pictures
        if folder is None:
            folder = draw_plan(
                plan_sample(2026).first(PICTURES + 1, 0), Path(drawn)
            ).catalogue.parent
        query, *pictures = keypoints_of(pictures_in(folder), arguments.keypoints)
    compared = [picture for picture in pictures if len(picture) > 1]
    milliseconds, counts = timed(ways(), query, compared, arguments.runs)
    exact = counts["opencv brute force"]
    same = sum(a == b for a, b in zip(counts["ours"], exact, strict=True))
    result: dict[str, Any] = {
        "pictures": len(compared),
        "keypoints": round(statistics.mean(map(len, compared))),
        "query_keypoints": len(query),
        "cores": core_count(),
        "ours_ms": round(milliseconds["ours"], 1),
        "rival_ms": round(milliseconds["flann"], 1),
        "ratio": round(milliseconds["flann"] / milliseconds["ours"], 1),
        "identical": same / len(compared),
        "all_ms": {name: round(spent, 1) for name, spent in milliseconds.items()},
    }
    if arguments.json:
        print(json.dumps(result))
        return
    for name, spent in sorted(milliseconds.items(), key=lambda pair: pair[1]):
        print(f"{name:20} {spent:8.1f} ms   {milliseconds['flann'] / spent:6.1f} x FLANN's speed")
    print(f"as many pairs as exhaustive search: {same} of {len(compared)} pictures")


if __name__ == "__main__":
    main()
