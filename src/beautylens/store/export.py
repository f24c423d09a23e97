"""Writing the rows of a gallery as a catalogue table, so that nothing is locked in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from beautylens.errors import TableError
from beautylens.files.paths import is_address
from beautylens.files.writing import new_file
from beautylens.store.gallery import Gallery
from beautylens.store.schema import PLAIN

Batches = Iterator[pa.RecordBatch]


def export_table(gallery: Gallery, table: Path, *, vectors: bool = False) -> int:
    """Write a row for each picture of a gallery; return their number.

    The columns are those of a catalogue table, so that it can be indexed again. A picture in the
    folder of the table has a path relative to it, any other an absolute path or its address.

    Args:
        gallery: any.
        table: a file that ends in .csv, .jsonl or .parquet; an existing one is replaced.
        vectors: also write the vectors of each picture; not in CSV.

    Raises:
        TableError: when the format is unknown, or has no vectors.
        CollectionError: when the collection cannot be read.
    """
    write = WRITERS.get(table.suffix.lower())
    if write is None:
        raise TableError(f"{table} is no table; give a file that ends in {', '.join(WRITERS)}")
    if vectors and write is _write_csv:
        raise TableError(
            f"{table} cannot have vectors; give a file that ends in .parquet or .jsonl"
        )
    texts = [*PLAIN[1:], *gallery.rows.extra]
    kinds = list(gallery.rows.vector_lengths) if vectors else []
    stored = gallery.rows.table.schema
    schema = pa.schema([(name, pa.string()) for name in texts] + [stored.field(n) for n in kinds])
    schema = schema.remove_metadata()
    folder = table.absolute().parent
    part = table.with_name(f"{table.name}.part")
    count = 0

    def batches() -> Batches:
        nonlocal count
        for batch in gallery.rows.stream([*texts, "path", *kinds]):
            count += batch.num_rows
            yield _with_paths(batch, schema, folder)

    write(part, schema, batches())
    part.replace(table)
    return count


def _with_paths(batch: pa.RecordBatch, schema: pa.Schema, folder: Path) -> pa.RecordBatch:
    images = [_image(path, folder) for path in batch.column("path").to_pylist()]
    columns = [
        pa.array(images, pa.string()) if name == "image" else batch.column(name)
        for name in schema.names
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _image(path: str, folder: Path) -> str:
    """Return the cell of a picture: a path as it is, or a list where it would be taken apart."""
    image = path
    if not is_address(path) and Path(path).is_relative_to(folder):
        image = Path(path).relative_to(folder).as_posix()
    return json.dumps([image], ensure_ascii=False) if _SEPARATORS & set(image) else image


def _write_csv(part: Path, schema: pa.Schema, batches: Batches) -> None:
    with _text(part) as file:
        writer = csv.DictWriter(file, schema.names, lineterminator="\n")
        writer.writeheader()
        for batch in batches:
            writer.writerows(batch.to_pylist())


def _write_json_lines(part: Path, _: pa.Schema, batches: Batches) -> None:
    with _text(part) as file:
        for batch in batches:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.to_pylist())


def _write_parquet(part: Path, schema: pa.Schema, batches: Batches) -> None:
    with new_file(part) as file, pq.ParquetWriter(file, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _text(part: Path) -> io.TextIOWrapper:
    return io.TextIOWrapper(new_file(part), "utf-8", newline="")


# Characters that may separate pictures in a cell.
_SEPARATORS = frozenset(";,|\n\r\t[{(&'\"")
WRITERS: dict[str, Callable[[Path, pa.Schema, Batches], None]] = {
    ".csv": _write_csv,
    ".jsonl": _write_json_lines,
    ".parquet": _write_parquet,
}
