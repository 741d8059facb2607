"""What an `Interpreter` and its guest say to each other: `_guest/lockgate_guest.py`.

The guest shares its process with the code that it runs, so its answers are that
code's: each is looked at before anything is made of it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from lockgate_sandbox._spelling.arguments import check_mapping, check_text
from lockgate_sandbox._watch.claims import NOTES_LIMIT, RIGHTS, WHAT_CHARS
from lockgate_sandbox._watch.patterns import SECONDS_LIMIT, regexes
from lockgate_sandbox._wire.misfit import is_data, unfit
from lockgate_sandbox._wire.remedy import denials_of
from lockgate_sandbox.errors import (
    Data,
    PolicyError,
    ProtocolError,
    RemoteError,
    SandboxError,
)
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.results import Denial

if TYPE_CHECKING:
    from lockgate_sandbox.data import Given

__all__ = ["Request", "Told", "check_names", "missed"]

_DENIALS_LIMIT = NOTES_LIMIT + 1
"""What a process tells of its attempts, and the import that a text ended by."""

_PATH_CHARS = 4_096  # PATH_MAX
_NAME_CHARS = 255  # NAME_MAX
"""No file has a longer one. A pattern is compared in some ms with the longest, and in
hours with what a message could hold."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a cell came to, told by its guest."""

    value: Data = None
    text: str = ""
    denials: tuple[Denial, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


class Request:
    """One text to run, with what it gets and what is wanted of it.

    `number` tells it from the other texts of its interpreter, which imports from
    `folders`.

    Raises:
        PolicyError: If an argument is of the wrong kind, an input is no identifier,
            a file's path is not plain and relative, a pattern makes no sense, or
            files are meant for a policy that has no scratch folder.
    """

    def __init__(
        self,
        source: str,
        name: str,
        *,
        inputs: Mapping[str, Given],
        files: Mapping[str, bytes],
        collect: Sequence[str],
        policy: Policy,
        folders: Sequence[str] = (),
        number: int = 0,
    ) -> None:
        check_text("source", source)
        check_mapping("inputs", inputs, "{'name': value}")
        check_mapping("files", files, "{'path': b'content'}")
        check_names("input", inputs)
        if not is_data(inputs):
            # Deep inside, the codec would convert what it happens to know.
            raise unfit("inputs", inputs, "this can't cross")
        if (files or collect) and not policy.tier.may_write:
            raise PolicyError(
                f"tier {policy.tier} has no folder for files",
                hint="tier basic has one of its own: Policy.for_tier('basic')",
            )
        for path, content in files.items():
            _check_file(path, content)
        self._wanted = regexes(collect)
        self._policy, self._folders = policy, folders
        self._source, self._name, self._number = source, name, number
        self._inputs, self._files = dict(inputs), dict(files)

    def run(self, *, live: bool = False) -> dict[str, Any]:
        """The arguments of the guest's ``run``; `live`: it keeps no output back."""
        return {
            "source": self._source,
            "name": self._name,
            "inputs": self._inputs,
            "files": self._files,
            "live": live,
            **self.rest(),
        }

    def rest(self) -> dict[str, Any]:
        """The arguments of its ``rest``, which tells what a failed text left."""
        wanted = [regex.pattern for regex in self._wanted]
        return {"collect": wanted, "number": self._number}

    def told(self, answer: object) -> Told:
        """What an answer of ``run`` says.

        Raises:
            ProtocolError: If it is none.
        """
        value, text, *rest = _list_of(answer, 4)
        found = self.left(rest)
        return Told(cast("Data", value), str(text), found.denials, found.files)

    def left(self, answer: object) -> Told:
        """What an answer of ``rest`` says.

        Raises:
            ProtocolError: If it is none.
        """
        denied, files = _list_of(answer, 2)
        return Told(
            denials=_denials(denied, self._policy, self._folders),
            files=self._collected(files),
        )

    def _collected(self, given: object) -> dict[str, bytes]:
        if not isinstance(given, dict):
            raise _no_result()
        told, until = cast("dict[str, object]", given), time.monotonic() + SECONDS_LIMIT
        if len(told) > self._policy.limits.inodes:
            raise _no_result()
        found: dict[str, bytes] = {}
        for path, data in told.items():
            if not (_is_plain(path) and isinstance(data, bytes) and self._asked(path)):
                raise _no_result()
            if time.monotonic() > until:
                raise _no_result()
            found[path] = data
        return found

    def _asked(self, path: str) -> bool:
        return any(regex.fullmatch(path) for regex in self._wanted)


def _denials(
    given: object, policy: Policy, folders: Sequence[str]
) -> tuple[Denial, ...]:
    if not isinstance(given, list):
        raise _no_result()
    if len(cast("list[object]", given)) > _DENIALS_LIMIT:
        raise _no_result()
    told: list[tuple[str, str]] = []
    for item in cast("list[object]", given):
        right, what = _list_of(item, 2)
        if not isinstance(right, str) or right not in RIGHTS:
            raise _no_result()
        if not isinstance(what, str) or len(what) > WHAT_CHARS:
            raise _no_result()
        told.append((right, what))
    return tuple(denials_of(told, policy, folders))


def _list_of(given: object, count: int) -> list[object]:
    if not isinstance(given, list) or len(cast("list[object]", given)) != count:
        raise _no_result()
    return cast("list[object]", given)


def _no_result() -> ProtocolError:
    return ProtocolError("the reply is no result of a cell")


def _check_file(path: str, content: object) -> None:
    """Refuse a file that can't be written into the scratch folder."""
    if not _is_plain(path):
        msg = f"a file for a text has a plain relative path, not {path!r}"
        raise PolicyError(msg)
    if isinstance(content, str):
        msg = f"the file {path!r} is made of bytes, and this is a text"
        raise PolicyError(msg, hint="text.encode()")


def _is_plain(path: str) -> bool:
    """Whether `path` names something below a folder, and nothing else."""
    if len(path) > _PATH_CHARS or "\0" in path:
        return False
    parts = path.split("/")
    return not any(part in ("", ".", "..") or len(part) > _NAME_CHARS for part in parts)


def check_names(what: str, names: Mapping[str, object]) -> None:
    """Refuse names that code could not write.

    Raises:
        PolicyError: If one is no identifier.
    """
    for name in names:
        if not name.isidentifier():
            msg = f"an {what} is a name in the code, and {name!r} can't be one"
            raise PolicyError(msg.replace("an tool", "a tool"))


def missed(
    error: SandboxError | None, denials: Sequence[Denial]
) -> SandboxError | None:
    """`error` with what would help, where its own words do not tell it.

    A variable that is not there is no refusal to Python: a key like any other.
    """
    if isinstance(error, RemoteError) and error.type == "KeyError" and not error.hint:
        for denial in denials:
            if denial.right == "env" and repr(denial.what) == error.message:
                hint = (
                    f"it sees no variable of yours that is not granted: {denial.grant}"
                )
                told = error.type, error.message, error.traceback, error.details
                return RemoteError(*told, hint=hint)
    return error
