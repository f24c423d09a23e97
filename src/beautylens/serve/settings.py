"""Settings of a server."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from beautylens.images.limits import Limits
from beautylens.recipe.settings import Settings
from beautylens.runtime.threads import core_count
from beautylens.serve.keys import ReadKey
from beautylens.serve.log import Log

MEBIBYTE = 1 << 20
# The formats of photos that anybody may send.
PHOTOGRAPHED = (".jpg", ".png", ".webp", ".avif", ".heic", ".gif")
# Maximum scans of a progressive JPEG; encoders write about ten.
MAX_SCANS = 64


class ServeSettings(Settings):
    """Settings of a server; passed to worker processes as JSON."""

    # Error messages must not contain the other settings, one of which is the key.
    model_config = ConfigDict(hide_input_in_errors=True)

    collection: str
    """Folder, or address in object storage."""
    further: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")], str] = Field({})
    """Folders or addresses of further collections by name."""
    vectors: str | None = None
    """Address of a Milvus cluster with the vectors; by default that of the recipe."""
    host: str = "127.0.0.1"
    names: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")], ...] = ()
    """Host names of the server, in addition to `localhost` and IP addresses."""
    origins: tuple[Annotated[str, Field(pattern=r"^https?://[a-z0-9.:\[\]-]+$")], ...] = ()
    """Other origins that may use the API (CORS)."""
    key: str = Field("", repr=False)
    """Bearer token for writing; empty makes the server read-only."""
    read_keys: tuple[ReadKey, ...] = Field((), repr=False)
    """Keys, one of which searches need; empty lets anybody search."""
    keep: Path | None = None
    """Folder for searches, feedback and their photos; None keeps nothing."""
    keep_days: int = Field(30, ge=1, le=3650)
    """Days after which a kept search that nobody labelled is deleted."""
    pictures: tuple[Path, ...] = ()
    """The only folders whose catalogue pictures may be shown; empty allows all."""
    title: str = "Beautylens"
    """Title of the page."""
    log: Log = "errors"
    """What is logged: warnings and errors alone, or also a line per request, as text or JSON."""
    threads: int = Field(default_factory=core_count)
    """Concurrent searches per process."""
    waiting: int = 32
    """Maximum number of waiting searches per process."""
    seconds: float = 20.0
    """Timeout of a search, and of receiving a request's body."""
    max_bytes: int = 20 * MEBIBYTE
    """Maximum size of a request's body in bytes."""
    max_pixels: int = 50_000_000
    """Maximum number of pixels of a decoded picture; phones take up to so many."""
    decoding_bytes: int = 1024 * MEBIBYTE
    """Memory budget in bytes of all pictures that are being decoded."""

    def of_further(self, name: str) -> ServeSettings:
        """Return the settings of a further collection, which stores no feedback."""
        changed: dict[str, Any] = {
            "collection": self.further[name],
            "further": {},
            "vectors": None,
            "keep": None,
        }
        return self.model_copy(update=changed)

    @property
    def limits(self) -> Limits:
        """Limits of photos that anybody may send: what cameras, phones and shops write."""
        return replace(self.product_limits, kinds=PHOTOGRAPHED)

    @property
    def product_limits(self) -> Limits:
        """Limits of pictures of products, which need the write key."""
        return Limits(
            max_bytes=self.max_bytes,
            max_pixels=self.max_pixels,
            max_decoded=self.decoding_bytes,
            max_scans=MAX_SCANS,
            rare=False,
        )

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def known_names(self) -> frozenset[str]:
        """Host names of the server."""
        return frozenset(("localhost", self.host.lower(), *self.names))


def is_address(host: str) -> bool:
    """Return whether a host is an IP address; IPv6 addresses may have brackets."""
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
