"""The tables of ``docs/explanation/security-model.md`` are made from the code.

``python -m tests.meta.security_page`` writes them; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lockgate_sandbox.doctor import FEATURES
from lockgate_sandbox.security import ABIS, NOT_PROMISED, PROMISES

__all__ = ["PAGE", "render"]

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "security-model.md"


def _names(layers: tuple[str, ...], suffix: str = "") -> list[str]:
    return [f"`{name}`{suffix}" for name in layers]


def _promises() -> Iterator[str]:
    yield "| | held by | what is left |"
    yield "|---|---|---|"
    for promise in PROMISES:
        held = [
            *_names(promise.held_by),
            *_names(promise.alone, " (no programs granted)"),
            *_names(promise.root, " (root host)"),
            *_names(promise.user, " (ordinary host)"),
        ]
        if promise.abi > 1:
            held = [
                f"{name} (from ABI {promise.abi})" if name == "`landlock`" else name
                for name in held
            ]
        if promise.measured:
            held.append("else the host measures and kills")
        yield f"| {promise.text} | {', '.join(held)} | {promise.residual} |"


def _abis() -> Iterator[str]:
    yield "| ABI | kernel | adds | without it |"
    yield "|---|---|---|---|"
    for abi in ABIS:
        note = "" if abi.used else " (not asked for yet)"
        yield f"| {abi.number} | {abi.kernel} | {abi.adds}{note} | {abi.without} |"


def _features() -> Iterator[str]:
    yield "| feature | kernel | for |"
    yield "|---|---|---|"
    for name, (kernel, use) in FEATURES.items():
        yield f"| `{name}` | {kernel} | {use} |"


def _not_promised() -> Iterator[str]:
    for entry in NOT_PROMISED:
        yield f"### {entry.name}\n"
        yield f"{entry.text} *Instead:* {entry.instead}\n"


_PARTS = {
    "promises": _promises,
    "abis": _abis,
    "features": _features,
    "not promised": _not_promised,
}


def render(page: str) -> str:
    """`page` with its tables made anew."""
    for name, lines in _PARTS.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            msg = f"{PAGE.name} has no place for {name!r}"
            raise ValueError(msg)
        inside = "\n".join(lines()).rstrip() + "\n"
        page = before + begin + inside + end + after
    return page


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
