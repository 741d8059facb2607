"""Turns an Arduino sketch into C++, as the Arduino tools do.

Two things make the difference: ``#include <Arduino.h>`` on top, and a prototype
of every function before the first one, so that functions may be used above
their definition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["to_cpp"]

_SKIP = re.compile(
    r"""//[^\n]*                      # line comment
    |/\*.*?(?:\*/|\Z)              # block comment
    |R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"   # raw string
    |"(?:\\.|[^"\\\n])*"?          # string
    |'(?:\\.|[^'\\\n])*'?          # character
    |^[ \t]*\#(?:\\\n|[^\n])*      # preprocessor line
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_HEADER = re.compile(
    r"""(?P<type>[A-Za-z_][\w:<>,\s*&\[\]]*?[\s*&])
    (?P<name>[A-Za-z_]\w*)\s*\((?P<parameters>[^(){};=]*)\)\s*\Z""",
    re.VERBOSE,
)
_NO_FUNCTION = re.compile(
    r"\b(class|struct|union|enum|namespace|template|typedef|using|extern|return|else"
    r"|operator|constexpr)\b"
)


def _blank(source: str) -> str:
    """`source` with comments, strings and directives as spaces, lines kept."""
    return _SKIP.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)


def _definitions(plain: str) -> Iterator[tuple[int, str]]:
    """Place and prototype of each function that is defined at file level."""
    depth, start = 0, 0
    for match in re.finditer(r"[{};]", plain):
        brace = match[0]
        if brace == "{":
            if depth == 0:
                head = plain[start : match.start()]
                found = _HEADER.search(head)
                if found and not _NO_FUNCTION.search(head):
                    words = " ".join(found[0].split())
                    yield start + len(head) - len(head.lstrip()), f"{words};"
            depth += 1
        elif brace == "}":
            depth = max(depth - 1, 0)
        if depth == 0:
            start = match.end()


def to_cpp(source: str, path: str) -> str:
    """The sketch as a C++ file; messages of a compiler name `path` and its lines."""
    source = source.replace("\r\n", "\n")
    name = re.sub(r'["\\\n]', "_", path)
    definitions = list(_definitions(_blank(source)))
    head = "#include <Arduino.h>\n"
    if not definitions:
        return f'{head}#line 1 "{name}"\n{source}'
    at = definitions[0][0]
    line = source.count("\n", 0, at) + 1
    # Defaults of parameters may be given once, and are in the definition.
    prototypes = "\n".join(text for _, text in definitions if "=" not in text)
    return (
        f'{head}#line 1 "{name}"\n{source[:at]}\n{prototypes}\n'
        f'#line {line} "{name}"\n{source[at:]}'
    )
