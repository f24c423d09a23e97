"""Checks of HTTP redirects: none to other ports, none into a private network."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}
# Reasons to refuse a redirect that is allowed to a trusted host.
ANOTHER_PORT = "redirects to another port"
PRIVATE = "redirects into a private network"
_STANDARD = frozenset(_PORTS.values())
# Names that the user trusts, as host or host:port in lower case.
_TRUSTED: set[str] = set()
# IPv6 addresses that a gateway translates to IPv4 (NAT64, RFC 6052).
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


def trust_redirects_to(hosts: Iterable[str]) -> None:
    """Let any host redirect to these, at any port or at the one given, for the whole process.

    Args:
        hosts: such as cdn.internal or cdn.internal:8443.
    """
    _TRUSTED.update(host.lower() for host in hosts)


def is_trusted(address: str) -> bool:
    """Return whether the user trusts the host of an address."""
    parts = urlsplit(address)
    return not _TRUSTED.isdisjoint((parts.hostname or "", f"{parts.hostname}:{_port(parts)}"))


def redirect_problem(source: str, target: str) -> str | None:
    """Return why a redirect is refused, in a few words; None if it is allowed.

    A host may redirect to its own standard ports and to other public hosts, but not to this machine
    or its private network (server-side request forgery), unless the user trusts the host.

    Args:
        source: the requested address.
        target: the absolute address of the redirect.

    Raises:
        ValueError: when one of them is not an address.
    """
    asked, named = urlsplit(source), urlsplit(target)
    if named.scheme not in _PORTS or not named.hostname:
        return "redirects to no http or https address"
    if is_trusted(target):
        return None
    if named.hostname == asked.hostname:
        ports = {_port(named), _port(asked)}
        return None if len(ports) == 1 or ports == _STANDARD else ANOTHER_PORT
    if _port(named) not in _STANDARD:
        return ANOTHER_PORT
    return None if _has_public_addresses(named.hostname) else PRIVATE


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
