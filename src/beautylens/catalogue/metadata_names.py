"""The names of a table's metadata columns in a collection."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from beautylens.catalogue.checks import RESERVED, identifier, refuse
from beautylens.files.paths import AnyPath


def metadata_names(
    path: AnyPath | str, columns: Sequence[str], known: Collection[str]
) -> dict[str, str]:
    """Return the name of each metadata column in a collection.

    Args:
        path: the table's name in errors.
        columns: text columns of a table.
        known: columns of the catalogue that are no metadata.

    Raises:
        TableError: when a column has no usable name, or that of another one.
    """
    known = set(known)
    taken = known.intersection(columns)
    named: dict[str, str] = {}
    faults = []
    for column in columns:
        if column in known:
            continue
        name = identifier(column)
        if not name:
            faults.append(f"column {column!r} has no name that a search condition could use")
        elif name in RESERVED:
            faults.append(f"column {column!r} has the name of one that Beautylens keeps itself")
        elif name in taken:
            faults.append(f"column {column!r} is another one that would be called {name!r}")
        elif name in known:
            faults.append(f"column {column!r} has to be written {name!r}")
        taken.add(name)
        named[column] = name
    refuse(path, faults, "Rename or remove such columns")
    return named
