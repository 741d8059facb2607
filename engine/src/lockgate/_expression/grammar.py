"""The grammar of `lockgate.expression`: text to a small tree of nodes.

::

    or         = and ("or" and)*
    and        = not ("and" not)*
    not        = "not" not | comparison
    comparison = path [("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in") path]
    path       = atom ("." NAME | "[" or "]")*
    atom       = literal | NAME | call | "(" or ")" | "[" [or ("," or)*] "]"
    call       = ("len" "(" or | ("any" | "all") "(" or "," or) ")"

A name may hold inner hyphens (``steps.my-step``): there is no arithmetic that
they could be mistaken for. The parser is ours; Python's is never asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lockgate._expression.nodes import (
    Call,
    Code,
    Compare,
    ExpressionError,
    Junction,
    JunctionWord,
    ListOf,
    Literal,
    Lookup,
    Name,
    Node,
    Not,
)

__all__ = ["DEPTH_LIMIT", "LENGTH_LIMIT_CHARS", "parse"]

LENGTH_LIMIT_CHARS = 2_000
"""Longest expression: a condition that a reader can still check by eye."""
DEPTH_LIMIT = 32
"""Deepest nesting: far below the interpreter's own recursion limit."""
_NUMBER_LIMIT_CHARS = 32


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # name, number, string, op, end
    text: str
    column: int


_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
      (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*)
    | (?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    | (?P<op>==|!=|<=|>=|[-<>()\[\].,])
    | (?P<end>\}|\Z)
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "t": "\t", "r": "\r"}
_CONSTANTS: dict[str, bool | None] = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "None": None,
}
_ARITY = {"len": 1, "any": 2, "all": 2}
_USAGE = {
    "len": "len(list)",
    "any": "any(list, condition over 'item')",
    "all": "all(list, condition over 'item')",
}
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_RESERVED = frozenset({"and", "or", "not", "in", *_CONSTANTS, *_ARITY})


def parse(source: str, start: int = 0, *, braced: bool = False) -> tuple[Node, int]:
    """Read one expression of `source` from `start`; also return where it ended.

    `braced`: it must end at a ``}``, which is taken too; else at the end of the
    text.

    Raises:
        ExpressionError: If it is no expression, or over a limit.
    """
    parser = _Parser(source, start, braced=braced)
    node = parser.disjunction()
    return node, parser.finish()


class _Parser:
    """One token of look-ahead, one method per rule, every descent counted."""

    def __init__(self, source: str, start: int, *, braced: bool) -> None:
        self._source = source
        self._start = self._at = start
        self._braced = braced
        self._depth = 0
        self._token = self._next()

    def _error(
        self, code: Code, message: str, column: int, hint: str = ""
    ) -> Exception:
        return ExpressionError(
            code, message, column=column, hint=hint, source=self._source
        )

    def _next(self) -> _Token:
        match = _TOKEN.match(self._source, self._at)
        if match is None:
            rest = self._source[self._at :].lstrip(" \t\r\n")
            column = len(self._source) - len(rest) + 1
            if rest[0] in "'\"":
                raise self._error(
                    "expression-syntax", "this text is never closed", column
                )
            message = f"{rest[0]!r} has no meaning here"
            hint = "equality is written ==" if rest[0] == "=" else ""
            raise self._error("expression-syntax", message, column, hint)
        kind = match.lastgroup or "end"
        column = match.start(kind) + 1
        if match.end() - self._start > LENGTH_LIMIT_CHARS:
            message = f"an expression has at most {LENGTH_LIMIT_CHARS} characters"
            hint = "split it into two steps"
            raise self._error("expression-limit", message, column, hint)
        self._at = match.end()
        return _Token(kind, match.group(kind), column)

    def _advance(self) -> _Token:
        token = self._token
        self._token = self._next()
        return token

    def _is(self, text: str) -> bool:
        return self._token.kind in ("op", "name") and self._token.text == text

    def _take(self, text: str) -> bool:
        if not self._is(text):
            return False
        self._advance()
        return True

    def _expect(self, text: str, where: str) -> None:
        if not self._take(text):
            message = f"{text!r} is missing {where}, there is {self._seen()}"
            raise self._error("expression-syntax", message, self._token.column)

    def _seen(self) -> str:
        return repr(self._token.text) if self._token.text else "the end"

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            message = f"an expression is nested at most {DEPTH_LIMIT} deep"
            raise self._error("expression-limit", message, self._token.column)

    def finish(self) -> int:
        """Where the expression ended, if nothing is left over."""
        token = self._token
        if token.kind != "end" or bool(token.text) != self._braced:
            if token.kind == "end" and self._braced:
                message, hint = "'}' is missing after the expression", ""
            else:
                message = f"{self._seen()} is left over after the expression"
                hint = "comparisons do not chain: join two with 'and'"
                hint = hint if token.text in _COMPARISONS else ""
            raise self._error("expression-syntax", message, token.column, hint)
        return self._at

    def disjunction(self) -> Node:
        """The rule ``or``, where every expression starts."""
        self._descend()
        node = self._junction("or")
        self._depth -= 1
        return node

    def _junction(self, word: JunctionWord) -> Node:
        column = self._token.column
        operands = [self._negation() if word == "and" else self._junction("and")]
        while self._take(word):
            operands.append(
                self._negation() if word == "and" else self._junction("and")
            )
        if len(operands) == 1:
            return operands[0]
        return Junction(word, tuple(operands), column)

    def _negation(self) -> Node:
        column = self._token.column
        if not self._take("not"):
            return self._comparison()
        self._descend()
        node = Not(self._negation(), column)
        self._depth -= 1
        return node

    def _comparison(self) -> Node:
        left = self._path()
        column = self._token.column
        operator = self._operator()
        if not operator:
            return left
        return Compare(operator, left, self._path(), column)

    def _operator(self) -> str:
        if self._token.kind == "op" and self._token.text in _COMPARISONS:
            return self._advance().text
        if self._take("in"):
            return "in"
        if self._take("not"):
            self._expect("in", "after 'not'")
            return "not in"
        return ""

    def _path(self) -> Node:
        node = self._atom()
        while self._is(".") or self._is("["):
            column = self._token.column
            if self._advance().text == ".":
                node = Lookup(node, self._key(), column)
            else:
                key = self.disjunction()
                self._expect("]", "after the index")
                node = Lookup(node, key, column)
        return node

    def _key(self) -> Node:
        token = self._token
        if token.kind != "name":
            message = f"a name must follow '.', there is {self._seen()}"
            hint = "write an index as [0]" if token.kind == "number" else ""
            raise self._error("expression-syntax", message, token.column, hint)
        self._advance()
        return Literal(token.text, token.column)

    def _atom(self) -> Node:
        token = self._token
        if token.kind == "number":
            return Literal(self._number(self._advance()), token.column)
        if token.kind == "string":
            return Literal(self._text(self._advance()), token.column)
        if token.kind == "name":
            return self._word(token)
        if self._take("("):
            node = self.disjunction()
            self._expect(")", "after what '(' opened")
            return node
        if self._take("["):
            return ListOf(self._items("]"), token.column)
        if self._take("-"):
            if self._token.kind != "number":
                message = f"a number must follow '-', there is {self._seen()}"
                hint = "there is no arithmetic"
                raise self._error("expression-syntax", message, token.column, hint)
            return Literal(-self._number(self._advance()), token.column)
        message = f"a value is missing, there is {self._seen()}"
        raise self._error("expression-syntax", message, token.column)

    def _items(self, closing: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._is(closing):
            items.append(self.disjunction())
            if not self._take(","):
                break
        self._expect(closing, "after the last item")
        return tuple(items)

    def _word(self, token: _Token) -> Node:
        self._advance()
        if token.text in _CONSTANTS:
            return Literal(_CONSTANTS[token.text], token.column)
        if self._is("("):
            return self._call(token)
        if token.text in _RESERVED:
            message = f"{token.text!r} is no name: the word is taken"
            raise self._error("expression-syntax", message, token.column)
        return Name(token.text, token.column)

    def _call(self, token: _Token) -> Node:
        if token.text not in _ARITY:
            message = f"there is no function {token.text!r}"
            hint = "the functions are all, any and len"
            raise self._error("expression-name", message, token.column, hint)
        self._advance()
        arguments = self._items(")")
        if len(arguments) != _ARITY[token.text]:
            message = f"{token.text} is written {_USAGE[token.text]}"
            raise self._error("expression-syntax", message, token.column)
        return Call(token.text, arguments, token.column)

    def _number(self, token: _Token) -> int | float:
        text = token.text
        if len(text) > _NUMBER_LIMIT_CHARS:
            message = f"a number has at most {_NUMBER_LIMIT_CHARS} characters"
            raise self._error("expression-limit", message, token.column)
        if text.isdigit():
            if text[0] == "0" and text != "0":
                message = f"a whole number has no leading zero: {text}"
                raise self._error("expression-syntax", message, token.column)
            return int(text)
        value = float(text)
        if value == float("inf"):
            message = f"{text} is larger than any number"
            raise self._error("expression-limit", message, token.column)
        return value

    def _text(self, token: _Token) -> str:
        def unescape(match: re.Match[str]) -> str:
            if match[1] not in _ESCAPES:
                message = f"\\{match[1]} is no escape"
                hint = "the escapes are \\\\ \\' \\\" \\n \\t \\r"
                column = token.column + 1 + match.start()
                raise self._error("expression-syntax", message, column, hint)
            return _ESCAPES[match[1]]

        return _ESCAPE.sub(unescape, token.text[1:-1])
