"""A collection of a Milvus cluster: search, upsert, delete, count, stream."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from beautylens.arrays import Float32, Int64
from beautylens.errors import CollectionError
from beautylens.runtime.extras import extra
from beautylens.store.columns import Vectors, stacked
from beautylens.store.milvus.address import Address
from beautylens.store.milvus.index import index_for
from beautylens.store.schema import PLAIN

# Timeouts in seconds of a request, and of a flush, which indexes all that was written.
TIMEOUT = 15.0
FLUSH_TIMEOUT = 300.0
# Limit of Milvus on the results of a search.
MAX_RESULTS = 16_384
STREAMED_ROWS = MAX_RESULTS
# Partitions that a search scans, of the 1,024 of each segment.
PROBES = 32
# No column of a catalogue begins with an underscore.
CHECKSUM = "_checksum"
_GALLERY, _ENCODER, _VERSION = (f"beautylens.{name}" for name in ("id", "encoder", "version"))
_NO_COLLECTION, _NOT_LOADED = 100, 101


class Contents(NamedTuple):
    """The required contents of a Milvus collection: gallery id, encoders, lengths of vectors."""

    gallery: str
    encoder: str
    vectors: Mapping[Vectors, int]


class Milvus:
    """A Milvus collection with a gallery's vectors and catalogue columns.

    It is derived from the gallery and filled and repaired by `sync`.

    Args:
        address: of the Milvus collection.
        contents: required; a collection with others is refused.
        token: for authentication; empty for none.

    Raises:
        CollectionError: when it cannot be reached, or is of another gallery or encoder.
        MissingExtraError: when pymilvus is not installed.
    """

    def __init__(self, address: Address, contents: Contents, token: str = "") -> None:
        self.address, self.contents = address, contents
        # Errors are raised. Set GRPC_VERBOSITY to see the log.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        with extra("scale"):
            from pymilvus import MilvusClient
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        with self._plain_errors("opened"):
            self._client = MilvusClient(
                address.cluster,
                token=token,
                timeout=TIMEOUT,
                # Some servers close connections that send keepalives between requests.
                grpc_options={"grpc.keepalive_permit_without_calls": False},
            )
        if self.exists():
            self._properties()
            self.load()

    def exists(self) -> bool:
        """Return whether the Milvus collection exists."""
        with self._plain_errors("opened"):
            return bool(self._client.has_collection(self.address.name, timeout=TIMEOUT))

    def create(self, count: int) -> None:
        """Create the empty Milvus collection, with an index for `count` images."""
        from pymilvus import DataType

        index = index_for(count)
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=True)
        for name in PLAIN:
            schema.add_field(
                name, DataType.VARCHAR, max_length=65_535, is_primary=name == "image_id"
            )
        schema.add_field(CHECKSUM, DataType.INT64)
        indexes = self._client.prepare_index_params()
        for vectors, length in self.contents.vectors.items():
            schema.add_field(vectors, DataType.FLOAT_VECTOR, dim=length)
            indexes.add_index(vectors, index.kind, metric_type="COSINE", params=dict(index.build))
        with self._plain_errors("created"):
            self._client.create_collection(
                self.address.name,
                schema=schema,
                index_params=indexes,
                properties={_GALLERY: self.contents.gallery, _ENCODER: self.contents.encoder},
                timeout=TIMEOUT,
            )

    def load(self) -> None:
        """Load the collection for searches, which Milvus Lite forgets when it stops."""
        name = self.address.name
        with self._plain_errors("opened"):
            # A user with search permission only may not load.
            if self._client.get_load_state(name, timeout=TIMEOUT)["state"].name != "Loaded":
                self._client.load_collection(name, timeout=TIMEOUT)

    def search(self, vector: Float32, depth: int, where: str, column: Vectors) -> dict[str, float]:
        """Return the cosines of the `depth` nearest images by image id.

        Args:
            vector: (D,) float32, unit length.
            depth: number of images, at most `MAX_RESULTS`.
            where: a Milvus expression; empty for all images.
            column: the vectors to search.
        """
        from pymilvus import MilvusException

        limit = min(depth, MAX_RESULTS)
        # Each kind of index reads its own parameter and ignores the other.
        breadth = {"nprobe": PROBES, "search_list": 2 * limit}
        ask = partial(
            self._client.search,
            self.address.name,
            [vector],
            filter=where,
            limit=limit,
            anns_field=column,
            search_params={"metric_type": "COSINE", "params": breadth},
            timeout=TIMEOUT,
        )
        with self._plain_errors("searched"):
            try:
                found = ask()[0]
            except MilvusException as error:
                if error.code != _NOT_LOADED:
                    raise
                self.load()
                found = ask()[0]
        # Zero vectors have no cosine; Milvus returns 0.
        return {hit["image_id"]: hit["distance"] for hit in found if hit["distance"]}

    def upsert(self, rows: pa.Table, checksums: Int64) -> None:
        """Write images, replacing those with the same ids.

        Args:
            rows: PLAIN, the metadata columns and the vectors.
            checksums: (N,) of the rows.
        """
        data = rows.drop_columns(list(self.contents.vectors)).to_pylist()
        vectors = {column: stacked(rows[column]) for column in self.contents.vectors}
        for number, row in enumerate(data):
            row[CHECKSUM] = int(checksums[number])
            row |= {column: stored[number] for column, stored in vectors.items()}
        self._mark_changed()
        with self._plain_errors("written"):
            self._client.upsert(self.address.name, data, timeout=TIMEOUT)

    def delete(self, image_ids: Sequence[str]) -> None:
        """Remove images."""
        self._mark_changed()
        with self._plain_errors("written"):
            self._client.delete(self.address.name, ids=list(image_ids), timeout=TIMEOUT)

    def mark_synced(self, version: int) -> None:
        """Index all that was written, and record the version of the gallery it is of."""
        with self._plain_errors("written"):
            self._client.flush(self.address.name, timeout=FLUSH_TIMEOUT)
        self._set_properties({_VERSION: str(version)})

    def _mark_changed(self) -> None:
        """Clear the version before each change: another sync may have set it meanwhile."""
        if self.version() is not None:
            self._set_properties({_VERSION: ""})

    def _set_properties(self, properties: Mapping[str, str]) -> None:
        with self._plain_errors("written"):
            self._client.alter_collection_properties(
                self.address.name, dict(properties), timeout=TIMEOUT
            )

    def count(self) -> int:
        """Return the number of images."""
        with self._plain_errors("read"):
            found = self._client.query(
                self.address.name,
                output_fields=["count(*)"],
                consistency_level="Strong",
                timeout=TIMEOUT,
            )
        return int(found[0]["count(*)"])

    def version(self) -> int | None:
        """Return the version of the gallery that it is a copy of; None while it is written.

        Raises:
            CollectionError: also when it is now that of another gallery.
        """
        written = self._properties().get(_VERSION)
        return int(written) if written else None

    def was_filled(self) -> bool:
        """Return whether a first sync was completed, if of an older version of the gallery."""
        return _VERSION in self._properties()

    def stream(self) -> Iterator[tuple[list[str], Int64]]:
        """Yield the ids and checksums of all images in batches of a few thousand."""
        with self._plain_errors("read"):
            pages = self._client.query_iterator(
                self.address.name,
                STREAMED_ROWS,
                output_fields=["image_id", CHECKSUM],
                consistency_level="Strong",
                timeout=TIMEOUT,
            )
        while True:
            with self._plain_errors("read"):
                rows = pages.next()
            if not rows:
                return
            checksums = np.array([row[CHECKSUM] for row in rows], np.int64)
            yield [row["image_id"] for row in rows], checksums

    def index(self) -> str:
        """Return the kind of the index."""
        with self._plain_errors("read"):
            found = self._client.describe_index(self.address.name, "descriptor", timeout=TIMEOUT)
        return str(found["index_type"])

    def _properties(self) -> dict[str, str]:
        """Return the stored properties.

        Raises:
            CollectionError: when it is the collection of another gallery or encoder.
        """
        with self._plain_errors("read"):
            found = self._client.describe_collection(self.address.name, timeout=TIMEOUT)
        properties = dict(found.get("properties") or {})
        wanted, holds = self.contents, ""
        if (made_with := properties.get(_ENCODER)) != wanted.encoder:
            holds = f"vectors of encoder {made_with}" if made_with else "other contents"
            holds += f" in place of vectors of {wanted.encoder}"
        elif properties.get(_GALLERY) != wanted.gallery:
            holds = "the vectors of another collection"
        if holds:
            raise CollectionError(
                f"{self.address} has {holds}; use another NAME at the end of the address, or drop "
                "the collection in Milvus"
            )
        return properties

    @contextmanager
    def _plain_errors(self, doing: str) -> Iterator[None]:
        """Turn an error of Milvus into one sentence.

        Raises:
            CollectionError: with the address, what failed, and the reason.
        """
        from grpc import RpcError
        from pymilvus import MilvusException

        try:
            yield
        except (MilvusException, RpcError) as error:
            reason = " ".join(str(getattr(error, "message", error)).split())
            if getattr(error, "code", None) == _NO_COLLECTION:
                reason = "it does not exist; fill it with `beautylens sync`"
            elif isinstance(error, RpcError) or "connect" in reason.lower():
                reason = "Milvus does not answer; start it, or correct the address or MILVUS_TOKEN"
            raise CollectionError(f"{self.address} cannot be {doing}: {reason}") from error
