"""What would let code do what it was refused, told from the words of its exception.

The words are the worker's: this is advice for a person, who grants or does not.
Nothing acts on it, and no answer depends on it. Whoever writes the words can have the
advice name what he likes, for somebody who copies it unread: so it names one thing in
letters that show what they are, and never as much as a home folder.
"""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Iterable, Sequence

from lockgate_sandbox._spelling.beneath import is_among
from lockgate_sandbox._wire.misfit import CROSSES
from lockgate_sandbox._wire.own_mode import refused_by_mode
from lockgate_sandbox.places import resolved
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.results import Denial

__all__ = [
    "TOO_MUCH",
    "denials_of",
    "existing_place",
    "folder_of",
    "grant_for",
    "host_of",
    "is_too_much",
    "of_target",
    "telling",
    "way_out",
]

_MODULE = re.compile(r"No module named '([A-Za-z_][\w.]{0,200})'")
_DENIED = re.compile(r"\[Errno 13\] Permission denied: '([^'\n]{1,1000})'")
_REFUSED = "[Errno 1] Operation not permitted"
"""What seccomp says. With a path behind it, it is about a file's mode or times, or a
program that was started by posix_spawn(3), as `subprocess` does from Python 3.13 on."""

_UNREACHED = ("URLError", "ConnectError", "ConnectionError")
"""What clients make of the refusal of a socket: urllib, httpx, requests."""

_NO_NAME = "Temporary failure in name resolution"
_NO_SCRATCH = "No usable temporary directory"

_HOST = re.compile(
    r"(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,252}|[0-9A-Fa-f:.]{2,45}|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::\d{1,5})?"
)

_BELOW = "name a folder below it, which must exist"

TOO_MUCH = f"none: {_BELOW}"
"""Instead of a grant of everything, or of all that somebody has."""

_FUNCTION = "give it a function of yours that does it (`tools`, `callbacks`)"


_BARE = "[Errno 13] Permission denied"
"""Of a unix socket too, but what people meet is a semaphore of `multiprocessing`."""

_MISFIT = re.compile(
    r"objects of type \w{1,200} can't cross|\Aa key is not a string\Z|"
    r"\Acan't serialize ints < "
)
"""What our codec says in the worker, and msgspec's of large numbers."""

_NO_INPUT = ("EOFError", "EOF when reading a line")
_TO_ASK = "a function of yours that asks (`tools`)"
_NOT_BELIEVED = "CERTIFICATE_VERIFY_FAILED"
_AUTHORITY = (
    "it believes the certificate authorities that this machine does; of another one "
    "the file: read=['/CA.pem'], env={'SSL_CERT_FILE': '/CA.pem'}"
)

_MISCALLED = re.compile(
    r"\(\) (?:missing|takes|got an unexpected) |"
    r"\A'[\w.]{1,200}' object is not callable\Z| gave no handler but a "
)
_TARGET = (
    "a target is called with a session, and with the worker's `arguments` by name; it "
    "gives handler(method, arguments)"
)

_DATABASE = "unable to open database file", "attempt to write a readonly database"
_SESSION = "lockgate_session"


def way_out(
    kind: str, message: str, policy: Policy, folders: Sequence[str] = ()
) -> str:
    """What a person may do about an exception of class `kind`, or an empty text.

    `folders` are those that it imports from.
    """
    if kind == "ModuleNotFoundError":
        found = _MODULE.match(message)
        return _import_from(found[1], folders) if found else ""
    if _MISFIT.search(message):
        return CROSSES
    if _NO_SCRATCH in message:
        return _scratch(policy)
    if (kind, message) == _NO_INPUT:
        return f"it has no standard input: give it `inputs`, or {_TO_ASK}"
    if _NOT_BELIEVED in message:
        return _AUTHORITY
    if _NO_NAME in message or (_REFUSED in message and kind.endswith(_UNREACHED)):
        return f"it has no network: {_FUNCTION}, or grant `hosts`"
    if kind == "sqlite3.OperationalError" and message in _DATABASE:
        beside = "the folder of a database is changed with it: grant `write` of that"
        return _scratch(policy) or beside
    if kind != "PermissionError":
        return ""
    if message == _REFUSED:
        return (
            "it may open no socket (grant `hosts`), start no process or program and "
            f"signal no other one: {_FUNCTION}"
        )
    if message == _BARE:
        return "it has no semaphores of processes, so no pool of them: threads will do"
    if message.startswith(f"{_REFUSED}: '"):
        what = "it may start no program, and set no mode, owner or times of a file"
        return f"{what}: {_FUNCTION}, or grant `programs`"
    found = _DENIED.fullmatch(message)
    return _path(found[1], policy) if found else ""


def denials_of(
    told: Sequence[tuple[str, str]], policy: Policy, folders: Sequence[str] = ()
) -> list[Denial]:
    """What a process told that it tried (right, what), as far as it is worth telling.

    Each with what `grant_for` says. A variable that the host has not either is no
    loss, and neither is what `telling` leaves out.
    """
    return telling(
        [
            Denial(right, what, grant_for(right, what, policy, folders))
            for right, what in told
            if _is_missed(right, what)
        ]
    )


def telling(denials: Iterable[Denial]) -> list[Denial]:
    """Without a socket of no name, where a host is named that it was made for."""
    found = list(denials)
    if all(_is_bare(item) for item in found if item.right == "net"):
        return found
    return [item for item in found if not _is_bare(item)]


def _is_bare(denial: Denial) -> bool:
    return denial.right == "net" and " " in denial.what


def of_target(kind: str, message: str) -> str:
    """What a person may do about a target that could not be called as one is."""
    return _TARGET if kind == "TypeError" and _MISCALLED.search(message) else ""


def grant_for(
    right: str, what: str, policy: Policy, folders: Sequence[str] = ()
) -> str:
    """The argument that would allow a `Denial` under `policy`; why not, if none would.

    `path` goes beside a policy, the others are those of `Policy.for_tier`. `folders`
    are those that it imports from.
    """
    if why := refused_by_mode(right, what, policy):
        return f"none: {why}"
    if right == "read":
        return TOO_MUCH if is_too_much(what) else f"read=({what!r},)"
    if right == "write":
        return _write(what, policy)
    if right == "net":
        return f"hosts=({host_of(what) or 'HOST:PORT'!r},)"
    if right == "env":
        return f"env={{{what!r}: os.environ[{what!r}]}}"
    if right == "import":
        return _import_grant(what, folders)
    if right == "program" and what[:1] == "/" and os.path.isfile(what):  # noqa: PTH113
        return f"programs=(Program({os.path.basename(what)!r}, {what!r}),)"  # noqa: PTH119
    return f"none: {_FUNCTION}"


def _write(path: str, policy: Policy) -> str:
    place = existing_place(path)
    own = not place or is_too_much(place)
    if own and not policy.tier.may_write:
        return "tier basic: a folder of its own"
    if not place:
        return f"none: {_ITS_OWN}"
    return TOO_MUCH if own else f"write=({place!r},)"


_ITS_OWN = "it has a folder of its own, where `tempfile` makes files"


def _import_grant(module: str, folders: Sequence[str]) -> str:
    if module == _SESSION:
        return "broker=Broker(policy)"
    if absent := _absent(folders):
        return f"none: {absent!r} of `path` does not exist"
    folder = folder_of(module)
    return f"path=[{folder!r}]" if folder else "path=[the folder that it lies in]"


def _is_missed(right: str, what: str) -> bool:
    """Whether somebody would want to grant it: a variable has to be there."""
    try:
        return right != "env" or os.environb.get(os.fsencode(what)) is not None
    except ValueError:  # what no variable is called
        return False


def host_of(what: str) -> str:
    """The host, and perhaps the port, that `what` names; empty if it names none.

    It may be the audit event of a bare socket. A name in other letters than ASCII's is
    for its owner to write: it may only look like the one that is meant.
    """
    return what if _HOST.fullmatch(what) else ""


_OF_ALL = "/home", "/root", "/dev", "/proc", "/sys"
"""Where everybody's homes are, and where the kernel shows the whole machine."""


def is_too_much(path: str) -> bool:
    """Whether no one should be advised to grant `path`: it holds somebody's all.

    Nor a path that is none: a worker's own words are no reason to go anywhere. What
    counts is where it leads, since a grant of it leads there: ``/.``, a link that a
    worker made and ``/proc/self/root`` are ``/`` by other names.
    """
    if path[:1] != "/":
        return True
    try:
        real, _ = resolved(path)
        home, _ = resolved(os.path.expanduser("~"))  # noqa: PTH111
    except (OSError, ValueError):  # of too many links, or what no file is called
        return True
    if os.path.dirname(real) == "/home":  # noqa: PTH120
        return True  # another one's
    return any(is_among(one, [real.rstrip("/")]) for one in (home, *_OF_ALL))


_TEMPORARY = ("/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108 - where tempfile looks


def existing_place(path: str) -> str:
    """What a grant to write `path` has to name: it, or the folder it comes into.

    Empty for a new file of a temporary folder: that is everybody's.
    """
    if path[:1] != "/":
        return path or "."
    if os.path.dirname(path) in _TEMPORARY and not os.path.lexists(path):  # noqa: PTH120
        return ""
    while path != "/" and not os.path.lexists(path):
        path = os.path.dirname(path)  # noqa: PTH120
    return path


def folder_of(module: str, *folders: str) -> str:
    """Where `module` lies, if it is in `folders` or installed here; else empty."""
    name = module.partition(".")[0]
    if not name.isidentifier():  # what is no module's, and may be any path
        return ""
    for folder in (*folders, sysconfig.get_path("purelib")):
        place = os.path.join(folder, name)  # noqa: PTH118
        if os.path.lexists(f"{place}.py") or os.path.isdir(place):  # noqa: PTH112
            return folder
    return ""


def _absent(folders: Sequence[str]) -> str:
    """The first of them that is not there; empty if all are."""
    return next((one for one in folders if not os.path.lexists(one)), "")


def _import_from(module: str, folders: Sequence[str]) -> str:
    if module == _SESSION:
        return (
            "a text or a file has it with broker=Broker(policy); a target of a worker "
            "is given its session as first argument"
        )
    if absent := _absent(folders):
        return f"the import folder {absent!r} does not exist"
    if folders and (here := folder_of(module, *folders)) in folders:
        if "." in module:
            return f"{here!r} has {module.partition('.')[0]}, without that in it"
        return f"it lies in {here!r}: may everybody read that, and enter what it is in?"
    here = folder_of(module)
    folder = repr(here) if here else "the folder that it lies in"
    return f"it can import from the standard library and from `path`: add {folder}"


def _path(path: str, policy: Policy) -> str:
    if not path.startswith("/"):
        # It stands in its scratch folder, or where nothing can be written.
        return _scratch(policy) or "grant it: `read` and `write` name absolute paths"
    tier = policy.tier if policy.tier.may_grant else "elevated"
    if not os.path.lexists(path):
        # It was to be made: nothing that is not there is read.
        place = existing_place(path)
        if policy.tier.may_write and (not place or is_too_much(place)):
            return f"write elsewhere: {_ITS_OWN}"
        if place and not is_too_much(place):
            wanted = f"Policy.for_tier('{tier}', write=[{place!r}])"
            return "; ".join(filter(None, [_scratch(policy), f"to make it: {wanted}"]))
        return _scratch(policy)
    if is_too_much(path):
        return f"granted, it would be all that there is: {_BELOW}"
    if why := refused_by_mode("read", path, policy):
        return why
    change = f"to change it: Policy.for_tier('{tier}', write=[{path!r}])"
    if is_among(path, policy.read):
        return change
    return f"to read it: Policy.for_tier('{policy.tier}', read=[{path!r}]); {change}"


def _scratch(policy: Policy) -> str:
    if policy.tier.may_write:
        return ""
    return "tier basic has a folder of its own to write to; `write` grants one of yours"
