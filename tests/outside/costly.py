"""Requests that cost little to send, and would cost a careless server much to read."""

from __future__ import annotations

from hypothesis import strategies as st

NESTED = ["STRUCT(" * 60, "OBJECT(" * 60, "UNION(" * 60, "(" * 500, "NOT " * 120, "brand IN (" * 50,
          "CASE WHEN " * 49, "ARRAY<" * 80, "'" * 499, "brand='' OR (" * 38]  # fmt: skip
_NAMES = ["brand", "name", "Brand", "x", "1", "-1.5", "'x'", "''", "'", '"', "`"]
_KEYWORDS = ["AND", "OR", "NOT", "LIKE", "ILIKE", "IN", "BETWEEN", "IS", "NULL"]
_SIGNS = ["(", "((", ")", "))", ",", "=", "==", "<>", "!=", "<", "<=", ">", ">="]
_NEVER = ["STRUCT(", "OBJECT(", "UNION(", "ARRAY[", "CASE", "WHEN", "CAST(", "--", "/*", ";", "::"]
WORDS = st.sampled_from(_NAMES + _KEYWORDS + _SIGNS + _NEVER)
FILTERS = st.one_of(
    st.lists(WORDS, max_size=120).map(" ".join),
    st.tuples(WORDS, st.integers(1, 250)).map(lambda given: given[0] * given[1]),
    st.text(max_size=500),
)
"""Filters of strangers, most of which are none."""

HEAD = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\n"
FORM = b"Content-Type: multipart/form-data; boundary=x\r\n"
JSON = b"Content-Type: application/json\r\n"
PART = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
LARGE = 19_000_000


def with_body(body: bytes, headers: bytes = FORM) -> bytes:
    return HEAD + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


COSTLY = {
    "semicolons": HEAD + b"Content-Type: text/plain" + b";" * 60_000 + b"\r\n\r\n",
    "quoted": HEAD + b'Content-Type: text/plain; a="' + b";" * 60_000 + b"\r\n\r\n",
    "just short enough": HEAD
    + b"Content-Type: a/b"
    + b";" * 490
    + b"\r\nContent-Length: 1\r\n\r\n",
    "headers": HEAD + b"a: b\r\n" * 10_000 + b"\r\n",
    "folded": HEAD + b"a: b\r\n" + b" c\r\n" * 15_000 + b"\r\n",
    "chunks": HEAD + FORM + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 1_000_000,
    "ampersands": with_body(b"&" * LARGE, b"Content-Type: application/x-www-form-urlencoded\r\n"),
    "boundaries": with_body(PART + b"\r\n--y" * (LARGE // 5)),
    "returns": with_body(PART + b"\r" * LARGE),
    "parts": with_body(PART * (LARGE // len(PART))),
    "a part's header": with_body(PART[:-4] + b";" * LARGE),
    "parts' headers": with_body((PART[:-5] + b";" * 4_000 + b"\r\n\r\na\r\n") * 26),
    "JSON of base64": with_body(b'{"image": "' + b"-" * LARGE + b'!"}', JSON),
    "JSON of letters": with_body(b'{"image": "' + b"\xc3\xa9" * (LARGE // 2) + b'"}', JSON),
    "JSON of lists": with_body(b"[" + b"[]," * (LARGE // 3) + b"]", JSON),
    "a query": b"GET /v1/products/a/image?"
    + b"a&" * 30_000
    + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
}
