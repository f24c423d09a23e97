"""Draw the pictures of the documentation from real runs on rendered products.

`how-it-works.svg` shows one search in the demo's catalogue, step by step; `terminal.svg` what
`index` and `search` print for the small shop in `examples/`.

    make demo
    .venv/bin/python tools/draw_docs.py demo docs/pictures
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path

import cv2
from rich.text import Text

import beautylens as bl
from beautylens.arrays import UInt8
from beautylens.cli import app
from beautylens.cli.console import console
from beautylens.cli.formats import VERDICTS
from beautylens.images.decode import decode
from beautylens.images.draw import to_jpeg
from beautylens.results import Match, Matches

EXAMPLES = Path(__file__).parents[1] / "examples"
# A query of the demo that two sizes of one product are candidates for.
PHOTO = "q14.jpg"
WIDTH, MARGIN = 900, 24
# The colours of the photo-search page.
PAPER, CARD, LINE = "#faf7f5", "#ffffff", "#e3d9dc"
INK, SOFT, ACCENT, GOOD = "#241a20", "#66565f", "#9c2f5f", "#1d6b45"
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'


def main() -> None:
    """Draw both pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("demo", type=Path, help="the folder that `beautylens demo` wrote")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    figure = draw_search(arguments.demo / "sample.lens", arguments.demo / "queries" / PHOTO)
    (arguments.out / "how-it-works.svg").write_text(figure, "utf-8")
    (arguments.out / "terminal.svg").write_text(record_terminal(), "utf-8")


def draw_search(address: Path, query: Path) -> str:
    """Return the figure of one search as SVG, its pictures inside."""
    collection = bl.open(address)
    photo = collection.photo(query)
    pipeline = collection.parts.pipeline
    found, described = pipeline.search(photo, 7), pipeline.describe(photo)
    short_list = pipeline.find_evidence(described).products()
    nearest = sorted(short_list, key=lambda match: -(match.reasons.visual or 0))[:5]
    views = collection.recipe.retrieve.views
    best = found[0]
    keypoints = collection.explain.keypoints(photo.pixels)
    drawing = collection.explain.draw(photo.pixels, keypoints, best)
    parts = [
        heading(MARGIN, 40, "1, 2", "decode, describe"),
        *framed(photo.pixels, views),
        heading(290, 40, "3", "retrieve: nearest by descriptor and VLAD"),
        *strip(nearest),
        heading(MARGIN, 356, "4", f"verify: {best.reasons.inliers} inliers"),
        picture(drawing, MARGIN, 374, 480, 250),
        heading(530, 356, "5, 6", "compare colours, read the pack"),
        picture(collection.explain.searched(described, found.lines), 530, 374, 346, 250),
        heading(MARGIN, 676, "7", "judge"),
        *verdict(found),
    ]
    return page(parts, 860)


def page(parts: list[str], height: int) -> str:
    """Return the SVG of a figure from its parts."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family=\'{FONT}\' font-size="17" fill="{INK}">\n'
        f'<rect width="{WIDTH}" height="{height}" rx="16" fill="{PAPER}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def heading(left: float, base: float, step: str, text: str) -> str:
    """Return the heading of a step, its number and name."""
    return (
        f'<text x="{left}" y="{base}" font-weight="600"><tspan fill="{ACCENT}">{step}</tspan> '
        f"{escape(text)}</text>"
    )


def picture(pixels: UInt8, left: float, top: float, width: float, height: float) -> str:
    """Return a picture on a card, as large as fits, with two pixels per unit of the SVG."""
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    wide, high = pixels.shape[1] * scale, pixels.shape[0] * scale
    size = (round(2 * wide), round(2 * high))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if scale < 0.5 else pixels
    data = base64.b64encode(to_jpeg(small, 82)).decode()
    x, y = left + (width - wide) / 2, top + (height - high) / 2
    return (
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="10" fill="{CARD}" '
        f'stroke="{LINE}"/>\n<image x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" '
        f'height="{high:.1f}" href="data:image/jpeg;base64,{data}"/>'
    )


def framed(pixels: UInt8, views: tuple[float, ...]) -> Iterator[str]:
    """Yield the photo with a frame for each view that is encoded."""
    high = 250
    wide = high * pixels.shape[1] / pixels.shape[0]
    left, top = MARGIN + 10, 58
    yield picture(pixels, left, top, wide, high)
    for share in views:
        yield (
            f'<rect x="{left + wide * (1 - share) / 2:.1f}" y="{top + high * (1 - share) / 2:.1f}" '
            f'width="{wide * share:.1f}" height="{high * share:.1f}" fill="none" '
            'stroke="#fff" stroke-width="2.5" stroke-dasharray="7 5"/>'
        )


def strip(nearest: list[Match]) -> Iterator[str]:
    """Yield the nearest catalogue pictures with their cosines."""
    width, gap = 110, 9
    for rank, match in enumerate(nearest):
        left = 290 + rank * (width + gap)
        yield picture(narrowed(decode(Path(match.image)), width / 190), left, 58, width, 190)
        middle = left + width / 2
        why = match.reasons
        for base, text in ((274, f"deep {why.visual:.2f}"), (298, f"VLAD {why.local:.2f}")):
            yield f'<text x="{middle}" y="{base}" text-anchor="middle">{text}</text>'


def narrowed(pixels: UInt8, aspect: float) -> UInt8:
    """Return the middle part of a picture with this ratio of width to height."""
    height, width = pixels.shape[:2]
    kept = min(width, round(height * aspect))
    left = (width - kept) // 2
    return pixels[:, left : left + kept]


def verdict(found: Matches) -> Iterator[str]:
    """Yield the verdict and the first two products with their reasons."""
    if found.verdict is None:
        raise ValueError("the figure needs a recipe with the judge")
    top, height = 694, 142
    yield (
        f'<rect x="{MARGIN}" y="{top}" width="{WIDTH - 2 * MARGIN}" height="{height}" rx="10" '
        f'fill="{CARD}" stroke="{LINE}"/>'
        f'<text x="{MARGIN + 20}" y="{top + 34}" font-size="20" font-weight="700" fill="{GOOD}">'
        f"{VERDICTS[found.verdict].capitalize()}</text>"
    )
    for rank, match in enumerate(found[:2]):
        base, share = top + 76 + 40 * rank, match.probability or 0
        why, other = match.reasons, found[1 - rank].reasons
        alone = [word for word in why.words if word not in other.words]
        reasons = f"{why.inliers} inliers, {len(why.words)} words"
        reasons += f"; only here: {', '.join(alone)}" if alone else ""
        yield (
            f'<text x="{MARGIN + 20}" y="{base}">{escape(match.product.name)}</text>'
            f'<rect x="300" y="{base - 12}" width="140" height="12" rx="6" fill="#f6e9ef"/>'
            f'<rect x="300" y="{base - 12}" width="{140 * share:.0f}" height="12" rx="6" '
            f'fill="{ACCENT}"/><text x="454" y="{base}">{100 * share:.0f} %</text>'
            f'<text x="514" y="{base}" fill="{SOFT}" font-size="15">{escape(reasons)}</text>'
        )


def record_terminal() -> str:
    """Return the output of indexing and searching the small shop as SVG."""
    console.record, console.soft_wrap = True, False
    console.width = 104
    with shop_folder():
        for command in (
            ["index", "products.csv", "shop.lens"],
            ["search", "shop.lens", "photos/lipstick.jpg", "-k", "4"],
        ):
            console.print(Text("$", "bold magenta"), "beautylens", *command)
            app(command, standalone_mode=False)
    drawn = console.export_svg(title="beautylens", unique_id="terminal")
    # Without rich's web fonts, so that the picture needs no other host.
    return re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL)


@contextlib.contextmanager
def shop_folder() -> Iterator[None]:
    """Make a copy of the small shop the current folder until the block ends."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(shutil.copytree(EXAMPLES / "shop", Path(folder) / "shop"))
        try:
            yield
        finally:
            os.chdir(before)


if __name__ == "__main__":
    main()
