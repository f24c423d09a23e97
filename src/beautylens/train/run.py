"""A training run: from a catalogue table to an encoder folder with its curves."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.assemble.parts import photo_side, picture_side
from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.errors import EncoderError, ImageError, TableError
from beautylens.features.encoder.registry import refuse_existing
from beautylens.features.encoder.whitening import Whitening
from beautylens.files.paths import AnyPath
from beautylens.images.parquet import picture_stamp
from beautylens.recipe.recipe import read_recipe
from beautylens.runtime.extras import extra
from beautylens.train import checkpoint
from beautylens.train.catalogue_pictures import read_pictures, split_readable
from beautylens.train.embedding import CachedEmbedding, Embedding, Head
from beautylens.train.leaks import COUNT, refuse_known, refuse_one_picture
from beautylens.train.loop import Loop, Report, ReportEpoch
from beautylens.train.objective import Objective
from beautylens.train.pairs import Pairs
from beautylens.train.result import Trained, write_result
from beautylens.train.settings import TrainSettings
from beautylens.train.sources import CACHED_VIEWS, Pictures, Source, cache_maps
from beautylens.train.start import Start, projection
from beautylens.train.tasks import Distillation, Folder, Task
from beautylens.train.titles import Titles, labels_of
from beautylens.train.uel import Bank, InBatch
from beautylens.train.validate import Validation

with extra("train"):
    import torch
    from torch import nn

# Largest number of pictures that the initial projection is fitted on.
PROJECTION_SAMPLE = 4096
# Number of pictures that are watched for a collapse of their descriptors.
WATCHED = 64


class Training:
    """A training run.

    Args:
        start: the initial network.
        table: the catalogue.
        folder: encoder folder to create; `FOLDER.training` has the checkpoints.
        settings: of the training.
        adapter: freeze the trunk, and train pooling and projection alone on cached maps.
        learn_norms: let batch norms take the statistics of the batches; by default they are frozen.
        maps: folder in which an adapter's maps are kept for further runs; by default they are
            removed at the end.
        dimensions: of the projection, if the start has none.
        validation: a truth table with the photos on which each epoch is validated.
        allow_leaks: validate also on copies of catalogue pictures and of training photos.
        report: called after each step.
        report_epoch: called with the figures of each epoch, first with those of the start.

    Raises:
        EncoderError: when the folder exists, or the adapter has no encoder to adapt.
        TableError: when a table cannot be read, or its validation photos are known already.
    """

    def __init__(
        self,
        start: Start,
        table: AnyPath,
        folder: Path,
        settings: TrainSettings,
        *,
        adapter: bool = False,
        learn_norms: bool = False,
        maps: Path | None = None,
        dimensions: int = 512,
        validation: AnyPath | None = None,
        allow_leaks: bool = False,
        report: Report = lambda done, total, figures: None,
        report_epoch: ReportEpoch = lambda row: None,
    ) -> None:
        refuse_existing(folder)
        if adapter and start.encoder is None:
            raise EncoderError(
                "an adapter needs an encoder file; make one with `beautylens encoder export`, and "
                "give it with --encoder"
            )
        self._start = start
        self._folder = folder
        self._settings = settings
        self._adapter = adapter
        self._learn_norms = learn_norms
        self._report = report
        self._report_epoch = report_epoch
        self._dimensions = dimensions
        self._work = folder.with_name(f"{folder.name}.training")
        self._maps = maps or self._work
        self._unmatched: list[str] = []
        self._cached: set[Path] = set()
        self._pictures, self._unreadable = read_pictures(table)
        self._validation_table = validation
        self._allow_leaks = allow_leaks
        self._validation_rows = self._read_validation(validation)

    def uel(self, *, bank: bool = False, views: str = "photo") -> Trained:
        """Train on the catalogue without labels (UEL).

        Args:
            bank: discriminate against a memory bank of all pictures, not against the batch.
            views: a name in `uel.VIEWS`.

        Raises:
            EncoderError: when an adapter is to train on crops, which it does not cache.
        """
        if self._adapter and views != "photo":
            raise EncoderError("an adapter caches simulated photos alone; leave out --views")
        pictures = self._source(self._pictures.paths, views=True)
        objective = (Bank if bank else InBatch)(pictures, views=views)
        return self._run(objective, {"kind": "bank" if bank else "uel", "views": views})

    def pairs(
        self,
        truth: AnyPath,
        *,
        simulate: bool = False,
        penalty: str = "robust",
        classes: Path | None = None,
        distil: bool = False,
        weight: float = 0.1,
    ) -> Trained:
        """Train on photos whose products are known.

        Args:
            truth: the truth table of the photos.
            simulate: also train on simulated photos of the catalogue's pictures.
            penalty: `robust` or `plain`.
            classes: a folder of labelled pictures for classification as auxiliary task.
            distil: distil the start's class probabilities as auxiliary task.
            weight: λ of the auxiliary task.
        """
        known = self._pictures.indices_by_product
        labelled = [row for row in read_truth(truth) if row.product_ids]
        rows = [row for row in labelled if row.product_ids & known.keys()]
        self._unmatched = [str(r.image) for r in labelled if not r.product_ids & known.keys()]
        if not (rows := self._readable(rows, truth)):
            raise TableError(f"{truth}: none of its photos has a product of the catalogue")
        self._refuse_shared(truth, rows)
        numbers = dict(
            zip(self._pictures.products, self._pictures.product_numbers.tolist(), strict=True)
        )
        right = [
            [index for product in sorted(row.product_ids) for index in known.get(product, [])]
            for row in rows
        ]
        objective = Pairs(
            self._source([row.image for row in rows], views=True, photos=True),
            self._source(self._pictures.paths, views=simulate),
            right,
            self._pictures.product_numbers,
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
        """Train on the titles of products."""
        chosen, labels = labels_of(self._pictures.titles)
        pictures = self._source(self._pictures.paths, views=True)
        torch.manual_seed(self._settings.seed)
        objective = Titles(pictures, labels, len(self._projected().matrix))
        return self._run(objective, {"kind": "titles", "labels": len(chosen)})

    def _task(self, classes: Path | None, *, distil: bool) -> Task | None:
        if (classes is not None or distil) and self._adapter:
            raise EncoderError("an adapter freezes the trunk; leave out --classes and --distil")
        torch.manual_seed(self._settings.seed)
        if classes is not None:
            return Folder(classes, _channels(self._start), self._start.backbone.side)
        if not distil:
            return None
        return Distillation(self._start.backbone, _channels(self._start))

    def _run(self, objective: Objective, about: Mapping[str, Any]) -> Trained:
        start = self._start
        refuse_one_picture(self._pictures.paths)
        network = self._network(self._projected())
        about = {
            **about,
            "start": start.fingerprint,
            "side": start.backbone.side,
            "pooling": start.pooling.model_dump(),
            "adapter": self._adapter,
            "learn_norms": self._learn_norms,
            "pictures": len(self._pictures.paths),
            "catalogue": _digest([*self._pictures.paths, *self._pictures.products]),
            "validation": str(self._validation_table or ""),
        }
        loop = Loop(
            network,
            objective,
            self._settings,
            self._work,
            validation=self._validation(),
            watched=self._source(self._pictures.paths[:WATCHED], views=False),
            about=about,
            report=self._report,
            report_epoch=self._report_epoch,
        )
        trained = loop.run().cpu().eval()
        if loop.is_main:
            settings = {**about, **self._settings.model_dump()}
            adapted = start.encoder if self._adapter else None
            write_result(self._folder, start.backbone, trained, settings, loop.rows, adapted)
            self._clear()
        return Trained(self._folder, loop.rows, tuple(self._unreadable), tuple(self._unmatched))

    def _clear(self) -> None:
        """Remove checkpoints and cached maps, and the folder if it is then empty."""
        checkpoint.remove(self._work)
        for folder in self._cached:
            if folder.parent == self._work:
                shutil.rmtree(folder)
        with suppress(OSError):
            self._work.rmdir()

    def _network(self, whitening: Whitening | None) -> nn.Module:
        head = Head(self._start.pooling, whitening)
        if self._adapter:
            return CachedEmbedding(head)
        return Embedding(self._start.backbone, head, learn_norms=self._learn_norms).eval()

    def _projected(self) -> Whitening:
        """Return the start's projection, or one fitted on the catalogue."""
        start = self._start
        if start.whitening is not None:
            return start.whitening
        pictures = self._source(self._pictures.paths, views=False)
        network = self._network(None)
        step = -(-len(pictures) // PROJECTION_SAMPLE)
        rows = []
        with torch.no_grad():
            for index in range(0, len(pictures), step):
                one = torch.from_numpy(np.ascontiguousarray(pictures.plain(index)))[None]
                rows.append(network(one)[0].numpy())
        learnt = projection(np.concatenate(rows), self._dimensions)
        self._start = replace(start, whitening=learnt)
        return learnt

    def _read_validation(self, table: AnyPath | None) -> list[TruthRow]:
        if table is None:
            return []
        products = set(self._pictures.products)
        labelled = read_truth(table)
        if not any(row.product_ids & products for row in labelled):
            raise TableError(f"{table}: none of its photos has a product of the catalogue")
        rows = self._readable(labelled, table)
        if not any(row.product_ids & products for row in rows):
            raise ImageError(
                f"{table}: none of its photos of products of the catalogue can be read; the first: "
                f"{self._unreadable[-1]}"
            )
        if self._allow_leaks:
            return rows
        known: dict[str, list[AnyPath]] = {}
        for product, path in zip(self._pictures.products, self._pictures.paths, strict=True):
            known.setdefault(product, []).append(path)
        refuse_known(rows, known, f"{table}: {COUNT} of its photos are pictures of the catalogue")
        return rows

    def _validation(self) -> Validation | None:
        if not (rows := self._validation_rows):
            return None
        return Validation(
            self._source([row.image for row in rows], views=False, photos=True),
            self._source(self._pictures.paths, views=False),
            self._pictures.products,
            [row.product_ids for row in rows],
            [row.ignore_ids for row in rows],
        )

    def _refuse_shared(self, truth: AnyPath, rows: Iterable[TruthRow]) -> None:
        if self._allow_leaks:
            return
        learnt: dict[str, list[AnyPath]] = {}
        for row in rows:
            for product in row.product_ids:
                learnt.setdefault(product, []).append(row.image)
        shared = f"{truth} and {self._validation_table} share {COUNT} photos"
        refuse_known(self._validation_rows, learnt, shared)

    def _source(self, paths: Sequence[AnyPath], *, views: bool, photos: bool = False) -> Source:
        """Return the pictures as inputs or cached maps; without `views` for plain ones only.

        They are decoded as the default recipe indexes catalogue pictures, or searches `photos`.
        """
        side = self._start.backbone.side
        decoded = (photo_side if photos else picture_side)(read_recipe("default"), side)
        pictures = Pictures(paths, side, decoded)
        if not self._adapter or self._start.encoder is None:
            return pictures
        encoder = self._start.encoder
        seed = self._settings.seed
        files = [(str(path), *picture_stamp(path)) for path in paths]
        folder = self._maps / _digest(
            [encoder.fingerprint, encoder.side, decoded, photos, seed, *files]
        )
        self._cached.add(folder)
        return cache_maps(
            encoder,
            pictures,
            folder,
            simulated=not photos,
            seed=seed,
            views=CACHED_VIEWS if views else 0,
        )

    def _readable(self, rows: Sequence[TruthRow], table: AnyPath) -> list[TruthRow]:
        """Return the rows with readable photos; the errors of others go into the result."""
        readable, errors = split_readable(rows, lambda row: row.image)
        if errors and not readable:
            raise ImageError(f"{table}: none of its photos can be read; the first: {errors[0]}")
        self._unreadable += errors
        return readable


def _digest(values: Iterable[object]) -> str:
    return hashlib.sha256("\n".join(map(str, values)).encode()).hexdigest()[:16]


def _channels(start: Start) -> int:
    with torch.no_grad():
        side = start.backbone.side
        return int(start.backbone.trunk(torch.zeros(1, 3, side, side))[0].shape[1])
