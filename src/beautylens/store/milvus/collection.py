"""One collection of a Milvus cluster: search, upsert, delete, count, stream."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.errors import CollectionError
from beautylens.runtime.extras import extra
from beautylens.store.columns import Vectors, stacked
from beautylens.store.milvus.address import Address
from beautylens.store.milvus.index import index_for
from beautylens.store.schema import PLAIN

# Seconds after which an answer is given up; all that was written takes longer to be indexed.
PATIENCE = 15.0
LONG_PATIENCE = 300.0
# Of one search; Milvus gives no more.
MOST = 16_384
STREAMED_ROWS = MOST
# Parts of an inverted index that a search looks at, of the 1,024 of each segment.
PROBES = 32
# Not to be mistaken for a catalogue's column, none of which begins with an underscore.
CHECKSUM = "_checksum"
_GALLERY, _ENCODER, _VERSION = (f"beautylens.{name}" for name in ("id", "encoder", "version"))
_NO_COLLECTION, _NOT_LOADED = 100, 101


class Contents(NamedTuple):
    """What a Milvus collection is to hold: whose vectors, of which encoder, and how long."""

    gallery: str
    encoder: str
    vectors: Mapping[Vectors, int]


class Milvus:
    """One Milvus collection that has a gallery's vectors and its catalogue's columns.

    It is derived from the gallery, which stays the truth: `sync` fills it and mends it.

    Args:
        address: where it is.
        contents: what it is to hold; one that holds anything else is refused.
        token: what the cluster knows its users by; empty where it asks for none.

    Raises:
        CollectionError: when it cannot be reached, or belongs to another gallery or encoder.
        MissingExtraError: when pymilvus is not installed.
    """

    def __init__(self, address: Address, contents: Contents, token: str = "") -> None:
        self.address, self.contents = address, contents
        # What a user must know is raised. Set GRPC_VERBOSITY to see the rest.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        with extra("scale"):
            from pymilvus import MilvusClient
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        with self._plain_errors("opened"):
            self._client = MilvusClient(
                address.cluster,
                token=token,
                timeout=PATIENCE,
                # Some servers break connections that knock while nothing is asked.
                grpc_options={"grpc.keepalive_permit_without_calls": False},
            )
        if self.exists():
            self._properties()
            self.load()

    def exists(self) -> bool:
        """Tell whether the Milvus collection has been made."""
        with self._plain_errors("opened"):
            return bool(self._client.has_collection(self.address.name, timeout=PATIENCE))

    def create(self, count: int) -> None:
        """Make the Milvus collection, empty, with an index for so many images."""
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
        with self._plain_errors("made"):
            self._client.create_collection(
                self.address.name,
                schema=schema,
                index_params=indexes,
                properties={_GALLERY: self.contents.gallery, _ENCODER: self.contents.encoder},
                timeout=PATIENCE,
            )

    def load(self) -> None:
        """Have it searchable: Milvus Lite forgets what was loaded when it stops."""
        name = self.address.name
        with self._plain_errors("opened"):
            # Who may only search may not load.
            if self._client.get_load_state(name, timeout=PATIENCE)["state"].name != "Loaded":
                self._client.load_collection(name, timeout=PATIENCE)

    def search(
        self, vector: NDArray[np.float32], depth: int, where: str, column: Vectors
    ) -> dict[str, float]:
        """Return the cosines by image id of the `depth` images that the index finds nearest.

        Args:
            vector: (D,) float32, unit length.
            depth: how many; at most `MOST` are returned.
            where: an expression of Milvus; empty for all images.
            column: the vectors to compare with.
        """
        from pymilvus import MilvusException

        limit = min(depth, MOST)
        # Each kind of index takes its own breadth of search and leaves the other's.
        breadth = {"nprobe": PROBES, "search_list": 2 * limit}
        ask = partial(
            self._client.search,
            self.address.name,
            [vector],
            filter=where,
            limit=limit,
            anns_field=column,
            search_params={"metric_type": "COSINE", "params": breadth},
            timeout=PATIENCE,
        )
        with self._plain_errors("searched"):
            try:
                found = ask()[0]
            except MilvusException as error:
                if error.code != _NOT_LOADED:
                    raise
                self.load()
                found = ask()[0]
        # A vector that is all zeros has no cosine with anything; Milvus says 0.
        return {hit["image_id"]: hit["distance"] for hit in found if hit["distance"]}

    def upsert(self, rows: pa.Table, checksums: NDArray[np.int64]) -> None:
        """Write images, in place of what there was under their ids.

        Args:
            rows: PLAIN, the catalogue's further columns, and the vectors.
            checksums: (N,) of the rows.
        """
        data = rows.drop_columns(list(self.contents.vectors)).to_pylist()
        vectors = {column: stacked(rows[column]) for column in self.contents.vectors}
        for number, row in enumerate(data):
            row[CHECKSUM] = int(checksums[number])
            row |= {column: stored[number] for column, stored in vectors.items()}
        self._unsettle()
        with self._plain_errors("written"):
            self._client.upsert(self.address.name, data, timeout=PATIENCE)

    def delete(self, image_ids: Sequence[str]) -> None:
        """Remove images."""
        self._unsettle()
        with self._plain_errors("written"):
            self._client.delete(self.address.name, ids=list(image_ids), timeout=PATIENCE)

    def settle(self, version: int) -> None:
        """Have all that was written indexed; note which version of the gallery it is of."""
        with self._plain_errors("written"):
            self._client.flush(self.address.name, timeout=LONG_PATIENCE)
        self._set_properties({_VERSION: str(version)})

    def _unsettle(self) -> None:
        """Forget the version, before each change: another's sync may have settled meanwhile."""
        if self.version() is not None:
            self._set_properties({_VERSION: ""})

    def _set_properties(self, properties: Mapping[str, str]) -> None:
        with self._plain_errors("written"):
            self._client.alter_collection_properties(
                self.address.name, dict(properties), timeout=PATIENCE
            )

    def count(self) -> int:
        """Return how many images there are."""
        with self._plain_errors("read"):
            found = self._client.query(
                self.address.name, output_fields=["count(*)"],
                consistency_level="Strong", timeout=PATIENCE,
            )  # fmt: skip
        return int(found[0]["count(*)"])

    def version(self) -> int | None:
        """Return the version of the gallery that it is in step with; None while it is written.

        Raises:
            CollectionError: also when it has come to hold another's.
        """
        written = self._properties().get(_VERSION)
        return int(written) if written else None

    def was_filled(self) -> bool:
        """Tell whether it has been filled to the end, if not with what the gallery holds now."""
        return _VERSION in self._properties()

    def stream(self) -> Iterator[tuple[list[str], NDArray[np.int64]]]:
        """Yield the ids and checksums of all images, a few thousand at a time."""
        with self._plain_errors("read"):
            pages = self._client.query_iterator(
                self.address.name, STREAMED_ROWS, output_fields=["image_id", CHECKSUM],
                consistency_level="Strong", timeout=PATIENCE,
            )  # fmt: skip
        while True:
            with self._plain_errors("read"):
                rows = pages.next()
            if not rows:
                return
            checksums = np.array([row[CHECKSUM] for row in rows], np.int64)
            yield [row["image_id"] for row in rows], checksums

    def index(self) -> str:
        """Return the kind of its index."""
        with self._plain_errors("read"):
            found = self._client.describe_index(self.address.name, "descriptor", timeout=PATIENCE)
        return str(found["index_type"])

    def _properties(self) -> dict[str, str]:
        """Return the properties kept with it, unless it is another gallery's."""
        with self._plain_errors("read"):
            found = self._client.describe_collection(self.address.name, timeout=PATIENCE)
        properties = dict(found.get("properties") or {})
        wanted, holds = self.contents, ""
        if (made_with := properties.get(_ENCODER)) != wanted.encoder:
            holds = f"vectors of encoder {made_with}" if made_with else "other things"
            holds += f", where those of {wanted.encoder} are wanted"
        elif properties.get(_GALLERY) != wanted.gallery:
            holds = "the vectors of another collection"
        if holds:
            raise CollectionError(
                f"{self.address} holds {holds}; give another NAME at the end of the address, or "
                "drop it in Milvus"
            )
        return properties

    @contextmanager
    def _plain_errors(self, doing: str) -> Iterator[None]:
        """Turn an error of Milvus into one sentence.

        Raises:
            CollectionError: naming the address, what could not be done, and why.
        """
        from grpc import RpcError
        from pymilvus import MilvusException

        try:
            yield
        except (MilvusException, RpcError) as error:
            reason = " ".join(str(getattr(error, "message", error)).split())
            if getattr(error, "code", None) == _NO_COLLECTION:
                reason = "it is not there; fill it with `beautylens sync`"
            elif isinstance(error, RpcError) or "connect" in reason.lower():
                reason = "no Milvus answers there; start it, or correct the address or MILVUS_TOKEN"
            raise CollectionError(f"{self.address} cannot be {doing}: {reason}") from error
