"""Which redirects of the web are followed: none to other ports, and none into a private network."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}
_STANDARD = frozenset(_PORTS.values())


def redirect_problem(source: str, target: str) -> str | None:
    """Return why a redirect is not followed, in a few words; None where it is.

    A host that a catalogue names may redirect to its own standard ports and to other public hosts.
    It may not make this machine ask itself, or what only this machine's network can reach.

    Args:
        source: the address that was asked.
        target: the address that its answer names, absolute.

    Raises:
        ValueError: when one of them is no address.
    """
    asked, named = urlsplit(source), urlsplit(target)
    if named.scheme not in _PORTS or not named.hostname:
        return "redirects to no http or https address"
    if named.hostname == asked.hostname:
        ports = {_port(named), _port(asked)}
        return None if len(ports) == 1 or ports == _STANDARD else "redirects to another port"
    if _port(named) not in _STANDARD:
        return "redirects to another port"
    return None if _is_public(named.hostname) else "redirects into a private network"


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS.get(parts.scheme, 0)


def _is_public(host: str) -> bool:
    """Tell whether all IP addresses of a host are public; a host without any counts as public."""
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
