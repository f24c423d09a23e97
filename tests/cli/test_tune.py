"""What the command `tune` refuses; `tests/outside` has it run to its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from beautylens.cli import app
from beautylens.cli.tune import _report_result
from beautylens.evaluation.tune.search import Figures, Tried
from beautylens.evaluation.tune.tune import Tuned
from beautylens.recipe.recipe import read_recipe
from tests.conftest import Shop, make_shop, write_table


def run(shop: Shop, out: Path, *options: str, truth: str = "truth.csv") -> Result:
    arguments = [str(shop.table), str(shop.folder / truth), str(out), *options]
    return CliRunner().invoke(app, ["tune", *arguments])


def test_what_cannot_be_tuned_is_refused_in_a_sentence(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 4)
    write_table(shop.folder / "truth.csv", [{"image": "photos/00.jpg", "product_ids": "p00"}])
    write_table(shop.folder / "empty.csv", [{"image": "photos/00.jpg", "product_ids": ""}])
    answered = run(shop, tmp_path / "out", truth="empty.csv")
    assert "names a product of the catalogue" in str(answered.exception)
    write_table(shop.folder / "leaks.csv", [{"image": "gallery/00.jpg", "product_ids": "p00"}])
    answered = run(shop, tmp_path / "out", truth="leaks.csv")
    assert "1 of 1 photos is also in the gallery" in str(answered.exception)
    answered = run(shop, tmp_path / "out", "--encoder", "nothing_like_it")
    assert "no encoder 'nothing_like_it'" in str(answered.exception)
    (tmp_path / "file").write_text("")
    answered = run(shop, tmp_path / "file")
    assert "is a file; name a folder" in str(answered.exception)
    answered = run(shop, tmp_path / "out", "--recipe", "yan2020")
    assert "tuning chooses one" in str(answered.exception)
    # Nothing was begun.
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("chosen", "held_out", "budget", "said"),
    [
        (
            140.0,
            206.0,
            150.0,
            "misses the budget of 150 ms on the held-out photos: 206 ms",
        ),
        (140.0, 149.0, 150.0, None),
        (140.0, 206.0, None, None),
        (180.0, 206.0, 150.0, "No recipe takes at most 150 ms per query"),
    ],
)
def test_a_recipe_that_misses_its_budget_on_the_held_out_photos_is_called_so(
    capsys: pytest.CaptureFixture[str],
    chosen: float,
    held_out: float,
    budget: float | None,
    said: str | None,
) -> None:
    tried = Tried(read_recipe("fast"), Figures((0.9,), chosen))
    other = Figures((0.8, 0.7), held_out)
    tuned = Tuned(tried, tried, (tried,), (), budget, other, other)
    _report_result(tuned, "fast", 60.0)
    printed = " ".join(capsys.readouterr().err.split())
    assert "On 2 held-out photos: mAP@7 0.750" in printed
    assert ("misses the budget" in printed) == (said is not None and said.startswith("misses"))
    assert said is None or said in printed
