"""Errors of a host and of what is installed; public in `lockgate.errors`."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate._errors.root import LockgateError

__all__ = [
    "ControlError",
    "EntryPointClashError",
    "GrantsError",
    "HostClosedError",
    "HostExhaustedError",
    "InstalledError",
    "NoAnswerError",
    "NoHostError",
    "NotInStoreError",
    "ReloadRefusedError",
    "SandboxUnavailableError",
]


class ReloadRefusedError(LockgateError):
    """A plugin could not be reloaded; what ran before goes on running."""

    code = "reload-refused"
    remedy = "`lockgate info NAME` says what is installed now; mend it and try again."

    def __init__(self, plugin: str, *, reason: str, hint: str = "") -> None:
        message = f"plugin {plugin!r} is not reloaded: {reason}"
        super().__init__(message, hint=hint, plugin=plugin, reason=reason)


class NoAnswerError(LockgateError):
    """A hook was called for an answer, and no plugin gave one."""

    code = "no-answer"
    remedy = (
        "Who was asked returned None: the input is not of its kind. "
        "`lockgate hooks show HOOK` says what it is asked, and who answers."
    )

    def __init__(self, hook: str, *, asked: Sequence[str] = (), hint: str = "") -> None:
        if not asked:
            hint = hint or "No plugin that could be asked implements it."
        super().__init__(hint=hint, hook=hook, asked=list(asked))
        self.hook = hook
        self.asked = tuple(asked)

    def _text(self) -> str:
        asked = f" (asked: {', '.join(self.asked)})" if self.asked else ""
        return f"no plugin answered the hook {self.hook!r}{asked}"


class GrantsError(LockgateError):
    """The grants file cannot be trusted or read; nothing is granted from it."""

    code = "grants-invalid"
    remedy = "`lockgate doctor` says what is wrong with the file."

    def __init__(
        self, message: str, /, *, file: str, key: str = "", hint: str = ""
    ) -> None:
        where = f"{file} ({key})" if key else file
        super().__init__(message, hint=hint, where=where, file=file, key=key)
        self.file = file
        self.key = key


class InstalledError(LockgateError):
    """The store does not say what is installed, or others may write to it."""

    code = "installed-invalid"
    remedy = "`lockgate doctor` says more; `lockgate rollback` goes back."

    def __init__(self, message: str, /, *, file: str, hint: str = "") -> None:
        super().__init__(message, hint=hint, where=file, file=file)
        self.file = file


class NotInStoreError(LockgateError):
    """A plugin is to be uninstalled that was not installed into the store."""

    code = "not-in-store"
    exit_status = 3

    def __init__(self, plugin: str, /, *, where: str, hint: str) -> None:
        super().__init__(where=where, hint=hint, plugin=plugin)
        self.plugin = plugin

    def _text(self) -> str:
        return f"plugin {self.plugin!r} was not installed into the store"


class SandboxUnavailableError(LockgateError):
    """A strict isolation layer is missing, so no worker was started."""

    code = "sandbox-unavailable"
    remedy = "`lockgate doctor` shows the posture of each tier."

    def __init__(
        self, message: str, /, *, layer: str = "", cause: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint, where=layer, layer=layer, cause=cause)
        self.layer = layer
        self.cause = cause


class HostClosedError(LockgateError):
    """A host was used after it was closed, or in a copy of its process.

    `copied`: in a process that was forked from the one that opened it.
    """

    code = "host-closed"
    remedy = "Open a host with `with Host.open() as host:` and call inside."

    def __init__(self, *, copied: bool = False) -> None:
        super().__init__(copied=copied)
        self.copied = copied

    def _text(self) -> str:
        if self.copied:
            return "the host belongs to the process that this one was forked from"
        return "the host is closed"


class HostExhaustedError(LockgateError):
    """The host's own process, or the machine, has no more of something.

    Nobody's fault who was asked meanwhile, and no word about what is installed.
    """

    code = "host-exhausted"
    remedy = "`ulimit -n` shows how many files this process may open; give it more."

    @classmethod
    def of(cls, error: OSError, doing: str) -> HostExhaustedError:
        """What the system said no to while the host was `doing` something."""
        return cls(f"the host can't {doing}: {error.strerror or error}")


class EntryPointClashError(LockgateError):
    """Two distributions name an entry point of one group alike."""

    code = "entry-point-clash"
    remedy = "Uninstall one of the two, or ask its author to rename the entry point."


class NoHostError(LockgateError):
    """A running host was to be asked, and there is none (of that process)."""

    code = "no-host"
    remedy = "`lockgate ps` lists the running hosts of this user."


class ControlError(LockgateError):
    """A control socket can't be used, or what came over it is no request."""

    code = "control-refused"
    remedy = "`lockgate ps` shows which hosts answer."
