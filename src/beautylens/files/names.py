"""Names of files made of texts of others: ids, titles, names of photos."""

from __future__ import annotations

import hashlib
import re

from beautylens.inputs.unicode_text import composed

LONGEST = 100
"""Bytes of a name: a prefix and a suffix fit beside it into the 255 that file systems allow."""
_UNFIT = re.compile(r"[^\w.-]|^\.|\.$")
# What Windows takes for a device, whatever follows its dot.
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com\d|lpt\d)(?=\.|$)", re.IGNORECASE)


def readable_name(text: str) -> str:
    """Return a name for a file or folder that any system takes, as near to a text as can be.

    Different texts may give one name: whoever writes several beside each other numbers them.
    """
    name = _UNFIT.sub("_", composed(text)) or "_"
    name = _DEVICES.sub(r"\1_", name, count=1)
    return name.encode()[:LONGEST].decode(errors="ignore")


def file_name(text: str) -> str:
    """Return a name for a file or folder that no other text has.

    That is the text itself where it is short and of small letters, digits, `_`, `-` and dots that
    any system keeps; else a readable part of it and its digest, for some systems do not tell `A`
    from `a`.
    """
    name = readable_name(text)
    if name == text == text.lower():
        return name
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()
    return f"{name}-{digest}"
