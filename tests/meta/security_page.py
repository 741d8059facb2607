"""The tables of ``docs/explanation/security-model.md`` are made from the code.

``python -m tests.meta.security_page`` writes them; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lockgate_sandbox.doctor import FEATURES
from lockgate_sandbox.security import ABIS, NOT_PROMISED, PROMISES
from tests.sandbox.attacks.catalogue import ATTACKS, Answer

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


def _attacks() -> Iterator[str]:
    answered: dict[Answer, list[str]] = {}
    for attack in ATTACKS:
        if attack.answer is not None:
            answered.setdefault(attack.answer, []).append(attack.name)
    certain = sum(attack.certain for attack in ATTACKS)
    asked = sum(len(names) for names in answered.values())
    yield (
        f"With their layers off, {certain} of {len(ATTACKS)} attacks have their "
        f"effect. {len(ATTACKS) - certain - asked} more have it where the kernel has "
        "what they attack; elsewhere they count as not shown, and a test run says "
        f"which. The other {asked} would harm the whole machine, or try on the wrong "
        "thing what a layer refuses whatever it is tried on. These the kernel itself "
        "refuses then, with another errno than the layer's:"
    )
    yield ""
    yield "| attack | the kernel's errno | why it is the kernel's |"
    yield "|---|---|---|"
    for answer, names in answered.items():
        errnos = " or ".join(f"`{errno}`" for errno in answer.errnos)
        yield f"| {'; '.join(names)} | {errnos} | {answer.why} |"


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
    "attacks": _attacks,
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
