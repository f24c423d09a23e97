"""A whole training: from a catalogue table to an encoder folder with its curves."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.catalogue.table import Catalogue, read_catalogue
from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.embedded import picture_stamp
from beautylens.errors import EncoderError, ImageError, TableError
from beautylens.features.encoder.registry import refuse_existing
from beautylens.features.encoder.whitening import Whitening
from beautylens.images.ahead import ahead
from beautylens.optional import extra
from beautylens.paths import Place
from beautylens.threads import cores
from beautylens.train import checkpoint
from beautylens.train.catalogue_pictures import Shelf
from beautylens.train.embedding import CachedEmbedding, Embedding, Head
from beautylens.train.loop import Loop, Report, Tell
from beautylens.train.objective import Objective
from beautylens.train.pairs import Pairs
from beautylens.train.result import Trained, write_result
from beautylens.train.settings import TrainSettings
from beautylens.train.sources import CACHED_VIEWS, Pictures, Source, cache_maps, fault_of
from beautylens.train.start import Start, projection
from beautylens.train.tasks import Distillation, Folder, Task
from beautylens.train.titles import Titles, labels_of
from beautylens.train.uel import Bank, InBatch
from beautylens.train.validate import Validation

with extra("train"):
    import torch
    from torch import nn

AHEAD = 64
# Pictures, at most, that a projection is learnt from before training begins.
TAUGHT = 4096


class Training:
    """One training: where from, where to, and how.

    Args:
        start: what to begin with.
        table: the catalogue.
        folder: the encoder folder to be made; `FOLDER.training` holds what is under way.
        settings: how long and how fast.
        adapter: leave the trunk as it is, and learn pooling and projection alone on maps that are
            made once.
        maps: where an adapter's maps are kept for further trainings; by default they go when the
            training is done.
        dimensions: of the projection, where the start has none.
        validation: a truth table on whose photos each epoch is measured.
        report: told of every step.
        tell: told the figures of every epoch, and before the first those of the start.

    Raises:
        EncoderError: when the folder is there already, or the adapter has no encoder to adapt.
        TableError: when a table cannot be read.
    """

    def __init__(
        self,
        start: Start,
        table: Place,
        folder: Path,
        settings: TrainSettings,
        *,
        adapter: bool = False,
        maps: Path | None = None,
        dimensions: int = 512,
        validation: Place | None = None,
        report: Report = lambda done, total, figures: None,
        tell: Tell = lambda row: None,
    ) -> None:
        refuse_existing(folder)
        if adapter and start.encoder is None:
            raise EncoderError(
                "an adapter needs an encoder file to adapt: make one with `beautylens encoder "
                "export`, and give it with --encoder"
            )
        self._start = start
        self._folder = folder
        self._settings = settings
        self._adapter = adapter
        self._report = report
        self._tell = tell
        self._dimensions = dimensions
        self._work = folder.with_name(f"{folder.name}.training")
        self._maps = maps or self._work
        self._unreadable: list[str] = []
        self._unmatched: list[str] = []
        self._cached: set[Path] = set()
        self._shelf = self._readable_shelf(read_catalogue(table))
        self._validation_table = validation
        self._validation_rows = self._read_validation(validation)

    def uel(self, *, bank: bool = False) -> Trained:
        """Learn from the catalogue without labels."""
        pictures = self._source(self._shelf.paths, views=True)
        objective = Bank(pictures) if bank else InBatch(pictures)
        return self._run(objective, {"kind": "bank" if bank else "uel"})

    def pairs(
        self,
        truth: Place,
        *,
        simulate: bool = False,
        penalty: str = "robust",
        classes: Path | None = None,
        distil: bool = False,
        weight: float = 0.1,
    ) -> Trained:
        """Learn from photos whose products are known.

        Args:
            truth: of these photos.
            simulate: also learn from simulated photos of the catalogue's pictures.
            penalty: `robust` or `plain`.
            classes: a folder of labelled pictures that are learnt to be classified beside.
            distil: keep the start's own class probabilities instead.
            weight: λ of that second task.
        """
        known = self._shelf.places
        told = [row for row in read_truth(truth) if row.product_ids]
        rows = [row for row in told if row.product_ids & known.keys()]
        self._unmatched = [str(r.image) for r in told if not r.product_ids & known.keys()]
        rows = self._readable(rows, lambda row: row.image)
        if not rows:
            raise TableError(f"{truth}: none of its photos shows a product of the catalogue")
        self._refuse_shared(truth, rows)
        numbers = dict(zip(self._shelf.products, self._shelf.numbers.tolist(), strict=True))
        right = [
            [place for product in sorted(row.product_ids) for place in known.get(product, [])]
            for row in rows
        ]
        objective = Pairs(
            self._source([row.image for row in rows], views=True, simulated=False),
            self._source(self._shelf.paths, views=simulate),
            right,
            self._shelf.numbers,
            neutral=[{numbers[p] for p in row.ignore_ids & numbers.keys()} for row in rows],
            simulate=simulate,
            penalty=penalty,
            task=self._task(classes, distil=distil),
            weight=weight,
        )
        seen = [(str(row.image), *sorted(row.product_ids), *sorted(row.ignore_ids)) for row in rows]
        about = {"kind": "pairs", "photos": len(rows), "truth": _digest(seen)}
        about |= {"penalty": penalty, "weight": weight}
        about |= {"simulate": simulate, "task": str(classes) if classes else distil}
        return self._run(objective, about)

    def titles(self) -> Trained:
        """Learn from the names of products."""
        chosen, labels = labels_of(self._shelf.titles)
        pictures = self._source(self._shelf.paths, views=True)
        torch.manual_seed(self._settings.seed)
        objective = Titles(pictures, labels, len(self._projected().matrix))
        return self._run(objective, {"kind": "titles", "labels": len(chosen)})

    def _task(self, classes: Path | None, *, distil: bool) -> Task | None:
        if (classes is not None or distil) and self._adapter:
            raise EncoderError("an adapter leaves the trunk as it is: a second task is of no use")
        torch.manual_seed(self._settings.seed)
        if classes is not None:
            return Folder(classes, _channels(self._start), self._start.backbone.side)
        if not distil:
            return None
        return Distillation(self._start.backbone, _channels(self._start))

    def _run(self, objective: Objective, about: Mapping[str, Any]) -> Trained:
        start = self._start
        network = self._network(self._projected())
        about = {
            **about,
            "start": start.fingerprint,
            "side": start.backbone.side,
            "pooling": start.pooling.model_dump(),
            "adapter": self._adapter,
            "pictures": len(self._shelf.paths),
            "catalogue": _digest([*self._shelf.paths, *self._shelf.products]),
            "validation": str(self._validation_table or ""),
        }
        loop = Loop(
            network,
            objective,
            self._settings,
            self._work,
            validation=self._validation(),
            about=about,
            report=self._report,
            tell=self._tell,
        )
        trained = loop.run().cpu()
        if loop.is_main:
            told = {**about, **self._settings.model_dump()}
            adapted = start.encoder if self._adapter else None
            write_result(self._folder, start.backbone, trained, told, loop.rows, adapted)
            self._clear()
        return Trained(self._folder, loop.rows, tuple(self._unreadable), tuple(self._unmatched))

    def _clear(self) -> None:
        """Remove what was under way, and nothing else that may be there."""
        checkpoint.forget(self._work)
        for folder in self._cached:
            if folder.parent == self._work:
                shutil.rmtree(folder)
        with suppress(OSError):
            self._work.rmdir()

    def _network(self, whitening: Whitening | None) -> nn.Module:
        head = Head(self._start.pooling, whitening)
        return CachedEmbedding(head) if self._adapter else Embedding(self._start.backbone, head)

    def _projected(self) -> Whitening:
        """Return the start's projection, or one that is learnt from the catalogue."""
        start = self._start
        if start.whitening is not None:
            return start.whitening
        pictures = self._source(self._shelf.paths, views=False)
        network = self._network(None)
        step = -(-len(pictures) // TAUGHT)
        rows = []
        with torch.no_grad():
            for place in range(0, len(pictures), step):
                one = torch.from_numpy(np.ascontiguousarray(pictures.plain(place)))[None]
                rows.append(network(one)[0].numpy())
        learnt = projection(np.concatenate(rows), self._dimensions)
        self._start = replace(start, whitening=learnt)
        return learnt

    def _read_validation(self, table: Place | None) -> list[TruthRow]:
        if table is None:
            return []
        rows = self._readable(read_truth(table), lambda row: row.image)
        if not any(row.product_ids & set(self._shelf.products) for row in rows):
            raise TableError(f"{table}: none of its photos shows a product of the catalogue")
        return rows

    def _validation(self) -> Validation | None:
        rows = self._validation_rows
        if not rows:
            return None
        return Validation(
            self._source([row.image for row in rows], views=False),
            self._source(self._shelf.paths, views=False),
            self._shelf.products,
            [row.product_ids for row in rows],
            [row.ignore_ids for row in rows],
        )

    def _refuse_shared(self, truth: Place, rows: Iterable[TruthRow]) -> None:
        learnt = {row.image.resolve() for row in rows}
        shared = [row.image for row in self._validation_rows if row.image.resolve() in learnt]
        if shared:
            raise TableError(
                f"{truth} and {self._validation_table} share photos ({shared[0].name} is one of "
                f"{len(shared)}); measure on photos that are not learnt from"
            )

    def _source(self, paths: Sequence[Place], *, views: bool, simulated: bool = True) -> Source:
        """Return pictures to learn from; `views` tells whether others than plain are asked for."""
        if not self._adapter or self._start.encoder is None:
            return Pictures(paths, self._start.backbone.side)
        encoder = self._start.encoder
        seed = self._settings.seed
        files = [(str(path), *picture_stamp(path)) for path in paths]
        folder = self._maps / _digest([encoder.fingerprint, encoder.side, simulated, seed, *files])
        self._cached.add(folder)
        return cache_maps(
            encoder,
            paths,
            folder,
            simulated=simulated,
            seed=seed,
            views=CACHED_VIEWS if views else 0,
        )

    def _readable_shelf(self, catalogue: Catalogue) -> Shelf:
        self._unreadable += catalogue.left_out
        rows = catalogue.rows.select(["product_id", "image", "brand", "name"]).to_pylist()
        rows = self._readable(rows, lambda row: catalogue.image_path(row["image"]))
        if not rows:
            raise ImageError(f"none of the catalogue's pictures can be read: {self._unreadable[0]}")
        return Shelf(
            tuple(catalogue.image_path(row["image"]) for row in rows),
            tuple(row["product_id"] for row in rows),
            tuple(f"{row['brand']} {row['name']}".strip() for row in rows),
        )

    def _readable(self, rows: Sequence[Any], path_of: Callable[[Any], Place]) -> list[Any]:
        """Return the rows whose pictures can be read; the others are reported at the end."""
        faults = list(ahead(cores(), fault_of, map(path_of, rows), AHEAD))
        self._unreadable += filter(None, faults)
        return [row for row, fault in zip(rows, faults, strict=True) if not fault]


def _digest(told: Iterable[object]) -> str:
    return hashlib.sha256("\n".join(map(str, told)).encode()).hexdigest()[:16]


def _channels(start: Start) -> int:
    with torch.no_grad():
        side = start.backbone.side
        return int(start.backbone.trunk(torch.zeros(1, 3, side, side))[0].shape[1])
