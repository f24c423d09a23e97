"""Checks of HTTP redirects: none to other ports, none into a private network."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}
_STANDARD = frozenset(_PORTS.values())
# IPv6 addresses that a gateway translates to IPv4 (NAT64, RFC 6052).
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


def redirect_problem(source: str, target: str) -> str | None:
    """Return why a redirect is refused, in a few words; None if it is allowed.

    A host may redirect to its own standard ports and to other public hosts, but not to this machine
    or its private network (server-side request forgery).

    Args:
        source: the requested address.
        target: the absolute address of the redirect.

    Raises:
        ValueError: when one of them is not an address.
    """
    asked, named = urlsplit(source), urlsplit(target)
    if named.scheme not in _PORTS or not named.hostname:
        return "redirects to no http or https address"
    if named.hostname == asked.hostname:
        ports = {_port(named), _port(asked)}
        return None if len(ports) == 1 or ports == _STANDARD else "redirects to another port"
    if _port(named) not in _STANDARD:
        return "redirects to another port"
    return None if _has_public_addresses(named.hostname) else "redirects into a private network"


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS.get(parts.scheme, 0)


def _has_public_addresses(host: str) -> bool:
    """Return whether all IP addresses of a host are public; a host without any counts as public."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return True
    return all(is_public(str(address[0])) for *_, address in found)


def is_public(address: str) -> bool:
    """Return whether an IP address is public and unicast."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        behind = ip.ipv4_mapped or ip.sixtofour
        if ip in _TRANSLATED:
            behind = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        ip = behind or ip
    return ip.is_global and not ip.is_multicast
