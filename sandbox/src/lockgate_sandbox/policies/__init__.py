"""The system call policies: data files, and how they become rules.

A file is ``{schema, name, summary, entries}``; an entry judges one or more
calls by name::

    {"calls": ["ioctl"], "when": [{"arg": 1, "op": "eq", "value": "0x5412",
     "width": 32}], "action": "EPERM", "reason": "TIOCSTI: …"}

`action` is ``ALLOW``, ``KILL``, ``NOTIFY`` or the name of an errno. All
conditions of an entry must hold. Values and masks are integers or hexadecimal
text; ``"PID"`` is the caller's own process id. Entries of one call are tried in
the order of the files and of the entries within a file. Each entry carries its
reason.
"""

from __future__ import annotations

import errno
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from lockgate_sandbox.bpf.assemble import Assembled
from lockgate_sandbox.bpf.compile import (
    ALLOW,
    KILL,
    NOTIFY,
    Comparison,
    Condition,
    Filter,
    Rule,
    compile_filter,
    error_action,
)
from lockgate_sandbox.linux import _syscalls
from lockgate_sandbox.linux._libc import AUDIT_ARCH

__all__ = [
    "COUNTING",
    "NAMES",
    "Entry",
    "PolicyFileError",
    "build",
    "load",
    "parse",
    "select",
]

COUNTING = ("count-forks", "count-files")
"""The files of the filter by which a warden counts: one of them or both."""

NAMES = (
    "always",
    "no-sealing",
    "sockets",
    "no-programs",
    "preloading",
    "no-metadata",
    "no-shared-memory",
    "no-truncate",
    "no-locks",
    "no-devices",
    *COUNTING,
)
"""The shipped files."""

TABLES = {"x86_64": _syscalls.X86_64, "aarch64": _syscalls.AARCH64}

# Calls that the policies judge although the tables are older than the calls:
# the prologue answers ENOSYS for their numbers.
UNNUMBERED = frozenset(
    {
        "fchmodat2",
        "setxattrat",
        "getxattrat",
        "listxattrat",
        "removexattrat",
        "file_setattr",
    }
)

_KEYS = {"calls", "when", "action", "reason"}
_CONDITION_KEYS = {"arg", "op", "value", "width", "mask"}
_OPS: tuple[Comparison, ...] = ("eq", "ne", "lt", "le", "gt", "ge", "any-bits")
_TEXT_FIELDS = ("name", "summary")


class PolicyFileError(ValueError):
    """A policy file is malformed; the message names file and entry."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One judgement, still by name."""

    calls: tuple[str, ...]
    action: int
    conditions: tuple[Condition, ...]
    reason: str


def select(
    *,
    may_fork: bool,
    metadata: bool,
    abi: int,
    writes: bool = True,
    devices: bool = False,
    sockets: bool = False,
    preloading: bool = False,
    shared_memory: bool = False,
) -> tuple[str, ...]:
    """The files for a worker.

    `metadata`: whether it may change modes, owners and times at all; `writes`:
    whether it may write anything; `devices`: whether it is handed open ones;
    `sockets`: whether it may have sockets (no tier does); `preloading`: whether it
    is to fork workers of such a policy; `shared_memory`: whether something counts
    what its processes share; `abi` is Landlock's.
    """
    names = ["always"]
    if not preloading:
        names.append("no-sealing")
    if not sockets:
        names.append("sockets")
    if not may_fork:
        names.append("preloading" if preloading else "no-programs")
    if not shared_memory:
        names.append("no-shared-memory")
    if not metadata:
        names.append("no-metadata")
    if abi < 3:
        names.append("no-truncate")
    if not writes:
        names.append("no-locks")
    if not devices:
        names.append("no-devices")
    return tuple(names)


@functools.cache
def load(name: str) -> tuple[Entry, ...]:
    """The entries of the shipped file `name`.

    Raises:
        PolicyFileError: If the file is malformed.
    """
    path = Path(__file__).with_name(f"{name}.json")
    return parse(path.read_text(encoding="utf-8"), name)


def parse(text: str, name: str) -> tuple[Entry, ...]:
    """The entries of a policy file's text; `name` is what errors call it.

    Raises:
        PolicyFileError: If it is no JSON, or an entry is malformed, names an
            unknown call or has no reason.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"{name}: no JSON: {error}"
        raise PolicyFileError(msg) from error
    fields = _object(document, name, {"schema", "entries", *_TEXT_FIELDS})
    if fields.get("schema") != 1 or isinstance(fields.get("schema"), bool):
        msg = f"{name}: schema is 1"
        raise PolicyFileError(msg)
    return tuple(
        _entry(item, f"{name}: entry {index}")
        for index, item in enumerate(_list(fields.get("entries"), name))
    )


def _entry(value: object, where: str) -> Entry:
    fields = _object(value, where, _KEYS)
    calls = tuple(_text(item, where) for item in _list(fields.get("calls"), where))
    reason = _text(fields.get("reason"), where)
    known = {call for table in TABLES.values() for call in table} | UNNUMBERED
    unknown = [call for call in calls if call not in known]
    if unknown or not calls:
        msg = f"{where}: no such system calls: {unknown}"
        raise PolicyFileError(msg)
    if len(reason) < 10:
        msg = f"{where}: an entry says why"
        raise PolicyFileError(msg)
    conditions = tuple(
        _condition(item, where) for item in _list(fields.get("when", []), where)
    )
    return Entry(calls, _action(fields.get("action"), where), conditions, reason)


def _condition(value: object, where: str) -> Condition:
    fields = _object(value, where, _CONDITION_KEYS)
    arg, width = fields.get("arg"), fields.get("width")
    pid = fields.get("value") == "PID"
    number = 0 if pid else _number(fields.get("value"), where)
    mask = _number(fields["mask"], where) if "mask" in fields else None
    for op in _OPS:
        if op != fields.get("op") or not isinstance(arg, int) or isinstance(arg, bool):
            continue
        try:
            if width == 64:
                return Condition(arg, op, number, 64, mask, pid)
            if width == 32:
                return Condition(arg, op, number, 32, mask, pid)
        except ValueError as error:
            msg = f"{where}: {error}"
            raise PolicyFileError(msg) from error
    msg = f"{where}: a condition has arg, op (one of {', '.join(_OPS)}), value, width"
    raise PolicyFileError(msg)


def _action(value: object, where: str) -> int:
    named = {"ALLOW": ALLOW, "KILL": KILL, "NOTIFY": NOTIFY}
    text = _text(value, where)
    if text in named:
        return named[text]
    code = getattr(errno, text, None) if text.isupper() else None
    if not isinstance(code, int):
        msg = f"{where}: action is ALLOW, KILL, NOTIFY or an errno's name, not {text!r}"
        raise PolicyFileError(msg)
    return error_action(code)


def _number(value: object, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return int(_text(value, where), 16)
    except ValueError as error:
        msg = f"{where}: {value!r} is no number"
        raise PolicyFileError(msg) from error


def _object(value: object, where: str, keys: set[str]) -> Mapping[str, object]:
    if isinstance(value, dict) and set(cast("dict[object, object]", value)) <= keys:
        return cast("dict[str, object]", value)
    msg = f"{where}: an object with the keys {sorted(keys)}"
    raise PolicyFileError(msg)


def _list(value: object, where: str) -> list[object]:
    if isinstance(value, list):
        return cast("list[object]", value)
    msg = f"{where}: a list is missing"
    raise PolicyFileError(msg)


def _text(value: object, where: str) -> str:
    if isinstance(value, str):
        return value
    msg = f"{where}: text is missing, not {value!r}"
    raise PolicyFileError(msg)


@functools.lru_cache(maxsize=64)
def build(names: Sequence[str], machine: str) -> Assembled:
    """The program of the files `names` for `machine` (as ``uname -m`` says it).

    Raises:
        PolicyFileError: If a file is malformed.
        ValueError: If the machine has no table, or the program gets too long.
    """
    if machine not in TABLES:
        msg = f"no system call table for {machine}; known: {', '.join(TABLES)}"
        raise ValueError(msg)
    table = TABLES[machine]
    rules: dict[int, list[Rule]] = {}
    for name in names:
        for entry in load(name):
            for call in entry.calls:
                # A call that one machine lacks (fork on aarch64) needs no rule.
                if call in table:
                    rule = Rule(entry.action, entry.conditions)
                    rules.setdefault(table[call], []).append(rule)
    return compile_filter(Filter(AUDIT_ARCH[machine], _syscalls.NEWEST, rules))
