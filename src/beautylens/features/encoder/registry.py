"""Encoder folders: the encoder home, look-up by name, and atomic creation."""

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
from beautylens.recipe.settings import Settings
from beautylens.runtime.extras import install_line

VARIABLE = "BEAUTYLENS_ENCODERS"


def encoder_home() -> Path:
    """Return the encoder home: BEAUTYLENS_ENCODERS, or a folder in the user's data directory."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen).expanduser() if chosen else _user_data() / "beautylens" / "encoders"


def known_encoders() -> dict[str, Path]:
    """Return the encoder folders of the home by name, sorted."""
    home = encoder_home()
    if not home.is_dir():
        return {}
    return {path.name: path for path in sorted(home.iterdir()) if (path / "encoder.json").is_file()}


def no_such_encoder(name: str) -> EncoderError:
    """Return the error for a name that is neither a path nor an encoder of the home."""
    if not re.fullmatch(r"\w[\w.]*", name) or name.endswith(".onnx"):
        return EncoderError(
            f"no encoder '{name}'; give 'default', an encoder folder, an .onnx file, or the name "
            f"of an encoder in {encoder_home()}"
        )
    known = ", ".join(["default", *known_encoders()])
    return EncoderError(
        f"no encoder '{name}' in {encoder_home()}; available: {known}; if it is a timm network, "
        f"`beautylens encoder export --backbone {name}` downloads and converts it; that needs "
        f"`{install_line('train')}` in the folder of Beautylens' repository"
    )


def refuse_existing(folder: Path) -> None:
    """Check that a folder does not exist yet.

    Raises:
        EncoderError: when it exists.
    """
    if folder.exists():
        raise EncoderError(f"{folder} already exists; choose another folder, or remove it")


@contextmanager
def drafted(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that is renamed to `folder` at the end, and removed on an error.

    Raises:
        EncoderError: when `folder` exists.
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
