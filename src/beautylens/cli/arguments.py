"""Arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Address = Annotated[
    Path, typer.Argument(metavar="COLLECTION", help="A folder made by `beautylens index`.")
]
