"""A folder of results: figures, photos, recipe and what is needed to repeat them."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import beautylens
from beautylens.assemble.scorers import make_judge_parameters
from beautylens.catalogue.json_tables import SEPARATOR
from beautylens.catalogue.truth import TruthRow
from beautylens.catalogue.write import write_csv
from beautylens.collection import Collection, open_collection
from beautylens.errors import ImageError, TableError
from beautylens.evaluation.evaluate import Evaluation, evaluate
from beautylens.evaluation.exchange.photos import read_photos, write_photos
from beautylens.evaluation.exchange.trec import trec_qrels, trec_run
from beautylens.files.paths import AnyPath, as_path
from beautylens.images.files import read_bytes
from beautylens.ingest.derive import gallery_digest
from beautylens.ingest.progress import OnProgress, silent
from beautylens.recipe.sections import JudgeSettings
from beautylens.recipe.write import write_recipe
from beautylens.store.columns import file_digest

FORMAT = 1
RESULTS, PHOTOS, TRUTH, RECIPE = "results.json", "photos.csv", "truth.csv", "recipe.toml"
RUN, QRELS = "run.trec", "qrels.trec"
# Packages whose version may change a result.
PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "opencv-python-headless",
    "openvino",
    "onnxruntime",
    "pillow",
    "pylance",
    "rapidocr",
    "rapidfuzz",
    "zxing-cpp",
)


@dataclass(frozen=True, slots=True)
class Change:
    """A value that is no longer what it was.

    Args:
        where: what it is: `digests gallery`, `figures overall map7_all`, a photo and its column.
        before: in the folder.
        now: when repeated.
    """

    where: str
    before: str
    now: str


@dataclass(frozen=True)
class Replay:
    """An evaluation that was repeated.

    Args:
        circumstances: versions, digests and recipe that changed; they explain different results.
        results: figures and values of photos that changed.
        compared: number of figures and values that were compared.
    """

    circumstances: tuple[Change, ...]
    results: tuple[Change, ...]
    compared: int


def write_results(measured: Evaluation, folder: Path) -> None:
    """Write the results of an evaluation, which `replay` repeats.

    The folder gets `results.json` (figures, options, versions, digests and seeds), `photos.csv` (a
    row for each search), `truth.csv`, `recipe.toml`, and `run.trec` and `qrels.trec` for other
    programs. Paths of photos become absolute.

    Args:
        measured: the evaluation.
        folder: created if it does not exist; files of earlier results in it are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    measured = _absolute(measured)
    _write_truth(measured.truth, folder / TRUTH)
    write_photos(measured, folder / PHOTOS)
    write_recipe(folder / RECIPE, measured.collection.recipe, "The recipe of these results.")
    _write_lines(folder / RUN, trec_run(measured.results, measured.collection.recipe.name))
    _write_lines(folder / QRELS, trec_qrels(measured.results))
    about = {"format": FORMAT, **_about(measured), "figures": measured.to_dict()}
    text = json.dumps(about, indent=2, ensure_ascii=False)
    (folder / RESULTS).write_text(text + "\n", encoding="utf-8")


def replay(
    folder: Path, collection: Collection | None = None, *, progress: OnProgress = silent
) -> Replay:
    """Evaluate again as a folder of results says, and compare every figure to its last digit.

    Args:
        folder: written by `write_results`.
        collection: by default the one that the folder names.
        progress: called after every search.

    Raises:
        TableError: when the folder holds no results.
        CollectionError: when the collection is missing.
    """
    before = read_results(folder)
    opened = collection or open_collection(before["collection"])
    measured = evaluate(opened, str(folder / TRUTH), progress=progress, **before["options"])
    with TemporaryDirectory() as scratch:
        write_results(measured, Path(scratch))
        now = read_results(Path(scratch))
        photos = [read_photos(each / PHOTOS) for each in (folder, Path(scratch))]
    results = [
        *_changes("figures", before["figures"], now["figures"]),
        *_changes("photos", *map(_by_search, photos)),
    ]
    circumstances = [
        change
        for name in ("recipe", "versions", "machine", "digests", "seeds")
        for change in _changes(name, before[name], now[name])
    ]
    compared = sum(map(_count, (before["figures"], _by_search(photos[0]))))
    return Replay(tuple(circumstances), tuple(results), compared)


def read_results(folder: Path) -> dict[str, Any]:
    """Return the content of a folder's `results.json`.

    Raises:
        TableError: when the folder holds no results, or those of a newer version.
    """
    file = folder / RESULTS
    try:
        found = json.loads(file.read_text("utf-8"))
        known = found["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TableError(
            f"{folder}: holds no results; give a folder that `beautylens evaluate --results` wrote"
        ) from error
    if known != FORMAT:
        raise TableError(f"{file}: has format {known}, not {FORMAT}; upgrade Beautylens")
    return dict(found)


def _about(measured: Evaluation) -> dict[str, Any]:
    """Return what determines the results, as JSON values."""
    opened = measured.collection
    return {
        "collection": str(_whole(as_path(opened.address))),
        "options": {"leave_out": measured.leave_out, "allow_leaks": measured.allow_leaks},
        "recipe": opened.recipe.model_dump(mode="json"),
        "versions": versions(),
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "precision": opened.encoder.precision,
        },
        "digests": {
            "gallery": gallery_digest(opened.gallery).hex(),
            "encoder": opened.encoder.fingerprint,
            "judge": _judge_digest(opened),
            "photos": _photos_digest(measured.truth),
        },
        "seeds": {"bootstrap": 0},
    }


def _judge_digest(opened: Collection) -> str:
    """Return a digest of the judge's parameters, which may be calibrated; empty without a judge."""
    settings = opened.recipe.scorer
    if not isinstance(settings, JudgeSettings):
        return ""
    parameters = make_judge_parameters(settings, opened.gallery).to_bytes()
    return hashlib.blake2b(parameters, digest_size=16).hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of Beautylens, Python and the packages that may change a result."""
    found = {"beautylens": beautylens.__version__, "python": platform.python_version()}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _photos_digest(truth: Iterable[TruthRow]) -> str:
    """Return a digest of the photos and what is relevant to them."""
    digest = hashlib.blake2b(digest_size=16)
    for row in truth:
        with suppress(ImageError):
            digest.update(file_digest(read_bytes(row.image)).encode())
        ids = [sorted(row.product_ids), sorted(row.ignore_ids), row.kind]
        digest.update(json.dumps(ids).encode())
    return digest.hexdigest()


def _absolute(measured: Evaluation) -> Evaluation:
    results = tuple(
        # An error names the photo as it was typed.
        replace(
            row,
            image=_whole(row.image),
            error=row.error and row.error.replace(str(row.image), str(_whole(row.image))),
        )
        for row in measured.results
    )
    truth = tuple(replace(row, image=_whole(row.image)) for row in measured.truth)
    return replace(measured, results=results, truth=truth)


def _whole(path: AnyPath) -> AnyPath:
    return path.absolute() if isinstance(path, Path) else path


def _write_truth(truth: Sequence[TruthRow], path: Path) -> None:
    rows = (
        (row.image, *map(_joined, (row.product_ids, row.ignore_ids)), row.kind) for row in truth
    )
    write_csv(path, ("image", "product_ids", "ignore_ids", "kind"), rows)


def _joined(ids: Iterable[str]) -> str:
    return SEPARATOR.join(sorted(ids))


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(lines)


def _by_search(rows: Sequence[Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    """Return the rows by photo, those without its relevant products apart."""
    return {f"{row['image']}{' without' if row['left_out'] else ''}": row for row in rows}


def _changes(where: str, before: Any, now: Any) -> list[Change]:
    """Return the leaves of two JSON values that differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = dict.fromkeys((*before, *now))
        return [
            change
            for name in names
            for change in _changes(f"{where} {name}", before.get(name), now.get(name))
        ]
    return [] if before == now else [Change(where, str(before), str(now))]


def _count(value: Any) -> int:
    return sum(map(_count, value.values())) if isinstance(value, dict) else 1
