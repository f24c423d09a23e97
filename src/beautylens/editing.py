"""Changes of a collection: products added, mirrored, updated and removed, and their export."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from beautylens.assemble.loaded import LoadedParts
from beautylens.assemble.parts import make_picture_reading
from beautylens.catalogue.sources import Table, catalogue_from
from beautylens.ingest.derive import derive
from beautylens.ingest.fill import Filled, fill
from beautylens.ingest.mirror import mirror, plan_mirror, refuse_losses
from beautylens.ingest.mirror_plan import Plan
from beautylens.ingest.progress import OnProgress, silent
from beautylens.ingest.read_pictures import PicturesRead
from beautylens.ingest.update import Updated, update
from beautylens.inputs.counts import none_or_at_least_one
from beautylens.search.sharing import update_sharing
from beautylens.store.export import export_table
from beautylens.store.gallery import Gallery
from beautylens.store.orphans import sweep_orphans


class Editable:
    """The changes of a collection.

    Attributes:
        gallery: its rows.
        parts: the parts of its recipe.
    """

    gallery: Gallery
    parts: LoadedParts

    def add(
        self,
        products: Table,
        *,
        columns: Mapping[str, str] | None = None,
        variants: str | None = None,
        workers: int | None = None,
        stop_on_error: bool = False,
        read: bool = True,
        progress: OnProgress = silent,
    ) -> Filled:
        """Add the products of a catalogue table, or replace them, without indexing again.

        Args:
            products: the path of a table, a list of dicts, a data frame or an Arrow table.
            columns: as for `beautylens.index`.
            variants: as for `beautylens.index`.
            workers: threads, 1 or more; all cores by default.
            stop_on_error: raise at the first picture that cannot be read, instead of recording it.
            read: read the text on the pictures, if the recipe compares it.
            progress: called after every image.

        Raises:
            ImageError: when a picture cannot be read and `stop_on_error` is set.
            TableError: when the table cannot be read.
        """
        catalogue = catalogue_from(products, columns=columns, variants=variants)
        filled = fill(
            self.gallery,
            catalogue,
            self.parts.make_describer(workers),
            resume=False,
            stop_on_error=stop_on_error,
            progress=progress,
        )
        self.refresh(filled.written)
        self.measure_sharing()
        if read:
            self.read_pictures(catalogue.rows["product_id"].unique().to_pylist(), workers=workers)
        self.gallery.write_snapshot()
        return filled

    def mirror(
        self,
        products: Table,
        *,
        columns: Mapping[str, str] | None = None,
        variants: str | None = None,
        plan: Plan | None = None,
        recheck: bool = False,
        allow_losses: bool = False,
        workers: int | None = None,
        stop_on_error: bool = False,
        read: bool = True,
        progress: OnProgress = silent,
    ) -> tuple[Plan, Filled]:
        """Add, change and remove products so that the collection equals a table.

        Returns what was done, with products that stayed as they were in `failed`, and the pictures.

        Args:
            products: as for `add`.
            columns: as for `add`.
            variants: as for `add`.
            plan: from `plan` for the same table; computed by default.
            recheck: compare pictures on the web by their content, not by their address.
            allow_losses: whether the table may lack half of the products or more.
            workers: as for `add`.
            stop_on_error: as for `add`.
            read: as for `add`.
            progress: as for `add`.

        Raises:
            CollectionError: when the table lacks too many products; then nothing is changed.
            ImageError: when a picture cannot be read and `stop_on_error` is set.
            TableError: when the table cannot be read.
        """
        catalogue = catalogue_from(products, columns=columns, variants=variants)
        plan = plan or self.plan(catalogue, recheck=recheck)
        if not allow_losses:
            refuse_losses(plan, "the table")
        done, filled = mirror(
            self.gallery,
            catalogue,
            plan,
            self.parts.make_describer(workers),
            stop_on_error=stop_on_error,
            progress=progress,
        )
        # Also without changes: a mirror that was killed may have made them, but not this.
        self.refresh(filled.written)
        sweep_orphans(self.gallery.rows)
        self.measure_sharing()
        if read:
            self.read_pictures(workers=workers)
        self.gallery.write_snapshot()
        return done, filled

    def plan(self, products: Table, *, recheck: bool = False) -> Plan:
        """Return what `mirror` would change.

        Args:
            products: as for `add`.
            recheck: as for `mirror`.

        Raises:
            TableError: when the table cannot be read.
        """
        return plan_mirror(self.gallery, catalogue_from(products), recheck=recheck)

    def update(
        self,
        products: Table,
        *,
        columns: Mapping[str, str] | None = None,
        workers: int | None = None,
        stop_on_error: bool = False,
        read: bool = True,
        progress: OnProgress = silent,
    ) -> Updated:
        """Change the columns that a table has of products that exist; keep all others.

        If the table has pictures, they replace those of its products.

        Args:
            products: as for `add`; only `product_id` is required.
            columns: as for `add`.
            workers: as for `add`.
            stop_on_error: as for `add`.
            read: as for `add`.
            progress: as for `add`.

        Raises:
            ImageError: when a picture cannot be read and `stop_on_error` is set.
            TableError: when the table cannot be read.
        """
        catalogue = catalogue_from(products, columns=columns, pictures=False)
        done = update(
            self.gallery,
            catalogue,
            self.parts.make_describer(workers),
            stop_on_error=stop_on_error,
            progress=progress,
        )
        self.refresh(done.filled.written if done.filled else 0)
        if read and done.filled:
            self.read_pictures(done.products, workers=workers)
        self.gallery.write_snapshot()
        return done

    def read_pictures(
        self,
        products: Iterable[str] | None = None,
        *,
        workers: int | None = None,
        progress: OnProgress = silent,
    ) -> PicturesRead:
        """Read the text on pictures that were not read yet, if the recipe uses it.

        Args:
            products: only the pictures of these; all by default.
            workers: threads, 1 or more; all cores by default.
            progress: called after every picture.

        Raises:
            QueryError: when `workers` is less than 1.
        """
        workers = none_or_at_least_one(workers, "workers")
        read = make_picture_reading(self.parts.recipe, self.gallery)
        if read is None:
            return PicturesRead(0, 0)
        return read(products=products, workers=workers, progress=progress)

    def remove(self, product_ids: Iterable[str]) -> int:
        """Remove products by id, one or several; return the number of images removed."""
        gone = self.gallery.delete(product_ids)
        self.refresh()
        self.measure_sharing()
        self.gallery.write_snapshot()
        return gone

    def measure_sharing(self) -> None:
        """Measure how many products share their design, if the judge and verification need it."""
        if self.parts.recipe.has_judge and self.parts.recipe.verify is not None:
            update_sharing(self.gallery, lambda: self.parts.pipeline)

    def export(self, table: str | Path, *, vectors: bool = False) -> int:
        """Write a catalogue table with a row for each picture; return their number.

        Args:
            table: a file that ends in .csv, .jsonl or .parquet; an existing one is replaced.
            vectors: also write the vectors of each picture; not in CSV.

        Raises:
            TableError: when the format is unknown, or has no vectors.
        """
        return export_table(self.gallery, Path(table), vectors=vectors)

    def refresh(self, written: int = 0) -> None:
        """Update the artefacts and compact the gallery, after its rows changed.

        Args:
            written: images just written.
        """
        derive(self.parts.recipe, self.gallery)
        self.gallery.compact(written)
