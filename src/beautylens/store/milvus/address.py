"""The address of a Milvus collection."""

from __future__ import annotations

import re
from typing import NamedTuple

from beautylens.errors import CollectionError

_ADDRESS = re.compile(r"milvus\+(https?://[^/@?#\s]+)(?:/([A-Za-z_][A-Za-z0-9_]{0,254})?)?", re.A)


class Address(NamedTuple):
    """The address of a Milvus collection: URL of the cluster and name."""

    cluster: str
    name: str

    def __str__(self) -> str:
        return f"milvus+{self.cluster}/{self.name}"

    @classmethod
    def parse(cls, text: str, name: str) -> Address:
        """Parse `milvus+http://host:19530/NAME`.

        Args:
            text: the address.
            name: of the Milvus collection, if the address has none.

        Raises:
            CollectionError: when the address is invalid.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None:
            # Not repeated in the message: it may hold a password.
            raise CollectionError(
                "invalid address of the vectors; write it as milvus+http://host:19530/NAME, with "
                "letters, digits and _ in NAME, and put the token, if any, into the environment "
                "variable MILVUS_TOKEN"
            )
        return cls(found[1], found[2] or name)
