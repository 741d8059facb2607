"""Foreign text made safe: which text is taken at all, and how each language quotes it.

Everything that a spec says is hostile. A text is taken if it has no control,
format or surrogate character (so no newline, no right-to-left override); what is
taken is still escaped for the language that it is written into.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
import unicodedata

__all__ = [
    "c_comment",
    "identifier",
    "markdown",
    "python_bytes",
    "python_comment",
    "python_docstring",
    "python_pin",
    "python_string",
    "strange_character",
]

_STRANGE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}

_RESERVED = frozenset(
    {*keyword.kwlist, *keyword.softkwlist, *sys.stdlib_module_names}
    | {"serial", "machine", "main", "lockgate"}
    | {
        "con",
        "prn",
        "aux",
        "nul",
        *(f"{p}{n}" for p in ("com", "lpt") for n in "0123456789"),
    }
)
"""Names that a generated module or folder must not have: Python's own, pyserial's,
MicroPython's, and the device names of Windows."""


def strange_character(text: str) -> str:
    """The first character that no text of a spec may hold, or ''."""
    for character in text:
        if unicodedata.category(character) in _STRANGE:
            return character
    return ""


def identifier(text: str) -> str:
    """`text` as a name that is safe in every target: ``[a-z][a-z0-9_]*``, or ''."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", ascii_text.lower()).strip("_")
    if name and name[0].isdigit():
        name = f"device_{name}"
    return f"{name}_device" if name in _RESERVED else name


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


def python_string(text: str) -> str:
    """A Python string literal, ASCII only."""
    # A JSON string is a Python string, but for what lies beyond the BMP, which
    # JSON writes as two surrogates.
    if text.isascii():
        return json.dumps(text)
    body = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_ascii(body)}"'


def python_bytes(text: str) -> str:
    """A Python bytes literal of ASCII `text`."""
    return f"b{json.dumps(text)}"


def python_docstring(text: str) -> str:
    """`text` for the inside of a docstring in triple double quotes, ASCII only."""
    return _ascii(text.replace("\\", "\\\\").replace('"', '\\"'))


def python_comment(text: str) -> str:
    """`text` for a ``#`` comment: one line, ASCII only."""
    return _ascii(text)


def c_comment(text: str) -> str:
    r"""`text` for a ``//`` comment: one line, ASCII only.

    A backslash at the end of a line would carry the comment on to the next, and
    ``??/`` is a backslash to old compilers: both are spelled out.
    """
    plain = text.replace("\\", "(backslash)").replace("??", "? ?")
    return "".join(c if c.isascii() else f"(U+{ord(c):04X})" for c in plain)


def markdown(text: str) -> str:
    """`text` for a line or a table cell of Markdown: no markup, no HTML, no link."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", escaped)
    # A bare address would become a link.
    return (
        escaped.replace("://", "&#58;//")
        .replace("www.", "www&#46;")
        .replace("@", "&#64;")
    )


def python_pin(pin: str) -> str:
    """The id that MicroPython knows a pin by: a number, or its name quoted."""
    return pin if pin.isdigit() else f'"{pin}"'
