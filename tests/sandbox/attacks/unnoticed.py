"""``python -m tests.sandbox.attacks.unnoticed [FILE…]``: rules that no attack notices.

Takes each rule of the system call policies away in turn (each call of an entry, each
bit of a mask), seals children under what is left, as root and as an ordinary user, and
has those attacks try again that the rule stopped. A rule is noticed if
`test_layers` would fail: an attack succeeds, or is refused with another errno. Takes
some minutes. Exit status: 0 if every rule is noticed, 1 with the others printed.

What a warden counts and what a zygote with modules loaded may not do is not seen in a
sealed child, so those files are not looked at.
"""

from __future__ import annotations

import argparse
import copy
import errno
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockgate_sandbox import policies
from lockgate_sandbox.linux._libc import NUMBERS
from tests.sandbox.attacks.catalogue import ATTACKS, Attack
from tests.sandbox.attacks.test_layers import attempt, lacking, succeeded
from tests.support.layers import Base, Cell, Outcome, cell_base, open_cell, users

__all__ = ["FILES", "Mutation", "mutations", "unnoticed"]

FILES = tuple(
    name for name in policies.NAMES if name not in (*policies.COUNTING, "preloading")
)
"""The policies that a sealed child may be under."""

_ABI = {"no-truncate": 2}
"""The Landlock that a file is for, where it is an older one."""

_NEEDED = ("clone3", "openat2")
"""The C library goes on without them if they do not exist, and with no other errno."""

Documents = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Mutation:
    """A rule that is taken away: one call of an entry, or one `bit` of its mask."""

    file: str
    entry: int
    call: str
    bit: int = 0

    def __str__(self) -> str:
        bit = f" bit {self.bit:#x}" if self.bit else ""
        return f"{self.file} {self.entry}: {self.call}{bit}"

    def applied(self, documents: Documents) -> Documents:
        """The policies without it."""
        made = copy.deepcopy(documents)
        entries = made[self.file]["entries"]
        entry = entries[self.entry]
        if self.bit:
            for condition in entry["when"]:
                if condition["op"] == "any-bits":
                    condition["value"] = _number(condition["value"]) & ~self.bit
        else:
            entry["calls"].remove(self.call)
            if not entry["calls"]:
                entries.remove(entry)
        return made


def mutations(documents: Documents) -> Iterator[Mutation]:
    """Everything that can be taken away on this machine."""
    for file in documents:
        for index, entry in enumerate(documents[file]["entries"]):
            for call in entry["calls"]:
                if call in NUMBERS:
                    yield Mutation(file, index, call)
            for condition in entry.get("when", ()):
                value = _number(condition["value"])
                bits = [1 << at for at in range(64) if value >> at & 1]
                if condition["op"] == "any-bits" and len(bits) > 1:
                    yield from (
                        Mutation(file, index, entry["calls"][0], bit) for bit in bits
                    )


def unnoticed(
    names: Sequence[str] = FILES,
    attacks: Sequence[Attack] = ATTACKS,
    *,
    progress: bool = False,
) -> dict[Mutation, list[str]]:
    """The rules of the files `names` that none of `attacks` notices.

    Each with the attacks that it stopped: they fail without it as well.
    """
    with cell_base() as base:
        shipped = _shipped(base)
        stopped = _stopped(base, shipped, attacks)
        left: dict[Mutation, list[str]] = {}
        for mutation in mutations(shipped):
            if mutation.file not in names:
                continue
            tried = stopped[Mutation(mutation.file, mutation.entry, mutation.call)]
            _ship(base, mutation.applied(shipped))
            by = _first_to_notice(base, tried, mutation.file)
            if not by:
                left[mutation] = list(dict.fromkeys(attack.name for attack, _ in tried))
            if progress:
                print(f"{mutation}: {by or 'NOBODY'}", file=sys.stderr, flush=True)
        return left


Tried = list[tuple[Attack, int]]
"""Attacks, each with the uid of a host that it was stopped for."""


def _stopped(
    base: Base, shipped: Documents, attacks: Sequence[Attack]
) -> dict[Mutation, Tried]:
    """Which attacks each rule stops first, seen by an errno of its own for each."""
    rules = [made for made in mutations(shipped) if not made.bit]
    found: dict[Mutation, Tried] = {rule: [] for rule in rules}
    telling = _telling_errnos()
    for start in range(0, len(rules), len(telling)):
        told = dict(zip(rules[start : start + len(telling)], telling, strict=False))
        by_errno = {name: rule for rule, name in told.items()}
        _ship(base, _marked(shipped, told))
        for uid, file, attack, outcome in _tries(base, told, attacks):
            rule = by_errno.get(outcome.errno)
            if rule is not None and (file or rule.file not in _ABI):
                found[rule].append((attack, uid))
    for rule in rules:
        if rule.call in _NEEDED:
            found[rule] = [
                (attack, uid)
                for attack in attacks
                if rule.call in attack.code
                for uid in users()
            ]
    return found


def _tries(
    base: Base, told: Iterable[Mutation], attacks: Sequence[Attack]
) -> Iterator[tuple[int, str, Attack, Outcome]]:
    """All attacks that a policy holds, with nothing else that holds them."""
    older = sorted({rule.file for rule in told} & set(_ABI))
    for uid in users():
        with open_cell(base, uid) as cell:
            for attack in attacks:
                for file in ("", *older):
                    if _concerned(cell, attack, file):
                        yield uid, file, attack, _alone(cell, attack, file)


def _concerned(cell: Cell, attack: Attack, file: str) -> bool:
    """Whether it is tried here: what an older Landlock does not hold, a file may."""
    who = ("all", "root" if cell.root else "user")
    held_by = "landlock" if file else "seccomp"
    holds = held_by in attack.layers(root=cell.root)
    return holds and attack.who in who and not lacking(attack)


def _alone(cell: Cell, attack: Attack, file: str) -> Outcome:
    """How it ends with seccomp alone, or what an older Landlock leaves of itself."""
    held_by = ("seccomp", "landlock") if file else ("seccomp",)
    layers = attack.layers(root=cell.root)
    others = tuple(name for name in layers if name not in held_by)
    given = {"abi": _ABI[file]} if file else {}
    return attempt(cell, attack, others + attack.also_off, **given)


def _first_to_notice(base: Base, tried: Tried, file: str) -> str:
    """The first attack that a test would fail for, or nothing."""
    for uid in dict.fromkeys(uid for _, uid in tried):
        with open_cell(base, uid) as cell:
            for attack in (attack for attack, its in tried if its == uid):
                outcome = _alone(cell, attack, file if file in _ABI else "")
                first = attack.layers(root=cell.root)[0] == "seccomp"
                other = outcome.errno and outcome.errno != attack.refusal
                if succeeded(attack, outcome) or (first and other):
                    return attack.name
    return ""


def _telling_errnos() -> list[str]:
    """Errnos that no system call of an attack gives."""
    rare = range(errno.ECHRNG, errno.EREMCHG + 1), range(errno.EUCLEAN, errno.ERFKILL)
    return [
        name for codes in rare for code in codes if (name := errno.errorcode.get(code))
    ]


def _marked(documents: Documents, told: Mapping[Mutation, str]) -> Documents:
    """The policies with an errno of its own for each rule in `told`."""
    made = copy.deepcopy(documents)
    for file, document in made.items():
        entries: list[dict[str, Any]] = []
        for index, entry in enumerate(document["entries"]):
            for call in entry["calls"]:
                own = told.get(Mutation(file, index, call), entry["action"])
                action = entry["action"] if call in _NEEDED else own
                entries.append({**entry, "calls": [call], "action": action})
        document["entries"] = entries
    return made


def _shipped(base: Base) -> Documents:
    """The policies as they are."""
    return {name: json.loads(_place(base, name).read_text("utf-8")) for name in FILES}


def _ship(base: Base, documents: Documents) -> None:
    """Have the next cell be under `documents`."""
    for name, document in documents.items():
        _place(base, name).write_text(json.dumps(document), "utf-8")


def _place(base: Base, name: str) -> Path:
    return Path(base.package) / "policies" / f"{name}.json"


def _number(value: int | str) -> int:
    return value if isinstance(value, int) else int(value, 16) if value != "PID" else 0


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox.attacks.unnoticed")
    parser.add_argument("files", nargs="*", metavar="FILE", help=", ".join(FILES))
    left = unnoticed(parser.parse_args().files or FILES, progress=True)
    for mutation, attacks in left.items():
        print(f"{mutation}  (stopped: {'; '.join(attacks) or 'nothing'})")
    return 1 if left else 0


if __name__ == "__main__":
    raise SystemExit(main())
