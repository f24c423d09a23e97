"""What the command `tune` refuses; `tests/outside` has it run to its end."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from beautylens.cli import app
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
