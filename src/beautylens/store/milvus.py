"""A Milvus collection as the index of a gallery's vectors: near, upsert, delete, count, stream."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.errors import CollectionError
from beautylens.features.extras import extra
from beautylens.store.rows import Vectors, stacked
from beautylens.store.tables import PLAIN

_ADDRESS = re.compile(r"milvus\+(https?://[^/@?#\s]+)(?:/([A-Za-z_][A-Za-z0-9_]{0,254})?)?", re.A)
# Seconds after which an answer is given up.
PATIENCE = 15.0
# Of one search; Milvus gives no more.
MOST = 16_384
STREAMED_ROWS = MOST
# Parts of an inverted index that a search looks at, of the 1,024 of each segment.
PROBES = 32
# Not to be mistaken for a catalogue's column, none of which begins with an underscore.
CHECKSUM = "_checksum"
_ENCODER, _VERSION = "beautylens.encoder", "beautylens.version"
_NO_COLLECTION = 100


class Index(NamedTuple):
    """How vectors are indexed where there are at most so many."""

    most: float
    kind: str
    build: Mapping[str, Any]


# What each costs in memory: docs/scaling.md.
INDEXES = (
    Index(50_000, "FLAT", {}),
    # A graph (HNSW) would take four times the memory: docs/scaling.md.
    Index(50_000_000, "IVF_SQ8", {"nlist": 1024}),
    Index(float("inf"), "DISKANN", {}),
)


def index_for(count: int) -> Index:
    """Return how so many vectors are indexed."""
    return next(index for index in INDEXES if count <= index.most)


class Address(NamedTuple):
    """Where a Milvus collection is."""

    cluster: str
    name: str

    def __str__(self) -> str:
        return f"milvus+{self.cluster}/{self.name}"

    @classmethod
    def parse(cls, text: str, name: str) -> Address:
        """Read `milvus+http://host:19530/NAME`.

        Args:
            text: the address.
            name: of the Milvus collection, where the address has none.

        Raises:
            CollectionError: when it is something else.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None:
            # It may hold a password, so it is not repeated.
            raise CollectionError(
                "the address of the vectors cannot be understood; write it as "
                "milvus+http://host:19530/NAME, NAME of letters, digits and _, and put the token, "
                "if there is one, into the environment variable MILVUS_TOKEN"
            )
        return cls(found[1], found[2] or name)


class Contents(NamedTuple):
    """What a Milvus collection is to hold: of which encoder, and how long each vector is."""

    encoder: str
    vectors: Mapping[Vectors, int]


class Milvus:
    """One Milvus collection that has a gallery's vectors and its catalogue's columns.

    It is derived from the gallery, which stays the truth: `store.sync` fills it and mends it.

    Args:
        address: where it is.
        contents: what it is to hold; one that holds anything else is refused.

    Raises:
        CollectionError: when it cannot be reached, or belongs to another encoder.
        EncoderError: when pymilvus is not installed.
    """

    def __init__(self, address: Address, contents: Contents) -> None:
        self.address, self.contents = address, contents
        # What a user must know is raised. Set GRPC_VERBOSITY to see the rest.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        with extra("scale"):
            from pymilvus import MilvusClient
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        with self._plain_errors("opened"):
            self._client = MilvusClient(
                address.cluster,
                token=os.environ.get("MILVUS_TOKEN", ""),
                timeout=PATIENCE,
                # Some servers break connections that knock while nothing is asked.
                grpc_options={"grpc.keepalive_permit_without_calls": False},
            )
        if self.exists():
            self._refuse_strangers()

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
                properties={_ENCODER: self.contents.encoder},
                timeout=PATIENCE,
            )

    def near(
        self, vector: NDArray[np.float32], depth: int, where: str, column: Vectors
    ) -> dict[str, float]:
        """Return the cosines by image id of the `depth` images that the index finds nearest.

        Args:
            vector: (D,) float32, unit length.
            depth: how many; at most `MOST` are returned.
            where: an expression of Milvus; empty for all images.
            column: the vectors to compare with.
        """
        limit = min(depth, MOST)
        # Each kind of index takes its own breadth of search and leaves the other's.
        breadth = {"nprobe": PROBES, "search_list": 2 * limit}
        with self._plain_errors("searched"):
            found = self._client.search(
                self.address.name,
                [vector],
                filter=where,
                limit=limit,
                anns_field=column,
                search_params={"metric_type": "COSINE", "params": breadth},
                timeout=PATIENCE,
            )[0]
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
        for place, row in enumerate(data):
            row[CHECKSUM] = int(checksums[place])
            row |= {column: stored[place] for column, stored in vectors.items()}
        with self._plain_errors("written"):
            self._client.upsert(self.address.name, data, timeout=PATIENCE)

    def delete(self, image_ids: Sequence[str]) -> None:
        """Remove images."""
        with self._plain_errors("written"):
            self._client.delete(self.address.name, ids=list(image_ids), timeout=PATIENCE)

    def settle(self, version: int) -> None:
        """Have all that was written indexed; remember which version of the gallery it is of."""
        with self._plain_errors("written"):
            self._client.flush(self.address.name)
            self._client.alter_collection_properties(
                self.address.name, {_VERSION: str(version)}, timeout=PATIENCE
            )

    def count(self) -> int:
        """Return how many images there are, of the encoder that is wanted.

        Raises:
            CollectionError: also when it has come to hold another's.
        """
        self._refuse_strangers()
        with self._plain_errors("read"):
            found = self._client.query(
                self.address.name, output_fields=["count(*)"],
                consistency_level="Strong", timeout=PATIENCE,
            )  # fmt: skip
        return int(found[0]["count(*)"])

    def version(self) -> int | None:
        """Return the version of the gallery that it was last in step with; None before any."""
        written = self._properties().get(_VERSION)
        return None if written is None else int(written)

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
            described = self._client.describe_index(self.address.name, "descriptor")
        return str(described["index_type"])

    def _refuse_strangers(self) -> None:
        made_with = self._properties().get(_ENCODER)
        if made_with != self.contents.encoder:
            holds = f"vectors of encoder {made_with}" if made_with else "other things"
            raise CollectionError(
                f"{self.address} holds {holds}, where those of {self.contents.encoder} are wanted; "
                "give another NAME at the end of the address"
            )

    def _properties(self) -> dict[str, str]:
        with self._plain_errors("read"):
            found = self._client.describe_collection(self.address.name, timeout=PATIENCE)
        return dict(found.get("properties") or {})

    @contextmanager
    def _plain_errors(self, doing: str) -> Iterator[None]:
        """Turn an error of Milvus into one sentence.

        Raises:
            CollectionError: naming the address, what could not be done, and why.
        """
        from pymilvus import MilvusException

        try:
            yield
        except MilvusException as error:
            reason = " ".join(str(error.message).split())
            if error.code == _NO_COLLECTION:
                reason = "it is not there; fill it with `beautylens sync`"
            elif "connect" in reason.lower():
                reason = "no Milvus answers there; start it, or correct the address or MILVUS_TOKEN"
            raise CollectionError(f"{self.address} cannot be {doing}: {reason}") from error
