"""The document that ``run --report`` writes, and the grants that its denials name."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate_sandbox._whole import write_whole
from lockgate_sandbox._wire.own_mode import refused_by_mode
from lockgate_sandbox._wire.remedy import (
    TOO_MUCH,
    existing_place,
    folder_of,
    host_of,
    is_too_much,
)
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.results import error_document, usage_document
from lockgate_sandbox.tiers import Tier

if TYPE_CHECKING:
    from lockgate_sandbox.errors import SandboxError
    from lockgate_sandbox.policy import Policy
    from lockgate_sandbox.results import Denial, RunResult

__all__ = ["SCRATCH", "Place", "grant_for", "report"]

SCRATCH = "it may write into its scratch folder, $TMPDIR"

_SHARED = (
    "it lies in {}, with all else that is there: move both to a folder of their own"
)

_GRANTS = {
    "read": "--allow-read {}",
    "env": "--env {}",
    "device": "--allow-device {}",
    "secret": "--secret {}=VARIABLE",
    "program": "a policy with `programs` (--policy), or Sandbox.run_program in Python",
    "process": "none: a file run this way starts no processes",
}


class Place:
    """Where a report goes, looked up before anything runs that may write there.

    A folder that leads to it could be a link elsewhere when the file has ended. `what`
    is what it is called, if it is no report.
    """

    def __init__(self, file: str, what: str = "report") -> None:
        self.file = file
        self._what = what
        self._folder = -1
        self._failed: OSError | None = None
        self.usable = True
        if not hasattr(os, "O_PATH"):
            return  # another system than Linux, where nothing runs that could write
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            self._folder = os.open(Path(file).parent, flags)
        except OSError as error:
            self._failed = error

    def check(self) -> None:
        """Refuse to run a file whose report, or the like, could go nowhere.

        Raises:
            PolicyError: If there is no such folder, or nothing can be written there.
        """
        why = self._failed.strerror if self._failed else ""
        hint = "name a file in a folder that is there"
        if Path(self.file).is_dir():
            why, hint = "Is a directory", "name a file in it"
        elif not why and not os.access(Path(self.file).parent, os.W_OK):
            why, hint = "Permission denied", "name a file in a folder of your own"
        if why:
            self.usable = False
            raise PolicyError(
                f"the {self._what} {self.file} can't be written: {why}", hint=hint
            )

    def write(self, data: bytes) -> None:
        """Write it, whole or not at all. Once.

        Raises:
            OSError: If it can't be written, or there was no such folder.
        """
        if self._failed is not None:
            raise self._failed
        if self._folder < 0:
            write_whole(Path(self.file), data)
            return
        try:
            folder = Path(f"/proc/self/fd/{self._folder}")
            write_whole(folder / Path(self.file).name, data)
        finally:
            os.close(self._folder)


def grant_for(denial: Denial, script: str, policy: Policy | None = None) -> str:
    """The option of ``run`` that would allow what `script` was denied, or nothing.

    `policy` is what it ran under: without it this is about what a broker refused.
    """
    what = denial.what
    if not what.isprintable():
        return "none: its name is not what a terminal would show"
    if policy and (why := refused_by_mode(denial.right, what, policy)):
        return f"none: {why}"
    if denial.right == "write":
        return _write(what, policy)
    if denial.right == "read" and is_too_much(what):
        return TOO_MUCH
    if denial.right == "net":
        return f"--allow-net {host_of(what) or 'HOST[:PORT]'}"
    if denial.right == "import":
        folder = folder_of(what, str(Path(script).parent))
        if folder and is_too_much(str(Path(folder).absolute())):
            return f"none: {_SHARED.format(folder)}"
        where = shlex.quote(folder) if folder else "DIR, the folder that it lies in"
        return f"--path {where}"
    return _GRANTS.get(denial.right, "").format(shlex.quote(what))


def _write(what: str, policy: Policy | None) -> str:
    """A grant names what exists: of a new file, the folder that it comes into."""
    place = existing_place(what)
    tier = policy.tier if policy else Tier.READ_ONLY
    if not place and tier.may_write:
        return f"none: {SCRATCH}"
    if not place:
        return "--tier basic, for a temporary folder of its own"
    if is_too_much(place):
        return TOO_MUCH
    more = "--tier elevated " if tier is Tier.BASIC else ""
    return f"{more}--allow-write {shlex.quote(place)}"


def report(
    script: str,
    policy: Policy | None,
    status: int,
    result: RunResult | None,
    error: SandboxError | None,
) -> dict[str, object]:
    """What is known of a run, as plain data; ``docs/reference/sandbox-report.md``."""
    return {
        "schema": 1,
        "file": script,
        "status": status,
        "error": error_document(error),
        "policy": policy.to_dict() if policy else None,
        "posture": result.posture.to_dict() if result else None,
        "usage": usage_document(result.usage) if result else None,
        "denials": [item.to_dict() for item in (result.denials if result else ())],
    }
