"""The report on a catalogue names every picture and product that makes search worse."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from beautylens.cli.catalogue_report import print_findings, write_findings
from beautylens.evaluation.catalogue_report import EFFECTS, Finding, catalogue_report
from beautylens.indexing import build
from tests.conftest import draw_pack, write_table

GTIN = "4006381333931"


def silent(steps: Iterable[Any], title: str, total: int | None = None) -> Iterable[Any]:
    del title, total
    return steps


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    folder = tmp_path_factory.mktemp("report")
    pictures = {
        "good": draw_pack(1),
        "small": cv2.resize(draw_pack(2), (120, 160)),
        "blank": np.full((400, 300, 3), 255, np.uint8),
        "line": draw_pack(3),
        "shared": draw_pack(4),
    }
    for name, pixels in pictures.items():
        cv2.imwrite(str(folder / f"{name}.png"), pixels)
    rows = [
        ("good", "good", "Aurelle Soap", "Aurelle", GTIN),
        ("small", "small", "Aurelle Oil", "Aurelle", "4.00638E+12"),
        ("blank", "blank", "Aurelle Cream", "Aurelle", "12"),
        ("line1", "line", "Velvet Lipstick Red", "Kumo", ""),
        ("line2", "line", "Velvet Lipstick Blue", "Kumo", ""),
        ("other1", "shared", "Brush", "Kumo", GTIN),
        ("other2", "shared", "Sponge", "Nordlys", ""),
        ("nameless", "good", "", "", ""),
        ("gone", "gone", "Balm", "Kumo", ""),
    ]
    cells = [
        {"product_id": i, "image": f"{f}.png", "name": n, "brand": b, "gtin": g}
        for i, f, n, b, g in rows
    ]
    built, _ = build(write_table(folder / "table.csv", cells), folder / "c.lens", read=False)
    return catalogue_report(built.gallery, silent)


def test_every_kind_is_found_with_its_products(findings: list[Finding]) -> None:
    found = {kind: [f.product_id for f in findings if f.kind == kind] for kind in EFFECTS}
    assert found == {
        "no picture": ["gone"],
        "small picture": ["small"],
        "blank": ["blank"],
        "placeholder": [],
        "shared picture": ["good", "nameless", "other1", "other2"],
        "shared by variants": ["line1", "line2"],
        "no name": ["nameless"],
        "unusable GTIN": ["blank", "small"],
        "shared GTIN": ["good", "other1"],
    }
    details = {(f.kind, f.product_id): f.detail for f in findings}
    assert details["small picture", "small"] == "160 pixels"
    assert details["unusable GTIN", "small"] == "4.00638E+12: rounded by a spreadsheet"
    assert details["shared by variants", "line1"] == "as line2"
    assert details["shared GTIN", "good"] == f"0{GTIN}"


def test_the_report_is_printed_and_written(
    findings: list[Finding], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_findings(findings)
    write_findings(tmp_path / "report.csv", findings)
    said = capsys.readouterr().err
    assert "shared by variants" in said
    assert "placeholder" not in said
    lines = (tmp_path / "report.csv").read_text().splitlines()
    assert lines[0] == "kind,product_id,name,image,detail"
    assert len(lines) == 1 + len(findings)
    print_findings([])
    assert "nothing that makes search worse" in capsys.readouterr().err
