"""Connections of the HTTP client, whose addresses are checked once they are connected.

The check of a name beforehand (`redirects`) is not enough: its DNS server may give another address
to the connection that follows.
"""

from __future__ import annotations

import socket

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from beautylens.files.redirects import is_public
from beautylens.files.web_errors import WebError

# Names that had a public address in this process.
_PUBLIC: set[str] = set()


class _Checked(HTTPConnection):
    """A connection to a host, which must not move into a private network."""

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        if is_public(connected.getpeername()[0]):
            _PUBLIC.add(self.host.lower())
        elif self.host.lower() in _PUBLIC:
            connected.close()
            raise WebError("moved into a private network", lasting=True)
        return connected


class _Public(_Checked):
    """A connection to a public address."""

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        if not is_public(connected.getpeername()[0]):
            connected.close()
            raise WebError("redirects into a private network", lasting=True)
        return connected


class _CheckedTLS(_Checked, HTTPSConnection):
    """`_Checked` over TLS."""


class _PublicTLS(_Public, HTTPSConnection):
    """`_Public` over TLS."""


class _CheckedPool(HTTPConnectionPool):
    ConnectionCls = _Checked


class _CheckedPoolTLS(HTTPSConnectionPool):
    ConnectionCls = _CheckedTLS


class _PublicPool(HTTPConnectionPool):
    ConnectionCls = _Public


class _PublicPoolTLS(HTTPSConnectionPool):
    ConnectionCls = _PublicTLS


def pools(*, public: bool) -> dict[str, type[HTTPConnectionPool]]:
    """Return the classes of connections by scheme.

    Args:
        public: whether they connect to public addresses only; otherwise to any, but a name that had
            a public address gets no private one.
    """
    if public:
        return {"http": _PublicPool, "https": _PublicPoolTLS}
    return {"http": _CheckedPool, "https": _CheckedPoolTLS}
