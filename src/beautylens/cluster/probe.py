"""What answers at the address of a Ray cluster, asked before Ray, which retries for minutes."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from beautylens.errors import CollectionError

# Ray's own address of its client, of which `ray start --head` says the port.
CLIENT = "ray://"
# A method of the cluster's head, and one of the server of Ray's client.
_HEAD, _CLIENT_SERVER = (
    "/ray.rpc.NodeInfoGcsService/GetClusterId",
    "/ray.rpc.RayletDriver/ClusterInfo",
)
_SECONDS = 10
# An empty SETTINGS frame of HTTP/2: length 0, type 4, no flags, stream 0.
_SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def prepare(cluster: str) -> None:
    """Check that a cluster answers, and let Ray send a token if the cluster wants one.

    Addresses without a port, such as `auto`, are left to Ray.

    Raises:
        CollectionError: when something else is there, or a token is missing or wrong.
        OSError: when nothing answers.
    """
    target = cluster.rpartition("://")[2]
    host, colon, port = target.rpartition(":")
    if not colon or not port.isdigit():
        return
    host = host.strip("[]")
    with socket.create_connection((host, int(port)), timeout=_SECONDS) as connection:
        if os.environ.get("RAY_USE_TLS") == "1":
            return
        # Ray uses gRPC over HTTP/2: the preface is answered by a SETTINGS frame.
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _SETTINGS)
        if connection.recv(len(_SETTINGS))[3:4] != _SETTINGS[3:4]:
            raise OSError("the server there is not Ray")
    method, other = _HEAD, _CLIENT_SERVER
    if cluster.startswith(CLIENT):
        method, other = other, method
    status = _status(target, method)
    if status == "UNIMPLEMENTED":
        if _status(target, other) != "UNIMPLEMENTED":
            _refuse_other_port(cluster, target)
        raise OSError("the server there is not Ray")
    if status == "UNAUTHENTICATED":
        _use_token(cluster, target, method, host)


def _refuse_other_port(cluster: str, target: str) -> None:
    if cluster.startswith(CLIENT):
        raise CollectionError(
            f"{target} is the port of a Ray cluster, not of its client: give --ray {target}, or "
            f"the client's port, 10001 unless `ray start` had another: --ray {CLIENT}HOST:10001"
        )
    raise CollectionError(f"{target} is the port of Ray's client: give --ray {CLIENT}{target}")


def _use_token(cluster: str, target: str, method: str, host: str) -> None:
    """Let Ray send its token to a cluster that wants one.

    Ray itself sends none to an address that is named, unless `RAY_AUTH_MODE=token` is set. That is
    set here for a token in the environment, and for a cluster on this machine; another one is not
    sent the token of this machine's cluster unasked.
    """
    token, source = _token()
    remedy = (
        "copy ~/.ray/auth_token of its first machine to this one, or set RAY_AUTH_TOKEN, and set "
        "RAY_AUTH_MODE=token"
    )
    if not token:
        raise CollectionError(f"the Ray cluster at {cluster} wants a token: {remedy}")
    asked = os.environ.get("RAY_AUTH_MODE", "").lower() == "token"
    if not (asked or source.startswith("RAY_") or _is_here(host)):
        raise CollectionError(
            f"the Ray cluster at {cluster} wants a token; if {source} has it, set "
            f"RAY_AUTH_MODE=token; else {remedy}"
        )
    if _status(target, method, token) == "UNAUTHENTICATED":
        raise CollectionError(
            f"the Ray cluster at {cluster} refuses the token of {source}: {remedy}"
        )
    os.environ["RAY_AUTH_MODE"] = "token"


def _token() -> tuple[str, str]:
    """Return the token that Ray would send, and where it comes from."""
    if token := os.environ.get("RAY_AUTH_TOKEN", "").strip():
        return token, "RAY_AUTH_TOKEN"
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    file = Path(named) if named else Path.home() / ".ray" / "auth_token"
    try:
        return file.read_text("utf-8").strip(), "RAY_AUTH_TOKEN_PATH" if named else str(file)
    except (OSError, UnicodeDecodeError):
        return "", ""


def _is_here(host: str) -> bool:
    """Return whether a host is this machine: only its own addresses can be bound."""
    try:
        family, kind, protocol, _, (address, *_) = socket.getaddrinfo(
            host, None, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as listening:
            listening.bind((address, 0))
    except OSError:
        return False
    return True


def _status(target: str, method: str, token: str = "") -> str:
    """Return the gRPC status of a call without content; empty if that cannot be told."""
    try:
        import grpc
    except ImportError:
        # Ray itself works without it.
        return ""
    # As Ray does; a proxy would be for the web.
    options = [("grpc.enable_http_proxy", 0)]
    metadata = [("authorization", f"Bearer {token}")] if token else []
    with grpc.insecure_channel(target, options=options) as channel:
        call = channel.unary_unary(method, request_serializer=None, response_deserializer=None)
        try:
            call(b"", timeout=_SECONDS, metadata=metadata)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"
