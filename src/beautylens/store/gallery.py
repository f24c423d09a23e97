"""The gallery on disk: rows, descriptors and keypoints of catalogue images, kept in LanceDB."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.errors import CollectionError, QueryError
from beautylens.features.keypoints import Keypoints
from beautylens.records import Match, Matches, Product, Reasons
from beautylens.store.lance import (
    connect,
    first_sentence,
    refuse_strangers,
    sql_list,
    table_names,
)

FORMAT = 1
PLAIN = ("image_id", "product_id", "image", "name", "brand", "category", "gtin")
# Columns of ours that are neither a product's nor a person's to search by.
INTERNAL = ("path", "digest", "descriptor", "keypoints")
SCAN_LIMIT = 50_000
_SETTINGS = pa.schema([("key", pa.string()), ("value", pa.string())])
_FAILURES = pa.schema(
    [("image_id", pa.string()), ("image", pa.string()), ("row", pa.int64()), ("error", pa.string())]
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A catalogue picture that could not be indexed, and why."""

    image_id: str
    image: str
    row: int
    error: str


class Gallery:
    """The images of one collection: search, upsert, delete, count.

    Other processes may read and write the same folder at the same time: every change is one
    atomic commit, and a reader sees whole commits only.
    """

    def __init__(self, address: str | Path) -> None:
        """Open an existing gallery.

        Raises:
            CollectionError: when there is none at this address, or it is of a newer format.
        """
        self.address = str(address)
        if not self.exists(address):
            raise CollectionError(
                f"there is no collection at {self.address}; make one with "
                f"`beautylens index TABLE {self.address}`"
            )
        self._database = connect(self.address)
        self.settings = self._read_settings()
        if self.settings.get("format") != FORMAT:
            raise CollectionError(
                f"{self.address}: its format is {self.settings.get('format')}, this program reads "
                f"{FORMAT}; use the program that made it, or index again"
            )
        self._images = self._database.open_table("images")

    @classmethod
    def create(
        cls,
        address: str | Path,
        *,
        dimensions: int,
        settings: Mapping[str, Any],
        extra: Sequence[str] = (),
    ) -> Gallery:
        """Make an empty gallery.

        Args:
            address: a folder that is empty or not there yet.
            dimensions: the length of a descriptor.
            settings: JSON values to keep, such as the recipe and the encoder's fingerprint.
            extra: further text columns of the catalogue table.

        Raises:
            CollectionError: when something else is in the folder.
        """
        refuse_strangers(Path(address))
        database = connect(str(address))
        fields = [pa.field(name, pa.string()) for name in (*PLAIN, *extra)]
        fields += [
            pa.field("path", pa.string()),
            pa.field("digest", pa.string()),
            pa.field("descriptor", pa.list_(pa.float32(), dimensions)),
            pa.field("keypoints", pa.large_binary()),
        ]
        # What a killed attempt left is overwritten; settings come last, and make a gallery whole.
        database.create_table("images", schema=pa.schema(fields), mode="overwrite")
        database.create_table("failures", schema=_FAILURES, mode="overwrite")
        rows = [
            {"key": k, "value": json.dumps(v)} for k, v in {**settings, "format": FORMAT}.items()
        ]
        database.create_table("settings", pa.Table.from_pylist(rows, schema=_SETTINGS))
        return cls(address)

    @staticmethod
    def exists(address: str | Path) -> bool:
        """Tell whether a gallery has been made at this address."""
        # Asking LanceDB about a folder that is not there would make it.
        return Path(address).is_dir() and "settings" in table_names(connect(str(address)))

    @property
    def extra(self) -> tuple[str, ...]:
        """The catalogue's own further columns."""
        return tuple(n for n in self._images.schema.names if n not in (*PLAIN, *INTERNAL))

    def count(self, where: str | None = None) -> int:
        """Return how many images there are."""
        return int(self._images.count_rows(where))

    def products(self) -> int:
        """Return how many products there are."""
        column = self._columns(["product_id"])["product_id"]
        return len(column.unique())

    def known_products(self, product_ids: Iterable[str]) -> set[str]:
        """Return those of the product ids that the gallery holds."""
        return set(self.pictures(product_ids))

    def pictures(self, product_ids: Iterable[str]) -> dict[str, str]:
        """Return the path of one picture of each of these products that the gallery holds."""
        condition = f"product_id IN ({sql_list(product_ids)})"
        rows = self._columns(["product_id", "image_id", "path"], condition).sort_by("image_id")
        found: dict[str, str] = {}
        for product, path in zip(
            rows["product_id"].to_pylist(), rows["path"].to_pylist(), strict=True
        ):
            found.setdefault(product, path)
        return found

    def image_ids(self) -> set[str]:
        """Return the ids of all images."""
        return set(self._columns(["image_id"])["image_id"].to_pylist())

    def digests(self) -> dict[str, str]:
        """Return an image id by the digest of each image file, to recognise a copy."""
        rows = self._columns(["digest", "image_id"])
        return dict(zip(rows["digest"].to_pylist(), rows["image_id"].to_pylist(), strict=True))

    def upsert(self, rows: pa.Table, keep: Sequence[str] = ()) -> None:
        """Write whole products in one commit: their new images in, their former ones out.

        Args:
            rows: columns PLAIN and INTERNAL, further text columns as wanted.
            keep: ids of images to leave as they are although they are not among the rows.
        """
        if len(rows) == 0:
            return
        self._add_columns(set(rows.column_names) - set(self._images.schema.names))
        schema = self._images.schema
        for name in set(schema.names) - set(rows.column_names):
            rows = rows.append_column(name, pa.array([""] * len(rows), pa.string()))
        former = f"product_id IN ({sql_list(rows['product_id'].unique().to_pylist())})"
        if keep:
            former += f" AND image_id NOT IN ({sql_list(keep)})"
        (
            self._images.merge_insert("image_id")
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .when_not_matched_by_source_delete(former)
            .execute(rows.select(schema.names).cast(schema))
        )

    def delete(self, product_ids: Iterable[str]) -> int:
        """Remove products in one commit; return how many images went."""
        condition = f"product_id IN ({sql_list(product_ids)})"
        gone = self.count(condition)
        if gone:
            self._images.delete(condition)
        return gone

    def record_failures(self, failures: Sequence[Failure], mended: Sequence[str] = ()) -> None:
        """Remember pictures that failed, and forget those that no longer do."""
        table = self._database.open_table("failures")
        if failures:
            rows = [{n: getattr(f, n) for n in _FAILURES.names} for f in failures]
            (
                table.merge_insert("image_id")
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .execute(pa.Table.from_pylist(rows, schema=_FAILURES))
            )
        if mended and table.count_rows():
            table.delete(f"image_id IN ({sql_list(mended)})")

    def failures(self) -> tuple[Failure, ...]:
        """Return the pictures that could not be indexed, in the order of their rows."""
        rows = self._database.open_table("failures").search().to_arrow().to_pylist()
        return tuple(sorted((Failure(**row) for row in rows), key=lambda failure: failure.row))

    def nearest(
        self, descriptor: NDArray[np.float32], depth: int, where: str | None = None
    ) -> Matches:
        """Return the images nearest to a descriptor by cosine, best first.

        Args:
            descriptor: (D,) float32, unit length.
            depth: how many images.
            where: an SQL condition on the catalogue's columns, such as "brand = 'Dior'".

        Raises:
            QueryError: when the condition cannot be understood.
        """
        columns = [*PLAIN, *self.extra, "path"]
        query = (
            self._images.search(descriptor, vector_column_name="descriptor")
            .distance_type("cosine")
            .limit(depth)
            .select([*columns, "_distance"])
        )
        if where:
            query = query.where(where, prefilter=True)
        if self._is_indexed:
            # The index holds 8-bit copies: a wide short-list is scored again on the originals.
            query = query.nprobes(32).ef(4 * depth).refine_factor(2)
        try:
            rows = query.to_arrow().to_pylist()
        except (ValueError, RuntimeError) as error:
            if where is None:
                raise
            raise QueryError(
                f"the filter {where!r} cannot be understood: {first_sentence(error)}; "
                f"columns are {', '.join(columns[:-1])}"
            ) from error
        # Equal scores are settled by id, so that the order of the catalogue changes nothing.
        rows.sort(key=lambda row: (row["_distance"], row["image_id"]))
        return Matches(tuple(_to_match(row, self.extra) for row in rows))

    def keypoints(self, image_ids: Sequence[str]) -> dict[str, Keypoints]:
        """Return the stored keypoints by image id."""
        condition = f"image_id IN ({sql_list(image_ids)})"
        rows = self._columns(["image_id", "keypoints"], condition)
        stored = zip(rows["image_id"].to_pylist(), rows["keypoints"].to_pylist(), strict=True)
        return {image_id: Keypoints.from_bytes(data or b"") for image_id, data in stored}

    def optimize(self) -> None:
        """Merge small fragments and bring the indexes up to date with new rows."""
        self._images.optimize()

    def tidy(self) -> None:
        """Optimise only once enough small changes have piled up to slow a search down."""
        fragments = self._images.stats()["fragment_stats"]["num_small_fragments"]
        if fragments > 64:
            self.optimize()

    def build_indexes(self) -> None:
        """Make the scalar index by image id, and the vector index once a scan would be slow."""
        from lancedb.index import BTree, HnswSq

        self._images.create_index("image_id", config=BTree())
        if self.count() > SCAN_LIMIT:
            self._images.create_index("descriptor", config=HnswSq(distance_type="cosine"))
            self.__dict__.pop("_is_indexed", None)

    def versions(self) -> int:
        """Return the number of the newest version; each commit adds one."""
        return int(self._images.version)

    @cached_property
    def _is_indexed(self) -> bool:
        return any("descriptor" in index.columns for index in self._images.list_indices())

    def _columns(self, names: list[str], where: str | None = None) -> pa.Table:
        query = self._images.search().select(names)
        return (query.where(where) if where else query).to_arrow()

    def _add_columns(self, names: set[str]) -> None:
        if names:
            self._images.add_columns(dict.fromkeys(sorted(names), "''"))

    def _read_settings(self) -> dict[str, Any]:
        rows = self._database.open_table("settings").search().to_arrow().to_pylist()
        return {row["key"]: json.loads(row["value"]) for row in rows}


def _to_match(row: Mapping[str, Any], extra: Sequence[str]) -> Match:
    similarity = 1.0 - float(row["_distance"])
    return Match(
        image_id=row["image_id"],
        product=Product(
            row["product_id"],
            row["name"],
            row["brand"],
            row["category"],
            row["gtin"],
            {name: row[name] for name in extra if row[name]},
        ),
        image=row["path"],
        score=similarity,
        reasons=Reasons(visual=similarity),
    )
