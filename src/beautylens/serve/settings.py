"""What a server is started with."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path

from beautylens.images.decode import Limits
from beautylens.settings import Settings

MEBIBYTE = 1 << 20
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


class ServeSettings(Settings):
    """What a server is started with; worker processes are handed it as JSON."""

    collection: Path
    host: str = "127.0.0.1"
    names: tuple[str, ...] = ()
    """Host names by which it may be asked; on loopback those of the machine itself by default."""
    origins: tuple[str, ...] = ()
    """Other pages that may use the API (CORS)."""
    key: str = ""
    """The bearer key of writers; without one nothing can be written."""
    keep: Path | None = None
    """Where photos that people answered about are kept, with their answers."""
    threads: int = os.cpu_count() or 1
    """Searches of one process that run at once."""
    waiting: int = 32
    """Searches of one process that may wait for their turn."""
    seconds: float = 20.0
    """After which a search is given up, and a body that has not come is refused."""
    max_bytes: int = 20 * MEBIBYTE
    """Of a request's body."""
    max_pixels: int = 50_000_000
    """Of a picture: those of a telephone have up to so many."""

    @property
    def limits(self) -> Limits:
        """What a picture that was sent may cost."""
        return Limits(max_bytes=self.max_bytes, max_pixels=self.max_pixels)

    @property
    def on_loopback(self) -> bool:
        """Tell whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def allowed_names(self) -> tuple[str, ...]:
        """The host names that requests may give; empty where any will do."""
        return (*LOOPBACK_NAMES, *self.names) if self.on_loopback or self.names else ()
