"""XML product feeds (RSS, Atom and the like), item by item.

Read by expat with document types refused, so that there are no entities to expand or fetch.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from beautylens.catalogue.text_files import LONGEST_LINE
from beautylens.errors import TableError

# The elements that are a product, in lower case: of RSS, Atom, and of price comparisons.
ITEMS = frozenset(("item", "entry", "product", "produkt", "offer", "shopitem", "artikel"))
_BLOCK_BYTES = 1 << 16
_MOST_DEPTH = 50


def xml_items(path: Path) -> Iterator[dict[str, object]]:
    """Yield the items of a feed, one in memory at a time: by element, its text or list of texts.

    Elements inside elements are joined by `_`: `shipping_country`. Empty ones are left out.

    Raises:
        TableError: when the file is not XML, or has a document type.
    """
    reader = _Reader(path)
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield from reader.feed(block)
    yield from reader.feed(b"", final=True)


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._names: list[str] = []
        self._item_depth = 0
        self._cells: dict[str, object] = {}
        self._texts: list[list[str]] = []
        self._length = 0
        self._done: list[dict[str, object]] = []

    def feed(self, block: bytes, *, final: bool = False) -> list[dict[str, object]]:
        """Return the items that end in a block."""
        try:
            self._parser.Parse(block, final)
        except expat.ExpatError as error:
            raise TableError(
                f"{self._path}: line {error.lineno} is not XML ({expat.ErrorString(error.code)}); "
                "export it again"
            ) from error
        done, self._done = self._done, []
        return done

    def _refuse_doctype(self, *_: object) -> None:
        raise TableError(
            f"{self._path} has a document type (<!DOCTYPE>), which product feeds do not need and "
            "which can make a file expand without bounds; remove it"
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._names.append(name.rpartition(" ")[2])
        if len(self._names) > _MOST_DEPTH:
            raise TableError(f"{self._path} nests elements too deep for a product feed")
        if self._item_depth:
            self._texts.append([])
            if (href := attributes.get("href")) and self._names[-1] == "link":
                # Atom.
                self._text(href)
        elif self._names[-1].lower() in ITEMS:
            self._item_depth, self._cells, self._length = len(self._names), {}, 0

    def _text(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)
            self._length += len(text)
            if self._length > LONGEST_LINE:
                raise TableError(
                    f"{self._path} has an item of more than {LONGEST_LINE:,} characters; write one "
                    "product per item"
                )

    def _end(self, _: str) -> None:
        depth = len(self._names)
        if self._item_depth == depth:
            self._done.append(self._cells)
            self._item_depth = 0
        elif self._item_depth and (text := "".join(self._texts.pop()).strip()):
            self._add("_".join(self._names[self._item_depth :]), text)
        self._names.pop()

    def _add(self, name: str, text: str) -> None:
        known = self._cells.get(name)
        if known is None:
            self._cells[name] = text
        elif isinstance(known, list):
            known.append(text)
        else:
            self._cells[name] = [known, text]
