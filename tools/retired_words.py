"""Check that words which the field does not use stay out of the code and the documentation.

Prints each line that has one, and the word to use instead; exits with 1 if there is any.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHECKED = (
    *("src/", "docs/", "benchmarks/", "tools/", "examples/", "deploy/", "clients/"),
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"),
    ":!tools/retired_words.py",  # which lists them
)
SUFFIXES = (".py", ".md", ".toml", ".jinja", ".html", ".js", ".ts")

# Retired words, as regular expressions, and what to write instead. Letters bound a word, so that
# parts of identifiers such as `places_of` are found too.
RETIRED = {
    "places?": "index, row, row id, path, pixel or position",
    "laid over|la(?:y|ys|ying) over|turns? from its rim": "warp, align or optical flow",
    "settle[sd]?|settling": "refine, decide or finish",
    "(?:told|tells?|telling) (?:\\w+ ){0,3}apart": "differ, distinguish or identify",
    "drawn pictures?": "synthetic pictures",
    "(?:small |fine |the |by |of |of its )prints?": "text, or local descriptors",
    "spoken": "read, or typed",
    "(?:was|is|are|were|be) said|said what": "read, typed, or the message",
    "second ways?": "hybrid retrieval, or VLAD",
    "the hundred": "the short-list, or the candidates",
    "presence": "in-catalogue probability",
    "how sure|as sure as|surely": "probability, confidence or threshold",
    "crews?": "worker pool",
    "desks?": "work queue",
    "shel(?:f|ves)": "sharded folder",
    "albums?": "page assets",
    "upkeep": "compaction",
    "refusals?": "checks",
    "judgements?": "judge parameters",
    "(?-i:SecondWay|Describing|Spoken|Shelf|Laid)": "the class's present name",
    "anew": "again",
    "of long ago": "old",
    "leads? on and on": "too many redirects",
    "made of all rows": "artefacts computed over the whole gallery",
    "goes on with|gone on with": "resumes",
    "runs? away": "diverges",
    "# fmt: (?:skip|off)": "nothing: ruff lays out every line",
    "= NDArray\\[np": "an alias of beautylens.arrays",
}

# Uses that are not what was retired, and why.
ALLOWED = {
    r"\bin place(?: of)?\b|\bdecimal places?\b|\btakes? place\b": "common English",
    r"\bthe prints? (?:statement|function)\b": "Python's print",
}

# Files in which a word has its own meaning, and why.
ALLOWED_IN = {
    "src/beautylens/arrays.py": {"= NDArray\\[np"},  # where the aliases are
    "src/beautylens/images/backgrounds.py": {"shel(?:f|ves)"},  # a shop's shelf
}


def retired_words(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, retired word as a regular expression, and its replacement."""
    patterns = {
        word: re.compile(rf"(?<![A-Za-z])(?:{word})(?![A-Za-z])", re.IGNORECASE) for word in RETIRED
    }
    allowed = re.compile("|".join(ALLOWED))
    for number, line in enumerate(text.splitlines(), start=1):
        kept = allowed.sub("", line)
        for word, pattern in patterns.items():
            if pattern.search(kept):
                yield number, word, RETIRED[word]


def checked_files() -> list[str]:
    """Return the paths of the files that are checked, relative to the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *CHECKED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [path for path in listed if path.endswith(SUFFIXES) and (ROOT / path).is_file()]


def main() -> int:
    """Print the retired words of all checked files."""
    found = 0
    for path in checked_files():
        lines = (ROOT / path).read_text("utf-8")
        for number, word, instead in retired_words(lines):
            if word not in ALLOWED_IN.get(path, ()):
                found += 1
                print(f"{path}:{number}: '{word}' is retired; write: {instead}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
