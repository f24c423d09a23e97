"""The model card's front matter, which Hugging Face reads, says what the page and the code say."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

PAGE = Path(__file__).parents[1] / "docs" / "model-card.md"
HEADER = resources.files("beautylens") / "features/encoder/weights/default/encoder.json"


def front_matter() -> tuple[dict[str, Any], str]:
    _, head, text = PAGE.read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(head), text


def test_name_and_licence_are_those_of_the_encoder() -> None:
    card, _ = front_matter()
    header = json.loads(HEADER.read_text("utf-8"))
    assert card["license"] == header["licence"].lower()
    (model,) = card["model-index"]
    assert model["name"] == header["name"]


def test_every_figure_is_one_of_the_page() -> None:
    card, text = front_matter()
    results = card["model-index"][0]["results"]
    values = [metric["value"] for result in results for metric in result["metrics"]]
    assert len(values) == 3
    for value in values:
        assert f"{value:.3f}"[1:] in text


def test_results_have_the_fields_that_the_hub_requires() -> None:
    card, _ = front_matter()
    for result in card["model-index"][0]["results"]:
        assert {"type", "name"} <= result["task"].keys()
        assert {"type", "name"} <= result["dataset"].keys()
        assert all({"type", "value"} <= metric.keys() for metric in result["metrics"])
    assert card["pipeline_tag"] == "image-feature-extraction"
