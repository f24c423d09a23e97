"""What a server is started with."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field

from beautylens.images.limits import Limits
from beautylens.recipe.settings import Settings
from beautylens.runtime.threads import core_count

MEBIBYTE = 1 << 20
# The formats that anybody may send.
PHOTOGRAPHED = (".jpg", ".png", ".webp", ".avif", ".heic", ".gif")
# Of a progressive JPEG: encoders write about ten.
MAX_SCANS = 64


class ServeSettings(Settings):
    """What a server is started with; worker processes are handed it as JSON."""

    # What is wrong with a setting is said without the others, of which one is the key.
    model_config = ConfigDict(hide_input_in_errors=True)

    collection: str
    """A folder, or an address in object storage."""
    vectors: str | None = None
    """The Milvus cluster that finds the nearest; by default that of the recipe."""
    host: str = "127.0.0.1"
    names: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")], ...] = ()
    """Host names by which it may be asked, beside `localhost` and addresses."""
    origins: tuple[Annotated[str, Field(pattern=r"^https?://[a-z0-9.:\[\]-]+$")], ...] = ()
    """Other pages that may use the API (CORS)."""
    key: str = Field("", repr=False)
    """The bearer key of writers; without one nothing can be written."""
    keep: Path | None = None
    """Where photos that people answered about are kept, with their answers."""
    pictures: tuple[Path, ...] = ()
    """The only folders whose catalogue pictures are shown; by default, all that are named."""
    title: str = "Beautylens"
    """What the page is headed with."""
    threads: int = Field(default_factory=core_count)
    """Searches of one process that run at once."""
    waiting: int = 32
    """Searches of one process that may wait for their turn."""
    seconds: float = 20.0
    """After which a search is given up, and a body that has not come is refused."""
    max_bytes: int = 20 * MEBIBYTE
    """Of a request's body."""
    max_pixels: int = 50_000_000
    """Of a picture as it is decoded: those of a telephone have up to so many."""
    decoding_bytes: int = 1024 * MEBIBYTE
    """Of memory that all pictures being decoded take together, and one of them at most."""

    @property
    def limits(self) -> Limits:
        """What a photo that anybody sent may be, and cost: what cameras, phones and shops write."""
        return replace(self.product_limits, kinds=PHOTOGRAPHED)

    @property
    def product_limits(self) -> Limits:
        """What a picture of a product may cost, which only who has the key can send."""
        return Limits(
            max_bytes=self.max_bytes,
            max_pixels=self.max_pixels,
            max_decoded=self.decoding_bytes,
            max_scans=MAX_SCANS,
            rare=False,
        )

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
    def known_names(self) -> frozenset[str]:
        """The names by which it may be asked, beside addresses."""
        return frozenset(("localhost", self.host.lower(), *self.names))


def is_address(host: str) -> bool:
    """Tell whether a host is given as a number, not by name; those of IPv6 may have brackets."""
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
