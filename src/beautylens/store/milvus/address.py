"""Where a Milvus collection is."""

from __future__ import annotations

import re
from typing import NamedTuple

from beautylens.errors import CollectionError

_ADDRESS = re.compile(r"milvus\+(https?://[^/@?#\s]+)(?:/([A-Za-z_][A-Za-z0-9_]{0,254})?)?", re.A)


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
