"""The notebook of the docs runs from its first cell to its last, and shows what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the ninth cell needs the extra train")
nbformat = pytest.importorskip("nbformat", reason="needs the extra outside")
nbclient = pytest.importorskip("nbclient", reason="needs the extra outside")

NOTEBOOK = Path(__file__).parents[2] / "docs/first-steps.ipynb"


def printed(cell: dict[str, Any]) -> str:
    return "".join(out["text"] for out in cell["outputs"] if out.get("name") == "stdout")


def test_the_notebook_runs_and_finds_what_it_says(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    there = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=600, resources=there).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(cells) == 10
    assert "0 could not be read" in printed(cells[1])
    assert printed(cells[2]).startswith("match")
    assert printed(cells[5]).startswith("not_in_catalogue")
    scores = {n: float(re.findall(r"mAP@7 (\d\.\d+)", printed(cells[n]))[0]) for n in (6, 7, 9)}
    assert scores[6] > 0.9
    assert scores[6] > scores[7] > 0.4
    # An adapter of a few epochs on a small catalogue must not lose what the encoder knew.
    assert scores[9] > scores[7] - 0.05
