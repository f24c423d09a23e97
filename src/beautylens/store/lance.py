"""SQL conditions for Lance, and its errors as one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa

from beautylens.errors import CollectionError, QueryError
from beautylens.inputs.several import several, several_ids
from beautylens.inputs.unicode_text import composed

# Patterns in the errors of Lance and the system, and what a user should do.
_MEANINGS = {
    r"surrogates not allowed": "its path is not UTF-8; rename the folder or name another",
    r"badscheme|builder error": "its server uses plain http; set AWS_ALLOW_HTTP=true to allow that",
    r"nosuchbucket|bucket does not exist": "there is no such bucket; check the address",
    r"get aws credentials|invalidaccesskeyid|signaturedoesnotmatch|access_?denied|expiredtoken": (
        "its server refuses the credentials; check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in "
        "the environment, and their permissions"
    ),
    r"connection ?refused|network_connection|connect error|dns error": (
        "its server cannot be reached; check the network, and AWS_ENDPOINT_URL if it is set"
    ),
    r"no space left|os error 28": "the disk is full; free some space and run the command again",
    r"read-only file system|os error 30": "the disk is read-only; choose another folder",
    r"permission denied|os error 13": "permission denied; give this user access to the folder",
    r"conflict|concurrent": "other processes write to it at the same time; run the command again",
    r"not found|no such file|corrupt|invalid (magic|format|file|range)|eof|manifest|decod|"
    r"fill whole": (
        "some of its files are missing or damaged; restore them, or index again into another folder"
    ),
}


_NOT_TEXT = re.compile("[\ud800-\udfff]")


def key_field(name: str) -> pa.Field:
    """Return a text column by which rows are upserted.

    Marked as a primary key, so that Lance detects a conflict if two writers insert the same value
    at the same time, and retries the later commit on top of the earlier.
    """
    marked = {"lance-schema:unenforced-primary-key": "true"}
    return pa.field(name, pa.string(), nullable=False, metadata=marked)


def sql_list(values: Iterable[str]) -> str:
    """Return values as an SQL list with quotes escaped; NULL for no value."""
    quoted = ("'" + value.replace("'", "''") + "'" for value in several(values))
    return ", ".join(quoted) or "NULL"


def of_products(product_ids: Iterable[str]) -> str:
    """Return the condition that a row has one of these product ids, in any normal form."""
    ids = several_ids(product_ids)
    spelt = dict.fromkeys((*ids, *map(composed, ids)))
    # An id from a terminal may have bytes that are not text; no product has such an id.
    return f"product_id IN ({sql_list(one for one in spelt if not _NOT_TEXT.search(one))})"


def except_products(product_ids: Iterable[str]) -> str:
    """Return the condition that a row has none of these product ids, in any normal form."""
    return f"NOT {of_products(product_ids)}"


def of_images(image_ids: Iterable[str]) -> str:
    """Return the condition that a row has one of these image ids."""
    return f"image_id IN ({sql_list(image_ids)})"


def is_conflict(error: Exception) -> bool:
    """Return whether a commit failed because another process committed meanwhile."""
    return "conflict" in str(error).lower()


@contextmanager
def plain_errors(address: str, doing: str) -> Iterator[None]:
    """Turn an error of Lance or the system into one sentence about a collection.

    Raises:
        CollectionError: with the collection, what failed, and the reason.
    """
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        text = str(error)
        meanings = (m for pattern, m in _MEANINGS.items() if re.search(pattern, text, re.I))
        reason = next(meanings, _first_sentence(error))
        raise CollectionError(f"{address} cannot be {doing}: {reason}") from error


@contextmanager
def filter_errors(where: str | None, columns: Sequence[str]) -> Iterator[None]:
    """Turn an error into one sentence about the user's filter, if there is one.

    Raises:
        QueryError: with the reason and the columns that may be compared.
    """
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        if where is None:
            raise
        raise QueryError(
            f"invalid filter {where!r}: the collection cannot evaluate it; write it shorter or "
            f"with fewer brackets; the columns are {', '.join(columns)}"
        ) from error


def _first_sentence(error: Exception) -> str:
    """Return the first sentence of an error of Lance, without source locations."""
    text = str(error).removeprefix("Invalid input, ").split("\n")[0]
    text = re.sub(r",? ?(at )?/\S+\.rs:\d+(:\d+)?", "", text)
    return text.split(". ")[0].rstrip(" .:,")
