"""Encoder folders: the home where they are known by a bare name, and how one is made."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beautylens.errors import EncoderError
from beautylens.optional import install_line
from beautylens.recipe.settings import Settings

VARIABLE = "BEAUTYLENS_ENCODERS"


def encoder_home() -> Path:
    """Return the folder that BEAUTYLENS_ENCODERS names, else one among the user's own data."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen).expanduser() if chosen else _user_data() / "beautylens" / "encoders"


def known_encoders() -> dict[str, Path]:
    """Return the encoder folders of the home by name, in order of name."""
    home = encoder_home()
    if not home.is_dir():
        return {}
    return {path.name: path for path in sorted(home.iterdir()) if (path / "encoder.json").is_file()}


def no_such_encoder(name: str) -> EncoderError:
    """Return the error for a name that is neither a file nor an encoder of the home."""
    if not re.fullmatch(r"\w[\w.]*", name) or name.endswith(".onnx"):
        return EncoderError(
            f"there is no encoder '{name}'; name 'default', an encoder folder, an .onnx file or an "
            f"encoder of {encoder_home()}"
        )
    known = ", ".join(["default", *known_encoders()])
    return EncoderError(
        f"there is no encoder '{name}'; there are: {known} (in {encoder_home()}); if it is a timm "
        f"network, `beautylens encoder export --backbone {name}` makes it: that downloads its "
        f"weights and needs `{install_line('train')}` in the folder of Beautylens' repository"
    )


def refuse_existing(folder: Path) -> None:
    """Refuse to write an encoder where something is.

    Raises:
        EncoderError: when something is there already.
    """
    if folder.exists():
        raise EncoderError(f"{folder} is there already; name another folder, or remove it")


@contextmanager
def drafted(folder: Path) -> Iterator[Path]:
    """Give an empty folder to fill; it becomes `folder` at the end, or is gone after an error.

    Raises:
        EncoderError: when something is there already.
    """
    refuse_existing(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".draft-", dir=folder.parent) as parent:
        draft = Path(parent) / folder.name
        draft.mkdir()
        yield draft
        draft.rename(folder)


def write_header(folder: Path, spec: Settings) -> None:
    """Write an encoder's header into its folder."""
    text = json.dumps(spec.model_dump(mode="json"), indent=2)
    (folder / "encoder.json").write_text(text + "\n", "utf-8")


def _user_data() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
