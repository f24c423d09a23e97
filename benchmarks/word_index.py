"""What finds a product by misread words: build, disk, time and recall: word_index TEXTS [--json F].

TEXTS has catalogues as CSV with columns brand and name, or JSON; 538,517 products are recombined
from their words. A question has 10 to 20 words: most of those of one product, four in ten misread
in up to one letter in four, and words of other products.

    python benchmarks/word_index.py TEXTS [--products N] [--questions N] [--json FILE]

tantivy is compared where it is installed.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from beautylens.store.product_words import ProductWords
from beautylens.store.table import Table
from beautylens.store.word_index import WordIndex, create_word_index
from beautylens.text.index_words import index_words
from beautylens.text.tokens import is_exact
from beautylens.text.vocabulary import Vocabulary

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LISTED = 50
Find = Callable[[Sequence[str]], list[int]]


class Question(NamedTuple):
    """The words read on a pack, and the product whose they are."""

    words: list[str]
    product: int


class Found(NamedTuple):
    """The figures of one way to look words up: milliseconds a question, and on all cores together.

    The first question loads the vocabulary; it is not in the other times.
    """

    build_seconds: float
    megabytes: float
    first_ms: float
    median_ms: float
    p95_ms: float
    processor_ms: float
    recall: float


def main() -> None:
    """Measure, print a table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--products", type=int, default=538_517)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rng = random.Random(0)  # noqa: S311  (made-up products)
    texts = recombined(names(asked.texts), asked.products, rng)
    questions = [question(texts, rng) for _ in range(asked.questions)]
    figures = {}
    for name, build in WAYS.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                figures[name] = measured(build, texts, questions, Path(folder))
            except ImportError:
                print(f"{name}: not installed")
                continue
        shown = "  ".join(f"{key} {value:.3f}" for key, value in figures[name]._asdict().items())
        print(f"{name:30} {shown}", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps({n: f._asdict() for n, f in figures.items()}, indent=2))


def measured(
    build: Callable[[Sequence[str], Path], Find],
    texts: Sequence[str],
    questions: Sequence[Question],
    folder: Path,
) -> Found:
    """Return the figures of one way."""
    start = time.perf_counter()
    find = build(texts, folder)
    built = time.perf_counter() - start
    spent, processor, hits = [], [], 0
    for each in questions:
        start, busy = time.perf_counter(), time.process_time()
        hits += each.product in find(each.words)
        spent.append((time.perf_counter() - start) * 1000)
        processor.append((time.process_time() - busy) * 1000)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Found(
        built,
        size / 1e6,
        spent[0],
        statistics.median(spent[1:]),
        float(np.percentile(spent[1:], 95)),
        statistics.median(processor[1:]),
        hits / len(questions),
    )


def names(folder: Path) -> list[tuple[str, list[str]]]:
    """Return brand and words of the name of every product in the files of a folder."""
    found = []
    for file in sorted(folder.iterdir()):
        if file.suffix == ".json":
            rows = json.loads(file.read_text("utf-8"))
        else:
            with file.open(encoding="utf-8-sig", newline="") as opened:
                rows = list(csv.DictReader(opened))
        for row in rows:
            texts = {key.lower(): value or "" for key, value in row.items() if key}
            name = texts.get("name") or texts.get("product name", "")
            found.append((texts.get("brand", ""), name.split()))
    return found


def recombined(names: Sequence[tuple[str, list[str]]], count: int, rng: random.Random) -> list[str]:
    """Return the words of made-up products: a brand, parts of two names, a shade and a size."""
    brands = sorted({brand for brand, _ in names})
    made = []
    for _ in range(count):
        first, second = rng.choice(names)[1], rng.choice(names)[1]
        words = [*first[: rng.randint(1, 1 + len(first))], *second[rng.randint(0, len(second)) :]]
        # A large catalogue has words of its own.
        words = [misread(word, rng, 3) if rng.random() < 0.02 else word for word in words]
        words += [str(rng.randint(1, 999))] if rng.random() < 0.4 else []
        words += [f"{rng.choice((5, 10, 15, 30, 50, 100, 200))} ml"] if rng.random() < 0.4 else []
        made.append(index_words([rng.choice(brands), " ".join(words)]))
    return made


def misread(word: str, rng: random.Random, letters: int = 4) -> str:
    """Return a word with wrong, missed or added letters: at most one in `letters`."""
    if is_exact(word) or len(word) < letters:
        return word
    spelt = list(word)
    for _ in range(rng.randint(1, len(word) // letters)):
        position = rng.randrange(len(spelt))
        spelt[position] = rng.choices(
            ("", rng.choice(LETTERS), spelt[position] + "i"), (15, 70, 15)
        )[0]
    return "".join(spelt)


def question(texts: Sequence[str], rng: random.Random) -> Question:
    """Return what is read on the pack of one product."""
    product = rng.randrange(len(texts))
    words = [word for word in texts[product].split() if rng.random() < 0.8]
    words = [misread(word, rng) if rng.random() < 0.4 else word for word in words]
    while len(words) < rng.randint(10, 20):
        words.append(misread(rng.choice(rng.choice(texts).split()), rng))
    rng.shuffle(words)
    return Question(words, product)


def shipped(texts: Sequence[str], folder: Path) -> Find:
    """Lance's full-text index, similar words by the vocabulary: `store.product_words`."""
    index = WordIndex(lance_table(texts, folder), "words", str(folder))
    found = ProductWords(index, WordIndex(lance_table([], folder), "words", str(folder)))
    # Each word is a line, since the order of the words says nothing here.
    return lambda words: list(map(int, found.search(words, LISTED)))


def lance_alone(texts: Sequence[str], folder: Path) -> Find:
    """Lance's full-text index with its own fuzziness."""
    from lance.query import BooleanQuery, MatchQuery, Occur

    dataset = lance_table(texts, folder).newest()

    def find(words: Sequence[str]) -> list[int]:
        queries = [
            MatchQuery(word, "words", fuzziness=0 if is_exact(word) else min(2, len(word) // 4))
            for word in words
        ]
        query = BooleanQuery([(Occur.SHOULD, each) for each in queries])
        columns = ["product_id", "_score"]
        rows = dataset.scanner(columns, full_text_query=query, limit=LISTED).to_table()
        return [int(product) for product in rows["product_id"].to_pylist()]

    return find


def lance_table(texts: Sequence[str], folder: Path) -> Table:
    """Return a table of texts with an index of their words."""
    ids = pa.array(map(str, range(len(texts))), pa.string())
    rows = pa.table({"product_id": ids, "words": pa.array(texts, pa.string())})
    table = Table.create(str(folder / f"{len(texts)}.lance"), rows)
    with table.writing() as dataset:
        create_word_index(dataset, "words")
    return table


def tantivy(texts: Sequence[str], folder: Path) -> Find:
    """tantivy, with fuzzy terms weighed by how many products have one."""
    import tantivy as tv

    schema = tv.SchemaBuilder()
    schema.add_text_field("words", tokenizer_name="whitespace", index_option="freq")
    schema.add_unsigned_field("id", stored=True)
    built = schema.build()
    index = tv.Index(built, str(folder))
    writer = index.writer(200_000_000, 1)
    for number, text in enumerate(texts):
        writer.add_document(tv.Document(words=text, id=number))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def terms(words: Sequence[str]) -> Iterator[Any]:
        for word in words:
            errors = min(2, len(word) // 4)
            if searcher.doc_freq("words", word):
                yield tv.Query.term_query(built, "words", word)
            elif errors and not is_exact(word):
                near = tv.Query.fuzzy_term_query(built, "words", word, distance=errors)
                having = searcher.search(near, 1, count=True).count
                weight = math.log(1 + len(texts) / having) if having else 0.0
                yield tv.Query.const_score_query(near, weight)

    def find(words: Sequence[str]) -> list[int]:
        query = tv.Query.boolean_query([(tv.Occur.Should, each) for each in terms(words)])
        return [
            searcher.doc(position)["id"][0] for _, position in searcher.search(query, LISTED).hits
        ]

    return find


def sqlite(texts: Sequence[str], folder: Path) -> Find:
    """SQLite's FTS5, similar words by the vocabulary as well."""
    database = sqlite3.connect(folder / "words.db")
    database.execute("CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize=unicode61)")
    rows = enumerate(texts)
    database.executemany("INSERT INTO words (rowid, text) VALUES (? + 1, ?)", rows)
    database.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(words, row)")
    database.commit()
    vocabulary = Vocabulary()
    vocabulary.add(word for (word,) in database.execute("SELECT term FROM terms"))

    def find(words: Sequence[str]) -> list[int]:
        terms = {
            term
            for word in words
            for term in (
                [word] if word in vocabulary or is_exact(word) else vocabulary.similar(word)
            )
        }
        query = " OR ".join(f'"{term}"' for term in terms)
        listed = "SELECT rowid - 1 FROM words WHERE words MATCH ? ORDER BY rank LIMIT ?"
        return [number for (number,) in database.execute(listed, (query, LISTED))]

    return find


WAYS: dict[str, Callable[[Sequence[str], Path], Find]] = {
    "Lance and vocabulary (shipped)": shipped,
    "Lance, its own fuzziness": lance_alone,
    "tantivy": tantivy,
    "SQLite FTS5 and vocabulary": sqlite,
}


if __name__ == "__main__":
    main()
