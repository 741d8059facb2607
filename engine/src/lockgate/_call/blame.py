"""From what went wrong in a worker to an error that names plugin, hook, version.

The only place where the sandbox's errors become the engine's. What a worker says
about its own failure (type, message, details) is shown, never evaluated; what it
sends as reasons is rebuilt by its declared type like any answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from traceback import format_exception
from typing import Any, cast

from lockgate._call.way_out import IMPL_CODES, NO_NETWORK, about, guessed, spoken
from lockgate._call.wrapping import WrapperMisuseError
from lockgate._codec.convert import codec
from lockgate._codec.misfit import Misfit
from lockgate.errors import (
    AnswerInvalidError,
    HookError,
    HookLimitError,
    HookTimeoutError,
    InputRefusedError,
    LockgateError,
    SandboxUnavailableError,
    WorkerCrashedError,
)
from lockgate.grants import Consent, Identity, grant_command
from lockgate.plugin import RefusedError
from lockgate.values import Document, Reason
from lockgate_sandbox import (
    LayerMissingError,
    LimitError,
    ProtocolError,
    RemoteError,
    SandboxError,
    StartError,
    WallLimitError,
    WorkerDiedError,
)

__all__ = ["BEFORE_PLUGIN", "Blame"]

_REASONS: Callable[[object], tuple[Reason, ...]] = codec(tuple[Reason, ...]).decode

BEFORE_PLUGIN = frozenset({"scratch", "keeper", "probe", "zygote", "fork", "seal"})
"""Stages of a start at which nothing of the plugin has run."""

_MACHINE = (
    "Nothing of the plugin ran: the machine did not let its worker start. Call again; "
    "if it stays so, look for a limit on processes or memory: `lockgate doctor`."
)

_UNASKED = "If the plugin is yours, ask for it in its manifest, under [rights]."

_INSTEAD = {
    "net": NO_NETWORK,
    "program": (
        "A plugin starts no process of its own: name the program in the manifest "
        "([[rights.programs]]) and call context.run_program."
    ),
    "call": "The kernel refuses this call to every plugin of its tier.",
}
_LACKED = "Likely for want of memory, of which it printed something last."
_FULL = "Its memory was used up as well, at some time, which may be why."
_NOT_ASKED = (
    "The plugin's manifest does not ask for this path, so it can't be granted. "
    "If it is yours: `read = [{!r}]` there, under [rights], or `write` to change it, "
    'with `tier = "elevated"`. Without a right it writes in context.scratch, from '
    "tier basic on."
)
_HELD = (
    "It was granted {}. To write there it has to ask for `write`; else the file's own "
    "permissions are in the way, which hold for a plugin too."
)


@dataclass(frozen=True, slots=True)
class Blame:
    """Whose call it was; makes the errors of it."""

    identity: Identity
    hook: str

    def _named(self) -> dict[str, Any]:
        return {
            "plugin": self.identity.plugin,
            "hook": self.hook,
            "version": self.identity.version,
        }

    def misfit(self, misfit: Misfit) -> AnswerInvalidError:
        """The answer does not fit the spec."""
        place = f"the answer's {misfit.where}" if misfit.where else "the answer"
        detail = f"{place} should be {misfit.expected}, but is {misfit.found}"
        return AnswerInvalidError(detail, path=misfit.where, **self._named())

    def timeout(
        self, seconds: float, why: str = "", output: str = "", hint: str = ""
    ) -> HookTimeoutError:
        """There was no answer in time; `why` says who else took it."""
        detail = f"no answer within {round(seconds, 2):g} seconds"
        detail = f"{detail}, and {why}" if why else detail
        told = {"cause": "wall-limit", "output": output, "hint": hint}
        return HookTimeoutError(detail, **told, **self._named())

    def busy(self) -> HookError:
        """The thread that asks is reading a stream of this very plugin."""
        detail = "the plugin is busy with a stream that this thread reads"
        hint = "Read the stream to its end, or close it, before asking it again."
        return HookError(detail, cause="stream-open", hint=hint, **self._named())

    def lost_wrapper(self) -> WorkerCrashedError:
        """A wrapper's worker ended between its ``yield`` and the outcome."""
        detail = "its worker ended while the plugins that it wraps were asked"
        return WorkerCrashedError(detail, cause="wrapper-lost", **self._named())

    def of(
        self,
        error: SandboxError,
        *,
        seconds: float,
        why: str = "",
        consent: Consent | None = None,
        denials: Sequence[Document] = (),
    ) -> LockgateError:
        """The engine's error for what the sandbox reported.

        `seconds` is the time the call had, `why` who else took it; `denials` what was
        refused meanwhile.
        """
        if isinstance(error, RemoteError):
            return self._remote(error, consent, denials)
        if isinstance(error, WallLimitError):
            hint = f"{_FULL} {HookTimeoutError.remedy}" if error.suspects else ""
            return self.timeout(seconds, why, error.output, hint)
        if isinstance(error, LayerMissingError):
            return SandboxUnavailableError(
                str(error), layer=error.layer, cause=error.code, hint=error.hint
            )
        kind: type[HookError] = HookError
        if isinstance(error, LimitError):
            kind = HookLimitError
        elif isinstance(error, WorkerDiedError | ProtocolError):
            kind = WorkerCrashedError
        traceback, hint = "", ""
        if error.suspects:
            said = _FULL if isinstance(error, LimitError) else _LACKED
            hint = f"{said} {HookLimitError.remedy}"
        if isinstance(error, StartError):
            traceback = error.traceback
            if error.stage in BEFORE_PLUGIN:
                hint = error.hint or _MACHINE
        told = {"cause": error.code, "traceback": traceback, "hint": hint}
        return kind(str(error), output=error.output, **told, **self._named())

    def raised_here(self, error: Exception | SystemExit) -> LockgateError:
        """The error for what an impl inside the host raised."""
        if isinstance(error, LockgateError):
            return error
        if isinstance(error, RefusedError):
            return self._refused(error.reasons)
        if isinstance(error, WrapperMisuseError):
            return HookError(str(error), cause=error.code, **self._named())
        detail = f"{type(error).__name__}: {error}"
        text = "".join(format_exception(error))
        return HookError(detail, cause="raised", traceback=text, **self._named())

    def _remote(
        self, error: RemoteError, consent: Consent | None, denials: Sequence[Document]
    ) -> LockgateError:
        details = error.details
        told: Mapping[str, object] = details if isinstance(details, dict) else {}
        kind = told.get("kind")
        try:
            if kind == "refused":
                reasons = _REASONS(told.get("reasons"))
                return self._refused(reasons) if reasons else self._failed(error)
            if kind == "answer-invalid":
                return self._told_misfit(told)
        except Misfit as misfit:
            return self.misfit(misfit.below("reasons"))
        if kind == "impl":
            return self.impl(error.message, told, error.traceback, denials, consent)
        plugin = self.identity.plugin
        denial = _told_denial(error, denials)
        if kind == "denied-call" and denial is None:
            hint = _instead(_text(told, "file"))
            return self._failed(error, cause="permission-denied", hint=hint)
        if denial is None:
            denial = _last_denial(error, told, consent, denials, plugin)
        if denial is not None:
            return self._denied(error, denial)
        if kind == "missing-variable":
            return self._failed(
                error, hint=_variable_hint(_text(told, "name"), consent)
            )
        # What the host answered it, or how it ended, in the host's own words.
        plain = error.message if kind in ("exit", "host-call") else ""
        hint = self._way_out(told, denials)
        if not (hint or plain):
            hint = guessed(error.type, error.message) or _unheld(consent, plugin)
        return self._failed(error, plain, hint=hint)

    def _refused(self, reasons: Sequence[Reason]) -> InputRefusedError:
        return InputRefusedError(reasons, plugin=self.identity.plugin, hook=self.hook)

    def _told_misfit(self, told: Mapping[str, object]) -> AnswerInvalidError:
        misfit = Misfit(_text(told, "expected"), found=_text(told, "found"))
        misfit.where = _text(told, "where")
        return self.misfit(misfit)

    def _way_out(self, told: Mapping[str, object], denials: Sequence[Document]) -> str:
        granted = [str(denial["grant"]) for denial in denials]
        return spoken(self.identity.plugin, _text(told, "hint"), granted)

    def impl(
        self,
        message: str,
        told: Mapping[str, object],
        traceback: str = "",
        denials: Sequence[Document] = (),
        consent: Consent | None = None,
    ) -> HookError:
        """The impl can't be had: where it should be, and what is wrong with it."""
        line, code = told.get("line"), _text(told, "code")
        hint, right, grant = self._way_out(told, denials), "", ""
        if not hint and consent is not None:
            hint, right, grant = self._needed(told, consent)
        return HookError(
            message,
            cause=code if code in IMPL_CODES else RemoteError.code,
            traceback=traceback,
            hint=hint,
            right=right,
            grant=grant,
            file=_text(told, "file"),
            line=line if isinstance(line, int) else 0,
            **self._named(),
        )

    def _needed(
        self, told: Mapping[str, object], consent: Consent
    ) -> tuple[str, str, str]:
        """The way out, right and command where an import was refused something."""
        denied = told.get("denied")
        if not isinstance(denied, dict):
            return "", "", ""
        met = cast("Mapping[str, object]", denied)
        kind = met.get("kind")
        if kind == "denied-call":
            return _instead(_text(met, "file")), "", ""
        denial = _kernel_denial(met, consent, self.identity.plugin)
        if denial is not None:
            grant = str(denial["grant"])
            return (
                _allowing(grant) or str(denial["message"]),
                str(denial["right"]),
                grant,
            )
        if kind == "missing-variable":
            return _variable_hint(_text(met, "name"), consent), "", ""
        return "", "", ""

    def _failed(
        self,
        error: RemoteError,
        message: str = "",
        *,
        cause: str = "",
        hint: str = "",
    ) -> HookError:
        return HookError(
            message or str(error),
            cause=cause or error.code,
            traceback=error.traceback,
            output=error.output,
            hint=hint,
            **self._named(),
        )

    def _denied(self, error: RemoteError, denial: Document) -> HookError:
        grant, message = str(denial["grant"]), str(denial["message"])
        # A refusal by the broker says all there is; where it was met is no help.
        refused = denial["by"] == "broker"
        unasked = _UNASKED if refused else message
        return HookError(
            message if refused else str(error),
            cause="permission-denied",
            traceback="" if refused else error.traceback,
            output=error.output,
            hint=_allowing(grant) or unasked,
            right=denial["right"],
            grant=grant,
            **self._named(),
        )


def _text(told: Mapping[str, object], key: str) -> str:
    value = told.get(key)
    return value[:2000] if isinstance(value, str) else ""


def _instead(file: str) -> str:
    """What a plugin does instead of the call that the kernel refused in `file`."""
    return _INSTEAD[about(file)]


def _last_denial(
    error: RemoteError,
    told: Mapping[str, object],
    consent: Consent | None,
    denials: Sequence[Document],
    plugin: str,
) -> Document | None:
    """What the plugin ended for, if it ended for a refusal."""
    if denials and "Permission" in error.type:
        return denials[-1]
    return None if consent is None else _kernel_denial(told, consent, plugin)


def _kernel_denial(
    told: Mapping[str, object], consent: Consent, plugin: str
) -> Document | None:
    """The path that the kernel refused, or the variable that was not handed over.

    None for a variable that no command would give it.
    """
    kind, asked = told.get("kind"), [right.key for right in consent.asked]
    if kind == "missing-variable":
        key = f"env:{_text(told, 'name')}"
        if key not in asked or consent.has(key):
            return None
        return _kernels(key, grant=grant_command(plugin, key))
    if kind != "denied-path":
        return None
    path = _text(told, "path")
    keys = [key for key in asked if _covers(key, path)]
    if not keys:
        return _kernels(f"read:{path}", _NOT_ASKED.format(path))
    lacking = [key for key in keys if not consent.has(key)]
    tiers = [key for key in consent.missing if key.startswith("tier:")]
    if lacking or tiers:
        grant = grant_command(plugin, *lacking, *tiers)
        return _kernels((*lacking, *tiers)[0], grant=grant)
    return _kernels(keys[0], _HELD.format(", ".join(keys)))


def _kernels(right: str, message: str = "", *, grant: str = "") -> Document:
    return {"right": right, "message": message, "grant": grant, "by": "kernel"}


def _allowing(grant: str) -> str:
    return f"To allow it: {grant}" if grant else ""


def _told_denial(error: RemoteError, denials: Sequence[Document]) -> Document | None:
    """The last refusal by the broker that the words of `error` speak of."""
    for denial in reversed(denials):
        resource = str(denial["right"]).partition(":")[2]
        if resource and f"{resource} is refused" in error.message:
            return denial
    return None


def _variable_hint(name: str, consent: Consent | None) -> str:
    """What to do where a plugin misses the variable `name`."""
    if consent is not None and consent.has(f"env:{name}"):
        return f"Set the variable first: export {name}=..."
    return (
        "A plugin sees no variable but those that its manifest asks for, when they are "
        f"granted. If it is yours: `env = [{name!r}]` there, under [rights]."
    )


def _unheld(consent: Consent | None, plugin: str) -> str:
    """A way out that may be it: the plugin runs without rights that it asks for."""
    if consent is None or not consent.missing:
        return ""
    return (
        f"It runs without {', '.join(consent.missing)}, which it asks for; see "
        f"`lockgate grants diff {plugin}`. If it should run without, report it to its "
        "author, with the input."
    )


def _covers(key: str, path: str) -> bool:
    kind, _, value = key.partition(":")
    inside = path == value or path.startswith(value.rstrip("/") + "/")
    return kind in ("read", "write") and inside
