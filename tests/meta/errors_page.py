"""``docs/reference/errors.md`` is made from `lockgate.errors`, by this module.

``python -m tests.meta.errors_page`` writes it; a test compares the two.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import lockgate.errors
from lockgate._data.files import DataFullError, DataRefusedError
from lockgate._sealed.broker import BrokerRefusedError
from lockgate.contract import CODES
from lockgate.errors import LockgateError
from lockgate_sandbox.broker._devices import DeviceBusyError

__all__ = ["PAGE", "classes", "render"]

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"

_HEAD = """\
# Errors

Made from `lockgate.errors` by `python -m tests.meta.errors_page`; do not edit.

```console
$ lockgate info firmwar
error[unknown-plugin]: there is no plugin named 'firmwar'
  hint: Did you mean 'firmware'?
```

Every error that lockgate raises on purpose has a stable `code`, a message, the
place, and a hint: the way out. With `--json` it is the only thing on standard
output, as `{"error": {"code": …, "message": …, "where": …, "hint": …}}` plus the
fields of its kind. Without, it goes to standard error.

| exit status | means |
|---|---|
| 0 | done |
| 1 | the work ended with findings or failures |
| 2 | usage: lockgate was asked in a way that it does not understand |
| 3 | the input was refused, with reasons |
| 130 | interrupted (Ctrl-C) |
| 141 | whoever read the output has gone away |

In Python, catch `lockgate.errors.LockgateError` for all of them.
"""

_PROBLEMS = """\
## Problems of a plugin's code

`plugin-broken` holds them under `problems`, `lockgate info NAME` lists them: each with
the distribution, the file, the line and a hint. They are read from the source before
any of it runs. What source does not tell is no problem; the worker looks again.
"""

_TOLD = """\
## What a plugin is told

What `context` refuses or fails is an exception in the plugin, of the class named here
or a more special one, with a `code` and a `hint`. Uncaught it ends the call as
`hook-failed`, whose `cause` is that code.
"""

_CLASSES: tuple[type[OSError], ...] = (
    BrokerRefusedError,
    DeviceBusyError,
    DataFullError,
    DataRefusedError,
)


def classes() -> list[type[LockgateError]]:
    """Every error class, a parent before its children."""
    found: list[type[LockgateError]] = []
    waiting = [LockgateError]
    while waiting:
        cls = waiting.pop(0)
        found.append(cls)
        waiting = [
            c for c in cls.__subclasses__() if c.__name__ in lockgate.errors.__all__
        ] + waiting
    return found


def render() -> str:
    """The page."""
    parts = [_HEAD, "## Codes\n", "| code | exit | class |", "|---|---|---|"]
    parts += [
        f"| [`{c.code}`](#{c.code}) | {c.exit_status} | `{c.__name__}` |"
        for c in classes()
    ]
    parts.append("")
    for cls in classes():
        parts.append(f"## {cls.code}\n")
        parent = cls.__bases__[0]
        kind = f"`{cls.__name__}`"
        if issubclass(parent, LockgateError):
            kind += f", a `{parent.__name__}` (`{parent.code}`)"
        parts.append(f"{kind}; exit status {cls.exit_status}.\n")
        parts.append((inspect.getdoc(cls) or "") + "\n")
        if cls.remedy:
            parts.append(f"What to do: {cls.remedy}\n")
        fields = [
            f"`{name}`"
            for name, parameter in inspect.signature(cls).parameters.items()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
            and name not in ("message", "hint", "where", "detail", "known")
        ]
        if fields:
            parts.append(f"Fields: {', '.join(fields)}.\n")
    parts += [_PROBLEMS, "| code | means |", "|---|---|"]
    parts += [f"| `{code}` | {means} |" for code, means in CODES.items()]
    parts += ["", _TOLD, "| code | class | means |", "|---|---|---|"]
    parts += [_told(cls) for cls in _CLASSES]
    return "\n".join(parts).rstrip() + "\n"


def _told(cls: type[OSError]) -> str:
    kind = PermissionError if issubclass(cls, PermissionError) else OSError
    code = getattr(cls, "code", "permission-denied")
    meaning = (inspect.getdoc(cls) or "").splitlines()[0]
    return f"| `{code}` | `{kind.__name__}` | {meaning} |"


if __name__ == "__main__":
    PAGE.write_text(render())
