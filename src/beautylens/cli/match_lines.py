"""A match on a narrow terminal: a line with the product, and lines with the evidence."""

from __future__ import annotations

from textwrap import wrap

from rich.text import Text

from beautylens.cli.console import console
from beautylens.inputs.unicode_text import on_one_line
from beautylens.reasons import Reasons
from beautylens.results import Match, brand_and_name

# Columns before the evidence.
_INDENT = 10
# Probability from which the evidence is shown; that of the first always is.
_SHOWN = 0.05


def write_match(rank: int, match: Match) -> None:
    """Print a match as a short paragraph."""
    product = match.product
    shown = f"{100 * match.probability:.0f} %" if match.probability is not None else ""
    name = on_one_line(brand_and_name(product)) or on_one_line(product.product_id)
    line = Text.assemble(
        f"{rank:2}  {shown:>5} ",
        (name, "bold" if rank == 1 else ""),
        (f"  {on_one_line(product.product_id)}", "dim"),
    )
    console.print(line, soft_wrap=True)
    if rank > 1 and (match.probability is None or match.probability < _SHOWN):
        return
    for text, style in _evidence(match):
        for part in wrap(on_one_line(text), max(20, console.width - _INDENT)):
            console.print(Text(" " * _INDENT + part, style), soft_wrap=True)


def _evidence(match: Match) -> list[tuple[str, str]]:
    why = match.reasons
    parts = []
    if why.barcode:
        parts.append(f"barcode {barcode_of(why)}")
    if why.inliers is not None:
        parts.append(f"{why.inliers} inliers")
    if why.visual is not None:
        parts.append(f"cosine {why.visual:.2f}")
    if why.text_agreement is not None:
        parts.append(f"{100 * why.text_agreement:.0f} % of the text agrees")
    if why.colour is not None:
        parts.append(f"colour difference {why.colour:.1f}")
    if why.words:
        parts.append(f"words: {' '.join(why.words)}")
    lines = [(", ".join(parts), "dim")] if parts else []
    against = differences_of(why)
    return [*lines, (f"against: {against}", "red")] if against else lines


def differences_of(reasons: Reasons) -> str:
    """Return what is on the photo and on the catalogue picture, where they contradict."""
    return "; ".join(f"{each.photo} / {each.catalogue}" for each in reasons.against)


def barcode_of(reasons: Reasons) -> str:
    """Return the barcode with the batch and the expiry that it says."""
    batch = reasons.batch and f"batch {reasons.batch}"
    expiry = reasons.expiry and f"expiry {reasons.expiry}"
    return " ".join(filter(None, (reasons.barcode, batch, expiry)))
