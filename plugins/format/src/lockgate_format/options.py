"""What a caller may choose, checked before a program sees any of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from lockgate.values import Data, Reason

__all__ = ["CPP_STYLES", "PYTHON_VERSIONS", "FormatOptions", "read_options"]

PYTHON_VERSIONS = (
    "py37",
    "py38",
    "py39",
    "py310",
    "py311",
    "py312",
    "py313",
    "py314",
)
CPP_STYLES = ("Chromium", "GNU", "Google", "LLVM", "Microsoft", "Mozilla", "WebKit")

_LINE_CHARS = range(40, 321)
_INDENT_CHARS = range(1, 9)


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """The options of one call.

    `target_version` is the newest syntax that ruff may *write*: with ``py37`` it
    never adds what MicroPython cannot read (parenthesised ``with`` items,
    ``except`` without parentheses). Newer syntax that is already there stays.
    """

    line_length: int = 88
    target_version: str = "py37"
    cpp_style: str = "Google"
    cpp_line_length: int = 88
    cpp_indent: int = 2


@dataclass(slots=True)
class _Reader:
    """Takes options out of a document, noting what is wrong on the way."""

    document: Mapping[str, Data]
    reasons: list[Reason]

    def integer(self, name: str, bounds: range, default: int) -> int:
        value = self.document.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and value in bounds:
            return value
        self._wrong(name, value, f"a whole number {bounds.start} to {bounds.stop - 1}")
        return default

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self.document.get(name, default)
        if isinstance(value, str) and value in choices:
            return value
        self._wrong(name, value, f"one of {', '.join(choices)}")
        return default

    def _wrong(self, name: str, value: Data, wanted: str) -> None:
        self.reasons.append(
            Reason(
                "option-invalid",
                f"options.{name}",
                f"{str(value)[:80]!r} is not {wanted}",
                f"give {wanted}, or leave it out",
            )
        )


def read_options(
    *documents: Mapping[str, Data],
) -> tuple[FormatOptions, tuple[Reason, ...]]:
    """Options out of `documents`, later ones winning, and what is wrong in them.

    A wrong or unknown option is a reason and keeps its default; no value
    reaches a command line unchecked.
    """
    chosen: dict[str, Data] = {}
    for document in documents:
        chosen.update(document)
    known = tuple(option.name for option in fields(FormatOptions))
    reasons = [
        Reason(
            "option-unknown",
            f"options.{name[:80]}",
            f"there is no option {name[:80]!r}",
            f"options are {', '.join(known)}",
        )
        for name in chosen
        if name not in known
    ]
    reader, default = _Reader(chosen, reasons), FormatOptions()
    options = FormatOptions(
        reader.integer("line_length", _LINE_CHARS, default.line_length),
        reader.choice("target_version", PYTHON_VERSIONS, default.target_version),
        reader.choice("cpp_style", CPP_STYLES, default.cpp_style),
        reader.integer("cpp_line_length", _LINE_CHARS, default.cpp_line_length),
        reader.integer("cpp_indent", _INDENT_CHARS, default.cpp_indent),
    )
    return options, tuple(reasons)
