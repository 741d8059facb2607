"""The file that a policy is written to, out of reach of the code that runs under it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from lockgate_sandbox._spelling.beneath import is_among
from lockgate_sandbox._spelling.written import ways
from lockgate_sandbox.cli._report import Place
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.policy_file import policy_text, read_policy

__all__ = ["PolicyOut", "Written", "check_guarded", "written_by"]

Outcome: TypeAlias = Literal["written", "replaced", "failed", "left"]


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the file: ``left`` if none was to be written.

    `before` is the policy that stood there, if one did.
    """

    outcome: Outcome
    before: Policy | None = None

    @property
    def there(self) -> bool:
        """Whether the policy stands in the file now."""
        return self.outcome in ("written", "replaced")


def check_guarded(guarded: Sequence[str], policy: Policy) -> None:
    """Refuse a policy that lets code change one of `guarded`.

    Raises:
        PolicyError: If it does.
    """
    written = written_by(policy)
    for kept in guarded:
        if any(is_among(place, written) for place in ways(kept)):
            raise PolicyError(
                f"{kept} lies where the file may write",
                hint="name a file elsewhere: whoever writes there decides",
            )


def written_by(policy: Policy) -> list[str]:
    """Where code may write under `policy`."""
    open_to = [*policy.write, *(item.path for item in policy.files if item.write)]
    return [os.path.realpath(path) for path in open_to]


class PolicyOut:
    """Where a policy goes, looked at before anything runs. One write.

    Something that is there may be replaced if `replace` says so, or if it is `begun`,
    the policy that it begins from.

    Raises:
        PolicyError: If it can't be written, or something is there that nobody spoke of.
    """

    def __init__(self, file: str, *, begun: str | None, replace: bool) -> None:
        self._place = Place(file, "policy")
        self._place.check()
        self._there = os.path.lexists(file)
        same = bool(begun) and Path(file).exists() and Path(begun or "").samefile(file)
        if self._there and not (replace or same):
            hint = "--replace replaces it, --policy begins from it"
            raise PolicyError(f"{file} is there already", hint=hint)
        self._before: Policy | None = None
        try:
            self._before = read_policy(file) if self._there else None
        except PolicyError:  # it is no policy, and will not be missed as one
            self._before = None

    def write(self, policy: Policy) -> Written:
        """Write `policy`, whole or not at all; standard error says why not."""
        try:
            self._place.write(policy_text(policy).encode())
        except OSError as failed:
            why = f"{self._place.file}: {failed.strerror}"
            print(f"lockgate-sandbox: {why}", file=sys.stderr)
            return Written("failed", self._before)
        return Written("replaced" if self._there else "written", self._before)
