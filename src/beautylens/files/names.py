"""File names derived from untrusted texts: ids, titles, names of photos."""

from __future__ import annotations

import hashlib
import re

from beautylens.inputs.unicode_text import composed

# Longest name in bytes: with a prefix and a suffix it is below 255, the limit of file systems.
LONGEST = 100
_UNFIT = re.compile(r"[^\w.-]|^\.|\.$")
# Names that Windows reserves for devices, with any suffix.
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com\d|lpt\d)(?=\.|$)", re.IGNORECASE)


def readable_name(text: str) -> str:
    """Return a name for a file or folder that is valid on every system and resembles a text.

    Different texts may have the same name.
    """
    name = _UNFIT.sub("_", composed(text)) or "_"
    name = _DEVICES.sub(r"\1_", name, count=1)
    return name.encode()[:LONGEST].decode(errors="ignore")


def file_name(text: str) -> str:
    """Return a unique name for a file or folder.

    It is the text itself if that is short, lower-case and valid on every system; otherwise a
    readable part and a digest, since some file systems are case-insensitive.
    """
    name = readable_name(text)
    if name == text == text.lower():
        return name
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()
    return f"{name}-{digest}"
