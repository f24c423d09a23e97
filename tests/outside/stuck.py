"""The command line, in a process where a search for the word "stuck" never ends."""

from __future__ import annotations

import time
from typing import Any

from beautylens.cli import main
from beautylens.serve.service import Service

_photo = Service.photo


def photo(self: Service, data: bytes, words: str = "", *further: Any, **named: Any) -> Any:
    """Do as the service does, unless asked not to."""
    while words == "stuck":
        time.sleep(0.01)
    return _photo(self, data, words, *further, **named)


if __name__ == "__main__":
    Service.photo = photo  # type: ignore[method-assign]  # what this file is for
    main()
