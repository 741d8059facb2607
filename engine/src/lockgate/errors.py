"""Every error that lockgate raises on purpose.

::

    LockgateError
    ├── UsageError                  usage                (2)
    │   ├── UnknownHookError        unknown-hook         (2)
    │   ├── UnknownPluginError      unknown-plugin       (2)
    │   ├── ArgumentError           argument-invalid     (2)
    │   ├── ConfigError             config-invalid       (2)
    │   └── OutputError             output-refused       (2)
    ├── InputRefusedError           input-refused        (3)
    ├── DocumentError               document-invalid     (3)
    ├── ProjectRequiresError        project-requires     (3)
    ├── ManifestError               manifest-invalid     (1)
    ├── ProjectError                project-invalid      (1)
    ├── PluginUnavailableError      plugin-unavailable   (1)
    │   └── BrokenPluginError       plugin-broken        (1)
    ├── ReloadRefusedError          reload-refused       (1)
    ├── NoAnswerError               no-answer            (1)
    ├── HistoryFullError            history-full         (1)
    ├── HookError                   hook-failed          (1)
    │   ├── HookTimeoutError        hook-timeout         (1)
    │   ├── WorkerCrashedError      worker-crashed       (1)
    │   ├── HookLimitError          hook-limit           (1)
    │   └── AnswerInvalidError      answer-invalid       (1)
    ├── GrantsError                 grants-invalid       (1)
    ├── InstalledError              installed-invalid    (1)
    ├── NotInStoreError             not-in-store         (3)
    ├── SandboxUnavailableError     sandbox-unavailable  (1)
    ├── EntryPointClashError        entry-point-clash    (1)
    ├── HostClosedError             host-closed          (1)
    ├── HostExhaustedError          host-exhausted       (1)
    ├── NoHostError                 no-host              (1)
    ├── ControlError                control-refused      (1)
    └── InternalError               internal-error       (1)

An error keeps data: a stable kebab-case `code`, its own fields, a `hint` that
says the way out, and the exit status of a command that it ends (in brackets
above). Text is rendered when it is asked for (`message`, `str`), and printed in
one place, at the edge (`lockgate.cli._output`); the traceback of an error that
nobody catches ends with its hint. ``docs/reference/errors.md`` is
made from this module.

Standard library only: imported wherever lockgate is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from lockgate._errors.hooks import (
    AnswerInvalidError,
    HistoryFullError,
    HookError,
    HookLimitError,
    HookTimeoutError,
    WorkerCrashedError,
)
from lockgate._errors.host import (
    ControlError,
    EntryPointClashError,
    GrantsError,
    HostClosedError,
    HostExhaustedError,
    InstalledError,
    NoAnswerError,
    NoHostError,
    NotInStoreError,
    ReloadRefusedError,
    SandboxUnavailableError,
)
from lockgate._errors.root import LockgateError, did_you_mean

if TYPE_CHECKING:  # 9 ms, and most commands raise nothing
    from lockgate.values import Data, Reason

__all__ = [
    "AnswerInvalidError",
    "ArgumentError",
    "BrokenPluginError",
    "ConfigError",
    "ControlError",
    "DocumentError",
    "EntryPointClashError",
    "GrantsError",
    "HistoryFullError",
    "HookError",
    "HookLimitError",
    "HookTimeoutError",
    "HostClosedError",
    "HostExhaustedError",
    "InputRefusedError",
    "InstalledError",
    "InternalError",
    "LockgateError",
    "ManifestError",
    "NoAnswerError",
    "NoHostError",
    "NotInStoreError",
    "OutputError",
    "PluginUnavailableError",
    "ProjectError",
    "ProjectRequiresError",
    "ReloadRefusedError",
    "SandboxUnavailableError",
    "UnknownHookError",
    "UnknownPluginError",
    "UsageError",
    "WorkerCrashedError",
    "did_you_mean",
]


class UsageError(LockgateError):
    """Lockgate was asked in a way that it does not understand."""

    code = "usage"
    exit_status = 2
    remedy = "`lockgate --help` lists the commands."


class UnknownHookError(UsageError):
    """A hook was named that no hook spec defines."""

    code = "unknown-hook"
    remedy = "`lockgate hooks` lists the hooks."

    def __init__(self, hook: str, *, known: Iterable[str] = ()) -> None:
        super().__init__(hint=did_you_mean(hook, known), hook=hook)
        self.hook = hook

    def _text(self) -> str:
        return f"there is no hook named {self.hook!r}"


class UnknownPluginError(UsageError):
    """A plugin was named that is not installed."""

    code = "unknown-plugin"
    remedy = "`lockgate list` shows what is installed."

    def __init__(self, plugin: str, *, known: Iterable[str] = ()) -> None:
        super().__init__(hint=did_you_mean(plugin, known), plugin=plugin)
        self.plugin = plugin

    def _text(self) -> str:
        return f"there is no plugin named {self.plugin!r}"


class ArgumentError(UsageError):
    """An argument is missing, unknown, or not of the type its spec declares."""

    code = "argument-invalid"
    remedy = "`lockgate hooks show HOOK` prints what a hook takes."

    def __init__(
        self, message: str, /, *, argument: str = "", hook: str = "", hint: str = ""
    ) -> None:
        where = " ".join(part for part in (hook, argument) if part)
        super().__init__(message, hint=hint, where=where, argument=argument, hook=hook)
        self.argument = argument
        self.hook = hook


class ConfigError(UsageError):
    """A setting is unknown, of the wrong type, or its file cannot be read.

    `source` names the file, environment variable or option that the value came
    from; `line` is 0 where there is none.
    """

    code = "config-invalid"
    remedy = "`lockgate config validate` checks every source of settings."

    def __init__(
        self,
        message: str,
        /,
        *,
        key: str = "",
        source: str = "",
        line: int = 0,
        hint: str = "",
    ) -> None:
        place = f"{source}:{line}" if source and line else source
        where = f"{place} ({key})" if place and key else place or key
        super().__init__(
            message, hint=hint, where=where, key=key, source=source, line=line
        )
        self.key = key
        self.source = source
        self.line = line


class OutputError(UsageError):
    """A result cannot be written where it was asked for."""

    code = "output-refused"
    remedy = "Name a folder that does not exist yet, or an empty one."

    def __init__(self, message: str, /, *, path: str, hint: str = "") -> None:
        super().__init__(message, hint=hint, where=path, path=path)
        self.path = path


class InputRefusedError(LockgateError):
    """A plugin looked at its input and refused it, with every reason found."""

    code = "input-refused"
    exit_status = 3
    remedy = "Each reason says what to change in the input."

    def __init__(
        self, reasons: Sequence[Reason], *, plugin: str = "", hook: str = ""
    ) -> None:
        self.reasons = tuple(reasons)
        self.plugin = plugin
        self.hook = hook
        listed: list[Data] = [
            {"code": r.code, "where": r.where, "message": r.message, "hint": r.hint}
            for r in self.reasons
        ]
        super().__init__(plugin=plugin, hook=hook, reasons=listed)

    def _text(self) -> str:
        count = len(self.reasons)
        by = f" by {self.plugin}" if self.plugin else ""
        first = f": {self.reasons[0].message}" if count == 1 else ""
        return f"the input was refused{by} ({count} reason{'s'[: count != 1]}){first}"


class DocumentError(LockgateError):
    """A document that lockgate was given cannot be read as its format.

    `line` and `column` count from 1 and are 0 where the format tells none.
    """

    code = "document-invalid"
    exit_status = 3
    remedy = "Correct the document and run the command again."

    def __init__(
        self,
        message: str,
        /,
        *,
        file: str,
        line: int = 0,
        column: int = 0,
        hint: str = "",
    ) -> None:
        place = ":".join(str(part) for part in (file, line, column) if part)
        super().__init__(
            message, hint=hint, where=place, file=file, line=line, column=column
        )
        self.file = file
        self.line = line
        self.column = column


class ManifestError(LockgateError):
    """A plugin's manifest is missing, unreadable or says what it may not say.

    `line` counts from 1 and is 0 where the file itself is the trouble; `key` is
    dotted, list items by number (``commands.0.arguments.1.type``).
    """

    code = "manifest-invalid"
    remedy = "`lockgate new KIND NAME` writes a valid one, to compare with."

    def __init__(
        self,
        message: str,
        /,
        *,
        distribution: str,
        file: str,
        line: int = 0,
        key: str = "",
        hint: str = "",
    ) -> None:
        place = f"{file}:{line}" if line else file
        where = f"{distribution}: {place}" + (f" ({key})" if key else "")
        super().__init__(
            message,
            hint=hint,
            where=where,
            distribution=distribution,
            file=file,
            line=line,
            key=key,
        )
        self.distribution = distribution
        self.file = file
        self.line = line
        self.key = key


class ProjectError(LockgateError):
    """A folder is no plugin's project, or one that can't be worked with."""

    code = "project-invalid"
    remedy = "`lockgate new KIND NAME` makes a plugin's project."

    def __init__(
        self, message: str, /, *, file: str, line: int = 0, hint: str = ""
    ) -> None:
        place = f"{file}:{line}" if line else file
        super().__init__(message, hint=hint, where=place, file=file, line=line)
        self.file = file
        self.line = line


def state_in_words(state: str) -> str:
    """A plugin's state so that "is" may stand before it."""
    words = {
        "conflict": "in conflict",
        "duplicate": "a duplicate",
        "missing-requirement": "without what it requires",
    }
    return words.get(state, state)


class PluginUnavailableError(LockgateError):
    """A plugin is installed, but its state does not let it be called."""

    code = "plugin-unavailable"
    remedy = "`lockgate info NAME` and `lockgate doctor` say more."

    def __init__(
        self, plugin: str, *, state: str, reason: str = "", hint: str = ""
    ) -> None:
        super().__init__(hint=hint, plugin=plugin, state=state, reason=reason)
        self.plugin = plugin
        self.state = state
        self.reason = reason

    def _text(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"plugin {self.plugin!r} is {state_in_words(self.state)}{why}"


class ProjectRequiresError(LockgateError):
    """What the settings require is not there; `missing` tells what is instead."""

    code = "project-requires"
    exit_status = 3

    def __init__(self, missing: Mapping[str, str], *, source: str = "") -> None:
        from lockgate._installer import pip_command

        super().__init__(
            hint="Install what is missing, or enable it: "
            + pip_command("install", *missing),
            where=source,
            missing=dict(missing),
        )
        self.missing = missing

    def _text(self) -> str:
        told = ", ".join(f"{word} ({what})" for word, what in self.missing.items())
        return f"what is installed does not meet `requires`: {told}"


class BrokenPluginError(PluginUnavailableError):
    """A plugin's code does not fit the hooks that its manifest names.

    Seen in its source before any of it ran; none of its hooks answers. `problems`
    are plain data, each with a code of its own.
    """

    code = "plugin-broken"
    remedy = "`lockgate info NAME` lists what is wrong, with file and line."

    def __init__(
        self,
        plugin: str,
        *,
        reason: str,
        hint: str = "",
        problems: Sequence[Mapping[str, Data]] = (),
    ) -> None:
        super().__init__(plugin, state="broken", reason=reason, hint=hint)
        self.problems = tuple(problems)
        self.fields = {**self.fields, "problems": list(self.problems)}


class InternalError(LockgateError):
    """Lockgate met a case that its authors did not foresee: a bug."""

    code = "internal-error"
    remedy = "Run it again with --debug for the traceback, and report that."
