"""Filters: conditions on the catalogue's columns, parsed from text in linear time."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from beautylens.catalogue.typed_cells import has_numbers
from beautylens.errors import QueryError
from beautylens.inputs.several import several
from beautylens.inputs.unicode_text import composed
from beautylens.store.conditions import Comparison, Condition, Joined, Negation, literal

# Depth to which brackets and NOT may be nested; Lance takes about fifteen.
MAX_DEPTH = 12
HELP = (
    "compare columns with texts or numbers by =, <>, <, <=, >, >=, LIKE, ILIKE, IN, BETWEEN or IS "
    "NULL (empty), combined by AND, OR and NOT"
)
_COMPARED = {
    "=": "=",
    "==": "=",
    "<>": "<>",
    "!=": "<>",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}
_ORDERED = frozenset(("<", "<=", ">", ">=", "BETWEEN"))
_NUMBER = re.compile(r"\s*[+-]?\d+(?:\.\d+)?\s*")
_KEYWORDS = frozenset(("AND", "OR", "NOT", "LIKE", "ILIKE", "IN", "BETWEEN", "IS", "NULL"))
# Every alternative is possessive or one repeated class, so that no input makes it backtrack.
_TOKEN = re.compile(
    r"(?P<space>\s++)|(?P<text>'(?:[^']|'')*+')|(?P<quoted>\"(?:[^\"]|\"\")*+\"|`(?:[^`]|``)*+`)"
    r"|(?P<word>[^\W\d]\w*+)|(?P<number>[+-]?\d++(?:\.\d*+)?)|(?P<operator><>|!=|<=|>=|==|[=<>(),])"
)


def parse_filter(where: str, columns: Sequence[str]) -> Condition:
    """Return the condition of a filter.

    Column names match in any case if that leaves one column; names with characters other than
    letters, digits and _ are written between double quotes or backticks.

    Args:
        where: such as "brand = 'Dior' AND name LIKE '%rouge%'".
        columns: columns that may be compared.

    Raises:
        QueryError: when the filter is invalid.
    """
    return _Parser(composed(where), several(columns)).parse()


def parse_sql(sql: str, columns: Sequence[str]) -> Condition:
    """Return the condition of SQL that the store wrote, such as by `to_sql`.

    Args:
        sql: comparisons and lists of ids; texts stay as they are spelt.
        columns: columns that may be compared.

    Raises:
        QueryError: when it is no such SQL.
    """
    return _SqlParser(sql, several(columns)).parse()


def column_named(name: str, columns: Sequence[str]) -> str:
    """Return the column of this name, in any case if it is the only one.

    Raises:
        QueryError: when there is none, or several in other cases.
    """
    if name in columns:
        return name
    alike = [column for column in columns if column.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    near = difflib.get_close_matches(name, columns, 1) if len(name) < 100 else []
    either = f"write {alike[0]!r} or {alike[1]!r}" if alike else ""
    nearest = f"did you mean {near[0]!r}?" if near else ""
    hint = either or nearest
    raise QueryError(f"unknown column {name!r}" + (f"; {hint}" if hint else ""))


class _Token(NamedTuple):
    kind: str
    text: str

    @property
    def keyword(self) -> str:
        """The keyword or operator; empty for texts, names and numbers."""
        if self.kind == "operator":
            return self.text
        word = self.text.upper() if self.kind == "word" else ""
        return word if word in _KEYWORDS else ""


_END = _Token("end", "")


class _Parser:
    """Recursive-descent parser of one filter, at most `max_depth` calls deep."""

    max_depth = MAX_DEPTH

    def __init__(self, where: str, columns: Sequence[str]) -> None:
        self._where, self._columns = where, columns
        self._tokens = self._tokenise()
        self._next, self._depth = 0, 0

    def parse(self) -> Condition:
        condition = self._either()
        if self._peek is not _END:
            raise self._wrong(f"{self._peek.text!r} is not expected there")
        return condition

    @property
    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._peek
        self._next += token is not _END
        return token

    def _taken(self, keyword: str) -> bool:
        found = self._peek.keyword == keyword
        self._next += found
        return found

    def _expect(self, keyword: str) -> None:
        if not self._taken(keyword):
            raise self._wrong(f"{keyword!r} is missing {self._before()}")

    def _either(self) -> Condition:
        return self._joined("OR", self._all)

    def _all(self) -> Condition:
        return self._joined("AND", self._single)

    def _joined(self, word: str, part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self._taken(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))

    def _single(self) -> Condition:
        if self._peek.keyword not in ("NOT", "("):
            return self._comparison()
        self._depth += 1
        if self._depth > self.max_depth:
            raise self._wrong(f"brackets and NOT are nested more than {self.max_depth} deep")
        condition: Condition
        if self._taken("NOT"):
            condition = Negation(self._single())
        else:
            self._expect("(")
            condition = self._either()
            self._expect(")")
        self._depth -= 1
        return condition

    def _comparison(self) -> Comparison:
        column = self._column()
        token = self._take()
        if token.keyword in _COMPARED:
            return self._compared(column, _COMPARED[token.keyword], [self._operand()])
        if token.keyword == "IS":
            negated = self._taken("NOT")
            self._expect("NULL")
            return Comparison(column, "NULL", (), negated)
        negated = token.keyword == "NOT"
        operator = (self._take() if negated else token).keyword
        if operator in ("LIKE", "ILIKE"):
            return Comparison(column, operator, (self._text(),), negated)
        if operator == "BETWEEN":
            low = self._operand()
            self._expect("AND")
            return self._compared(column, operator, [low, self._operand()], negated=negated)
        if operator == "IN":
            return self._compared(column, operator, self._list(), negated=negated)
        raise self._wrong(f"column {column!r} is not followed by a comparison")

    def _operand(self) -> _Token:
        """Take a number or a text."""
        token = self._take()
        if token.kind != "number":
            self._text(token)
        return token

    def _compared(
        self, column: str, operator: str, operands: Sequence[_Token], *, negated: bool = False
    ) -> Comparison:
        numbers = [token.text.lstrip("+").rstrip(".") for token in operands]
        if all(token.kind == "number" for token in operands):
            return Comparison(column, operator, tuple(numbers), negated, numeric=True)
        texts = tuple(self._text(token) for token in operands)
        number = next((text for text in texts if _NUMBER.fullmatch(text)), None)
        if number is not None and operator in _ORDERED and has_numbers(column):
            raise self._wrong(
                f"{column!r} has numbers, and in quotes '10' is less than '9': write {number} "
                "without quotes"
            )
        return Comparison(column, operator, texts, negated)

    def _list(self) -> list[_Token]:
        self._expect("(")
        operands = [self._operand()]
        while self._taken(","):
            operands.append(self._operand())
        self._expect(")")
        return operands

    def _column(self) -> str:
        token = self._take()
        if token.kind == "text":
            raise self._wrong(f"a column is expected in place of the text {token.text}")
        if token.kind not in ("word", "quoted") or token.keyword:
            raise self._wrong(f"a column is missing {self._before(token)}")
        if self._peek.text == "(" and token.kind == "word":
            raise self._wrong(f"functions such as {token.text.upper()!r} are not supported")
        return self._named(_unquoted(token))

    def _named(self, name: str) -> str:
        try:
            return column_named(name, self._columns)
        except QueryError as error:
            raise self._wrong(str(error)) from None

    def _text(self, token: _Token | None = None) -> str:
        token = token or self._take()
        if token.kind == "text":
            return token.text[1:-1].replace("''", "'")
        if token.kind == "number":
            raise self._wrong(f"a text is expected in place of {token.text}: write '{token.text}'")
        if token.kind in ("word", "quoted") and not token.keyword:
            raise self._wrong(f"texts need single quotes: write {literal(_unquoted(token))}")
        raise self._wrong(f"a text in single quotes is missing {self._before(token)}")

    def _before(self, token: _Token | None = None) -> str:
        text = (token or self._peek).text
        return f"before {text!r}" if text else "at the end"

    def _tokenise(self) -> list[_Token]:
        tokens, at = [], 0
        while at < len(self._where):
            found = _TOKEN.match(self._where, at)
            if found is None:
                raise self._wrong(_unreadable(self._where[at]))
            if found.lastgroup != "space":
                tokens.append(_Token(found.lastgroup or "", found[0]))
            at = found.end()
        return [*tokens, _END]

    def _wrong(self, reason: str) -> QueryError:
        return QueryError(
            f"invalid filter {self._where!r}: {reason}; {HELP}; the columns are "
            f"{', '.join(self._columns)}"
        )


# The functions of a column that `to_sql` writes, and what follows the column in their brackets.
_CALLS = {"TRY_CAST": ("AS", "DOUBLE"), "NULLIF": (",", "''")}


class _SqlParser(_Parser):
    """Parser of the SQL that the store writes: also TRY_CAST, NULLIF, and NULL for no ids."""

    # Conditions that the store joins are deeper.
    max_depth = 4 * MAX_DEPTH

    def _column(self) -> str:
        rest = _CALLS.get(self._peek.text)
        if rest is None:
            return super()._column()
        self._take()
        self._expect("(")
        column = super()._column()
        for text in (*rest, ")"):
            if self._take().text != text:
                raise self._wrong(f"{text!r} is missing {self._before()}")
        return column

    def _list(self) -> list[_Token]:
        self._expect("(")
        if self._taken("NULL"):
            self._expect(")")
            return []
        self._next -= 1
        return super()._list()


def _unquoted(token: _Token) -> str:
    if token.kind == "word":
        return token.text
    quote = token.text[0]
    return token.text[1:-1].replace(2 * quote, quote)


def _unreadable(character: str) -> str:
    if character in "'\"`":
        return f"a quote {character} is not closed"
    if character in "\u2018\u2019\u201a\u201c\u201d\u201e":
        return f"texts need straight single quotes, not {character}"
    return f"unexpected character {character!r}"
