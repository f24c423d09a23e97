"""Which redirects of the web are followed: none to other ports, and none into a private network."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}
STANDARD = frozenset(_PORTS.values())


def refusal(address: str, further: str) -> str | None:
    """Return why a redirect is not followed, in a few words; None where it is.

    A host that a catalogue names may lead to its own standard ports and to other public hosts. It
    may not have this machine ask itself, or what only this machine's network can reach.

    Args:
        address: that was asked.
        further: where its answer leads, whole.

    Raises:
        ValueError: when one of them is no address.
    """
    asked, led = urlsplit(address), urlsplit(further)
    if led.scheme not in _PORTS or not led.hostname:
        return "leads to no http or https address"
    if led.hostname == asked.hostname:
        ports = {_port(led), _port(asked)}
        return None if len(ports) == 1 or ports == STANDARD else "leads to another port"
    if _port(led) not in STANDARD:
        return "leads to another port"
    return None if _is_public(led.hostname) else "leads into a private network"


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS.get(parts.scheme, 0)


def _is_public(host: str) -> bool:
    """Tell whether all addresses of a host are public, if it has any: asking it shows that."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return True
    for *_, address in found:
        ip = ipaddress.ip_address(str(address[0]).partition("%")[0])
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if not ip.is_global:
            return False
    return True
