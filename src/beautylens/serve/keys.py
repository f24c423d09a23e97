"""Keys of a server: the write key, and the read keys with their limits."""

from __future__ import annotations

import hashlib
import math
import os
import re
import stat
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import ConfigDict, Field

from beautylens.errors import ServeError
from beautylens.recipe.settings import Settings

SHORTEST_KEY = 16
# Names are labels of metrics.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class ReadKey(Settings):
    """A key that allows searches."""

    # Error messages must not contain the key.
    model_config = ConfigDict(hide_input_in_errors=True)

    name: str
    """Name in the metrics."""
    key: str = Field(repr=False)
    per_minute: int | None = None
    """Photos a minute; None for no limit."""


class Limiter:
    """Counts the photos of one key: a token bucket that one minute fills.

    Args:
        per_minute: photos a minute, and at most at once; None for no limit.
        clock: returns seconds.
    """

    def __init__(self, per_minute: int | None, clock: Callable[[], float]) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._tokens, self._since = float(per_minute or 0), clock()

    def wait(self) -> int:
        """Return the seconds until a photo is allowed; 0 if one is now."""
        if self._per_minute is None:
            return 0
        now, rate = self._clock(), self._per_minute / 60
        refilled = self._tokens + (now - self._since) * rate
        self._tokens, self._since = min(self._per_minute, refilled), now
        return 0 if self._tokens >= 1 else math.ceil((1 - self._tokens) / rate)

    def take(self, photos: int) -> None:
        """Count photos, of which a batch may have more than are left."""
        self._tokens -= photos


class ReadKeys:
    """The read keys of a server. Each process has counts of its own.

    Args:
        keys: with different names.
        clock: returns seconds.
    """

    def __init__(
        self, keys: Sequence[ReadKey], clock: Callable[[], float] = time.monotonic
    ) -> None:
        # By digest, so that the time of a look-up reveals nothing of the keys.
        self._names = {_digest(each.key): each.name for each in keys}
        self.limiters = {each.name: Limiter(each.per_minute, clock) for each in keys}

    def __bool__(self) -> bool:
        return bool(self._names)

    def name_of(self, given: str) -> str | None:
        """Return the name of a key; None if it is not one of them."""
        return self._names.get(_digest(given))


def bearer(authorization: str) -> str:
    """Return the key of an `Authorization` header; empty if there is none."""
    kind, _, given = authorization.partition(" ")
    return given.strip() if kind.lower() == "bearer" else ""


def read_key(file: Path | None) -> str:
    """Return the write key from a file or from BEAUTYLENS_KEY; an empty text if there is none.

    Raises:
        ServeError: when the file cannot be read, others may read or change it, or the key is too
            short or has invalid characters.
    """
    try:
        if file:
            _refuse_shared(file, "the write key")
        key = (file.read_text("utf-8") if file else os.environ.get("BEAUTYLENS_KEY", "")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ServeError(f"{file} cannot be read; give a file with the write key") from error
    if (file or key) and len(key) < SHORTEST_KEY:
        raise ServeError(
            f"the write key has {len(key)} characters but needs at least {SHORTEST_KEY}; create "
            "one with `openssl rand -hex 24`"
        )
    if not key.isascii() or any(letter.isspace() for letter in key):
        raise ServeError(
            "the write key has characters that HTTP headers cannot contain; use a-z and 0-9"
        )
    return key


def _refuse_shared(file: Path, keys: str) -> None:
    """Raise if other users may read or change a file with keys."""
    if sys.platform == "win32":
        # File modes do not describe permissions there.
        return
    mode = file.stat().st_mode
    # A pipe is fine: a shell passes one for `--key-file <(...)`.
    if stat.S_ISREG(mode) and mode & (stat.S_IWGRP | stat.S_IRWXO):
        raise ServeError(
            f"other users may read or change {file}, which contains {keys} (mode "
            f"{stat.S_IMODE(mode):04o}); run `chmod 600 {file}`, or mount it with mode 0400"
        )


def read_read_keys(file: Path | None) -> tuple[ReadKey, ...]:
    """Return the read keys of a file: on each line `name key [photos per minute]`.

    Raises:
        ServeError: when the file cannot be read, others may read or change it, or a line is wrong.
    """
    if file is None:
        return ()
    try:
        _refuse_shared(file, "read keys")
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ServeError(f"{file} cannot be read; give a file with read keys") from error
    keys = tuple(
        _read_key(words, f"line {number} of {file}")
        for number, words in enumerate(map(str.split, lines), start=1)
        if words and not words[0].startswith("#")
    )
    if not keys:
        raise ServeError(f"{file} has no keys; write `name key [photos per minute]` on each line")
    for values in ([each.name for each in keys], [each.key for each in keys]):
        if len(set(values)) < len(values):
            raise ServeError(f"two lines of {file} have the same name or key; remove one")
    return keys


def _read_key(words: Sequence[str], line: str) -> ReadKey:
    """Return the key of a line; messages do not contain it."""
    if len(words) not in (2, 3) or not _NAME.fullmatch(words[0]):
        raise ServeError(
            f"{line} is not `name key [photos per minute]`; names have letters, digits, '_', '.' "
            "and '-'"
        )
    if len(words[1]) < SHORTEST_KEY or not words[1].isascii():
        raise ServeError(
            f"the key on {line} is shorter than {SHORTEST_KEY} characters, or not ASCII; create "
            "one with `openssl rand -hex 24`"
        )
    limit = words[2] if len(words) == 3 else None
    if limit is not None and not re.fullmatch(r"[1-9][0-9]{0,5}", limit):
        raise ServeError(f"the limit on {line} is {limit!r}; give photos per minute, 1 to 999999")
    return ReadKey(name=words[0], key=words[1], per_minute=None if limit is None else int(limit))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
