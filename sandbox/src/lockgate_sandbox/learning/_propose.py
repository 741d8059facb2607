"""What would allow each denial: read strictly, since hostile code may have written it.

A name becomes a proposal only if it is what a terminal would show, leads where it says
through no link, and is there; and never as much as a home folder, a folder at the top
of the file system, a terminal, or what the policy itself is kept in.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

from lockgate_sandbox._spelling.beneath import is_among
from lockgate_sandbox._spelling.written import ways
from lockgate_sandbox._wire.own_mode import refused_by_mode
from lockgate_sandbox._wire.remedy import (
    existing_place,
    folder_of,
    host_of,
    is_too_much,
    telling,
)
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.grant_text import parse_host_grant
from lockgate_sandbox.grants import Device, HostGrant
from lockgate_sandbox.learning._proposal import Proposal, ProposedRight
from lockgate_sandbox.policy import Policy, Program
from lockgate_sandbox.results import Denial

__all__ = ["Proposals", "propose"]


@dataclass(frozen=True, slots=True)
class Proposals:
    """What would allow denials, each grant once, in the order of the denials.

    `left` are those that no grant is proposed for; their `grant` says why not.
    """

    wanted: tuple[Proposal, ...]
    left: tuple[Denial, ...]


class _UnfitError(Exception):
    """Why nothing is proposed; the words follow ``none: ``."""


@dataclass(frozen=True, slots=True)
class _Case:
    policy: Policy
    script: str
    guarded: tuple[str, ...]


def propose(
    denials: Iterable[Denial],
    policy: Policy,
    *,
    script: str | os.PathLike[str] = "",
    path: Sequence[str] = (),
    guarded: Sequence[str | os.PathLike[str]] = (),
) -> Proposals:
    """What would allow `denials` of code that ran under `policy`, one by one.

    `script` is the file that ran, beside which it may find what it imports; `path` are
    the folders that it imported from. Nothing is proposed that would let it change one
    of `guarded`, like the file that its policy is kept in. `PythonResult.denials` and
    `RunResult.denials` are what it is for.
    """
    kept = tuple(place for path in guarded for place in ways(path))
    case = _Case(policy, os.fspath(script), kept)
    wanted: dict[tuple[str, object], Proposal] = {}
    left: list[Denial] = []
    for denial in telling(denials):
        try:
            found = _FORMS.get(denial.right, _nothing)(denial, case)
            if found.right != "path" and found.added_to(policy) == policy:
                raise _UnfitError("it is granted, and something else refuses it")
            if why := found.clash(policy, path):
                raise _UnfitError(why)
            if found.wider is not None and found.wider.clash(policy, path):
                found = replace(found, wider=None)
        except (_UnfitError, PolicyError) as error:
            left.append(replace(denial, grant=f"none: {error}"))
            continue
        known = wanted.get(found.key, found)
        tried = tuple(dict.fromkeys((*known.denials, denial)))
        wanted[found.key] = replace(known, denials=tried)
    return _settled(wanted, left)


_RANDOM = re.compile(r"[a-z0-9_]{8}")
"""What `tempfile` calls a file to see whether a folder may be written to."""


def _settled(
    wanted: dict[tuple[str, object], Proposal], left: list[Denial]
) -> Proposals:
    """All of them; where `tempfile` looked for a folder, only the scratch folder.

    It tries the folder where it stands last of all. If the file itself is to be made
    there it is denied again when it has scratch, and proposed then.
    """
    scratch = wanted.get(("scratch", ""))
    if scratch is not None:
        here = os.path.realpath(os.curdir)
        place = wanted.get(("write", here))
        tries = [one for one in left if _is_tempfiles(one, here)]
        if place is not None and all(_is_tempfiles(one, here) for one in place.denials):
            tries += place.denials
            del wanted[place.key]
        left = [one for one in left if one not in tries]
        wanted[scratch.key] = replace(scratch, denials=(*scratch.denials, *tries))
    return Proposals(tuple(wanted.values()), tuple(left))


def _is_tempfiles(denial: Denial, here: str) -> bool:
    folder, _, name = denial.what.rpartition("/")
    made = denial.right == "write" and folder == here and _RANDOM.fullmatch(name)
    return bool(made) and not os.path.lexists(denial.what)


def _read(denial: Denial, case: _Case) -> Proposal:
    path = _checked(denial.what, case, "read")
    return _with_folder("read", path, denial, case)


def _write(denial: Denial, case: _Case) -> Proposal:
    what = denial.what
    place = existing_place(what) if what.isprintable() else what
    if not place:
        if case.policy.tier.may_write and case.policy.limits.disk_bytes:
            raise _UnfitError("it may write into its scratch folder, $TMPDIR")
        return Proposal("scratch", "", (denial,))
    path = _checked(place, case, "write")
    return _with_folder("write", path, denial, case)


def _with_folder(
    right: ProposedRight, path: str, denial: Denial, case: _Case
) -> Proposal:
    """`path`, and for a file its folder as what is wider, if that may be proposed."""
    found = Proposal(right, path, (denial,))
    if os.path.isdir(path):  # noqa: PTH112
        return found
    try:
        folder = _checked(os.path.dirname(path), case, str(right))  # noqa: PTH120
    except _UnfitError:
        return found
    return replace(found, wider=Proposal(right, folder, (denial,)))


def _checked(path: str, case: _Case, right: str) -> str:
    """`path`, which may be proposed.

    Raises:
        _UnfitError: If it may not.
    """
    if not path.isprintable():
        raise _UnfitError("its name is not what a terminal would show")
    if is_too_much(path):
        raise _UnfitError("it holds all of somebody's; name a folder below it")
    _check_place(path)
    if why := refused_by_mode(right, path, case.policy):
        raise _UnfitError(why.removeprefix("none: "))
    if right == "write":
        for kept in case.guarded:
            if is_among(kept, [path]):
                raise _UnfitError(f"{os.path.basename(kept)} lies there, which decides")  # noqa: PTH119
    return path


def _check_place(path: str) -> None:
    parts = path.split("/")[1:]
    try:
        mode = os.lstat(path).st_mode
    except (OSError, ValueError):
        raise _UnfitError("it is not there any more") from None
    if os.path.realpath(path) != path:
        raise _UnfitError("a link lies on the way; the place itself must be named")
    if parts[0] == "dev" or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise _UnfitError("it is a device, a terminal or the like, and no file")
    if parts[0] == "proc" and parts[1:] and parts[1].isdigit():
        raise _UnfitError("it belongs to one process, which has ended")
    if len(parts) == 1 and stat.S_ISDIR(mode):
        raise _UnfitError("a folder at the top is the machine's; name one below it")
    if stat.S_ISDIR(mode) and mode & stat.S_ISVTX:
        raise _UnfitError("it is everybody's folder; name one below it")


def _net(denial: Denial, _: _Case) -> Proposal:
    grant = _host_grant(denial)
    if grant is None:
        raise _UnfitError("it does not say which host; name one in `hosts`")
    if grant.credential is not None:
        raise _UnfitError("what carries a secret is for its owner to write")
    if find_spec("httpx") is None:
        raise _UnfitError("hosts need httpx, which is not installed here")
    return Proposal("hosts", grant, (denial,), _wider_host(grant, denial))


_WRITTEN = re.compile(r"hosts=\('([^'\\]{1,1000})',\)(?: in the policy)?")
"""A host as a broker, or `run_python`, tells of the grant that would carry it."""


def _host_grant(denial: Denial) -> HostGrant | None:
    """What a broker said would carry it, else the host that was named."""
    written = _WRITTEN.fullmatch(denial.grant)
    for text in (written[1] if written else denial.grant, host_of(denial.what)):
        if not text.isascii() or not text.isprintable():
            continue
        try:
            return parse_host_grant(text)
        except PolicyError:
            continue
    return None


def _wider_host(grant: HostGrant, denial: Denial) -> Proposal | None:
    """The whole host where `grant` is about a part of it, then any protocol."""
    if grant.methods or grant.paths:
        whole = replace(grant, methods=(), paths=())
    elif grant.scheme:
        whole = replace(grant, scheme="")
    else:
        return None
    return Proposal("hosts", whole, (denial,))


def _env(denial: Denial, _: _Case) -> Proposal:
    if denial.what not in os.environ:
        raise _UnfitError("you have no variable of this name")
    return Proposal("env", denial.what, (denial,))


_PROGRAMS = "/usr/local/bin:/usr/bin:/bin"


def _program(denial: Denial, case: _Case) -> Proposal:
    what = denial.what
    if not what.isprintable():
        raise _UnfitError("its name is not what a terminal would show")
    found = what if what[:1] == "/" else None
    if "/" not in what:
        found = shutil.which(what, path=_PROGRAMS)
    if found is None or not os.access(found, os.X_OK):
        raise _UnfitError("there is no such program here")
    place = os.path.realpath(found)
    if not os.path.isfile(place):  # noqa: PTH113
        raise _UnfitError("it is no program")
    name = os.path.basename(found)  # noqa: PTH119
    if any(one.name == name for one in case.policy.programs):
        raise _UnfitError("another program of this name is granted")
    return Proposal("programs", Program(name, place), (denial,))


def _device(denial: Denial, _: _Case) -> Proposal:
    path = denial.what
    if not path.isprintable() or os.path.realpath(path) != path:
        raise _UnfitError("a device is named by its own place below /dev")
    if not os.path.exists(path):  # noqa: PTH110
        raise _UnfitError("it is not there")
    return Proposal("devices", Device(path), (denial,))


def _import(denial: Denial, case: _Case) -> Proposal:
    beside = (os.path.dirname(os.path.realpath(case.script)),) if case.script else ()  # noqa: PTH120
    folder = folder_of(denial.what, *beside)
    if not folder:
        raise _UnfitError("no folder that is known here has it; name one in `path`")
    return Proposal("path", _checked(os.path.realpath(folder), case, "read"), (denial,))


def _nothing(denial: Denial, _: _Case) -> Proposal:
    raise _UnfitError(_REASONS.get(denial.right, "nothing is proposed for it"))


_REASONS = {
    "process": "it may start programs that are granted, and not copy itself",
    "path": "what the broker opens is for the owner to name, in `files`",
    "secret": "the value of a secret is for its owner to give",
    "tool": "a program of the machine is for its owner to name, in `tools`",
}

_FORMS: dict[str, Callable[[Denial, _Case], Proposal]] = {
    "read": _read,
    "write": _write,
    "net": _net,
    "env": _env,
    "program": _program,
    "device": _device,
    "import": _import,
}
