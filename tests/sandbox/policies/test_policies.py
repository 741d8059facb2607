"""The shipped policies, asked through the simulator on both machines."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox import policies
from lockgate_sandbox.bpf.simulate import describe, simulate
from lockgate_sandbox.linux._libc import AUDIT_ARCH
from lockgate_sandbox.linux.seccomp import Filter
from lockgate_sandbox.policies import PolicyFileError
from tests.sandbox.policies.page import PAGE, replaced

MACHINES = ("x86_64", "aarch64")
PID = 4242

READ_ONLY = policies.select(may_fork=False, metadata=False, writes=False, abi=7)
SCRATCH = policies.select(may_fork=False, metadata=True, abi=7)
DEVICES = policies.select(may_fork=False, metadata=False, devices=True, abi=7)
PROGRAMS = policies.select(may_fork=True, metadata=False, abi=7)
OLD = policies.select(may_fork=False, metadata=False, abi=2)


def ask(names: tuple[str, ...], machine: str, call: str, *args: int) -> str:
    """What happens to `call`; nothing if the machine has no such call."""
    number = policies.TABLES[machine].get(call)
    if number is None:
        return ""
    made = policies.build(names, machine)
    named = Filter(made.code, made.pid_slots)
    named.name(PID)
    code = bytes(named.code)
    seen = simulate(code, number=number, audit_arch=AUDIT_ARCH[machine], args=args)
    text = describe(seen)
    kind, _, number_text = text.partition(" ")
    return errno.errorcode[int(number_text)] if kind == "errno" else text


DECISIONS = [
    # what an interpreter does all day
    (READ_ONLY, "allow", "openat", ()),
    (READ_ONLY, "allow", "read", ()),
    (READ_ONLY, "allow", "futex", ()),
    (READ_ONLY, "allow", "getrandom", ()),
    (READ_ONLY, "allow", "mmap", (0, 4096, 3, 0x22)),  # private anonymous
    (READ_ONLY, "allow", "mmap", (0, 4096, 1, 0x01)),  # shared, of a file
    (READ_ONLY, "allow", "clone", (0x3D0F00,)),  # pthread_create
    (READ_ONLY, "allow", "socketpair", (1, 1 | 0o2000000 | 0o4000)),
    (READ_ONLY, "allow", "sendto", (3, 0, 0, 0, 0, 0)),
    (READ_ONLY, "allow", "tgkill", (PID, 1, 6)),  # abort()
    (READ_ONLY, "allow", "kill", (PID, 15)),
    (READ_ONLY, "allow", "prctl", (15,)),  # PR_SET_NAME
    (READ_ONLY, "allow", "ioctl", (0, 0x5401)),  # TCGETS
    (READ_ONLY, "allow", "fcntl", (3, 3)),  # F_GETFL
    (READ_ONLY, "allow", "prlimit64", (0, 7)),
    (READ_ONLY, "allow", "prlimit64", (PID, 7)),
    (READ_ONLY, "allow", "sched_setaffinity", (0,)),
    # and never
    (READ_ONLY, "ENOSYS", "clone3", ()),
    (READ_ONLY, "ENOSYS", "openat2", ()),
    (READ_ONLY, "EPERM", "clone", (17,)),
    (READ_ONLY, "EPERM", "clone", (0x10000000 | 0x10000,)),
    (READ_ONLY, "EPERM", "clone", (17 | 1 << 40,)),
    (READ_ONLY, "EPERM", "fork", ()),
    (READ_ONLY, "EPERM", "vfork", ()),
    (READ_ONLY, "EPERM", "execve", ()),
    (READ_ONLY, "EPERM", "execveat", ()),
    (READ_ONLY, "EPERM", "kill", (PID + 1, 0)),
    (READ_ONLY, "EPERM", "kill", (0xFFFFFFFFFFFFFFFF, 9)),
    (READ_ONLY, "EPERM", "tgkill", (PID + 1, 1, 6)),
    (READ_ONLY, "EPERM", "tkill", (PID,)),
    (READ_ONLY, "EPERM", "socket", (1, 1)),
    (READ_ONLY, "EPERM", "socketpair", (1, 2)),
    (READ_ONLY, "EPERM", "socketpair", (1, 2 | 0o4000)),
    (READ_ONLY, "EPERM", "socketpair", (1, 3)),
    (READ_ONLY, "EPERM", "socketpair", (2, 1)),
    (READ_ONLY, "EPERM", "sendto", (3, 0, 0, 0, 1 << 32, 0)),
    (READ_ONLY, "EPERM", "connect", ()),
    (READ_ONLY, "EPERM", "accept4", ()),
    (READ_ONLY, "EPERM", "mmap", (0, 4096, 3, 0x21)),
    (READ_ONLY, "EPERM", "mmap", (0, 4096, 3, 0x21 | 0x8000)),
    (READ_ONLY, "EPERM", "mmap", (0, 4096, 3, 0x22 | 0x100)),
    (PROGRAMS, "EPERM", "mmap", (0, 4096, 3, 0x22 | 0x100)),
    (READ_ONLY, "allow", "mmap", (0, 4096, 3, 0x20022)),  # MAP_STACK of a thread
    (PROGRAMS, "ENOSYS", "landlock_create_ruleset", (0, 0, 1)),
    (READ_ONLY, "EPERM", "inotify_init1", ()),
    (PROGRAMS, "EPERM", "sync", ()),
    (READ_ONLY, "EPERM", "fcntl", (1, 1031)),  # F_SETPIPE_SZ
    (READ_ONLY, "EPERM", "ioctl", (0, 0x5412)),
    (READ_ONLY, "EPERM", "ioctl", (0, 0x5412 | 1 << 32)),
    (READ_ONLY, "EPERM", "ioctl", (0, 0x541C)),
    (READ_ONLY, "ENOTTY", "ioctl", (0, 0x40086602)),
    (PROGRAMS, "ENOTTY", "ioctl", (0, 0x8912)),  # SIOCGIFCONF
    (PROGRAMS, "ENOTTY", "ioctl", (0, 0x5000940E)),  # BTRFS_IOC_SUBVOL_CREATE
    (PROGRAMS, "ENOTTY", "ioctl", (0, 0x4B47 | 1 << 32)),  # KDSKBENT
    (PROGRAMS, "EPERM", "ioctl", (0, 0x5423)),  # TIOCSETD
    (READ_ONLY, "allow", "ioctl", (0, 0x541B)),  # FIONREAD
    (READ_ONLY, "allow", "ioctl", (0, 0x5421)),  # FIONBIO
    (DEVICES, "allow", "ioctl", (5, 0xC010B407)),  # a GPIO line
    (DEVICES, "ENOTTY", "ioctl", (5, 0x8912)),
    (DEVICES, "EPERM", "ioctl", (5, 0x5412)),
    (READ_ONLY, "EPERM", "prctl", (4,)),
    (READ_ONLY, "EPERM", "prctl", (62,)),
    (READ_ONLY, "EINVAL", "prctl", (78,)),
    (READ_ONLY, "EPERM", "prctl", (0x59616D61,)),
    (READ_ONLY, "ENOTSUP", "getxattr", ()),
    (READ_ONLY, "allow", "fgetxattr", ()),
    (SCRATCH, "EINVAL", "renameat2", (3, 0, 3, 0, 4)),  # RENAME_WHITEOUT
    (SCRATCH, "allow", "renameat2", (3, 0, 3, 0, 2)),  # RENAME_EXCHANGE
    (READ_ONLY, "EINVAL", "clock_gettime", (0xFFFFFFFF,)),
    (READ_ONLY, "allow", "clock_gettime", (1,)),
    (READ_ONLY, "EPERM", "fcntl", (3, 6)),  # F_SETLK
    (READ_ONLY, "EPERM", "fcntl", (3, 38)),
    (READ_ONLY, "EPERM", "flock", ()),
    (SCRATCH, "allow", "fcntl", (3, 6)),  # SQLite in its own folder
    (READ_ONLY, "EPERM", "prctl", (1,)),
    (READ_ONLY, "EPERM", "fcntl", (3, 8)),
    (READ_ONLY, "EPERM", "prlimit64", (1, 7)),
    (READ_ONLY, "EPERM", "setsockopt", (3, 1, 26)),
    (READ_ONLY, "EPERM", "setsockopt", (3, 1, 52)),
    (READ_ONLY, "EPERM", "setsockopt", (3, 1, 7)),  # SO_SNDBUF
    (READ_ONLY, "EPERM", "setsockopt", (3, 1, 8)),
    (READ_ONLY, "allow", "setsockopt", (3, 1, 9)),  # SO_KEEPALIVE
    (READ_ONLY, "ENOPROTOOPT", "getsockopt", (3, 1, 77)),  # SO_PEERPIDFD
    (READ_ONLY, "allow", "getsockopt", (3, 1, 4)),  # SO_ERROR
    (READ_ONLY, "EPERM", "fchmodat", ()),
    (READ_ONLY, "EPERM", "utimensat", ()),
    (READ_ONLY, "EPERM", "lsetxattr", ()),
    # a scratch folder of a uid of its own
    (SCRATCH, "allow", "fchmodat", ()),
    (SCRATCH, "allow", "utimensat", ()),
    (SCRATCH, "EPERM", "execve", ()),
    # programs inside the seal
    (PROGRAMS, "allow", "execve", ()),
    (PROGRAMS, "allow", "clone", (17,)),
    (PROGRAMS, "allow", "vfork", ()),
    (PROGRAMS, "allow", "kill", (PID + 1, 9)),
    (PROGRAMS, "EPERM", "execveat", ()),
    (PROGRAMS, "EPERM", "memfd_create", ()),
    (PROGRAMS, "EPERM", "socket", (2, 1)),
    (PROGRAMS, "EPERM", "unshare", ()),
    # kernels whose Landlock knows no truncation
    (OLD, "EPERM", "truncate", ()),
    (OLD, "EPERM", "openat", (0, 0, 0o1000)),  # O_RDONLY | O_TRUNC
    (OLD, "allow", "openat", (0, 0, 0o1001)),  # O_WRONLY | O_TRUNC: Landlock judges
    (OLD, "allow", "openat", (0, 0, 0)),
    (READ_ONLY, "allow", "truncate", ()),
]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(("names", "decision", "call", "args"), DECISIONS)
def test_a_decision(
    machine: str,
    names: tuple[str, ...],
    decision: str,
    call: str,
    args: tuple[int, ...],
) -> None:
    assert ask(names, machine, call, *args) in (decision, "")


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("names", [READ_ONLY, SCRATCH, PROGRAMS, OLD])
def test_what_is_denied_outright_is_denied_with_any_arguments(
    machine: str, names: tuple[str, ...]
) -> None:
    denied = {
        call
        for name in names
        for entry in policies.load(name)
        if not entry.conditions
        for call in entry.calls
    }
    for call in denied:
        for args in ((), (0xFFFFFFFFFFFFFFFF,) * 6, (PID,) * 6):
            answer = ask(names, machine, call, *args)
            assert answer in ("EPERM", "ENOSYS", "ENOTSUP", "")


@pytest.mark.parametrize("machine", MACHINES)
def test_a_call_newer_than_the_tables_does_not_exist(machine: str) -> None:
    made = policies.build(READ_ONLY, machine)
    newest = max(policies.TABLES[machine].values())

    for number in (newest + 1, 452, 463, 600, 0x3FFFFFFF):
        seen = simulate(made.code, number=number, audit_arch=AUDIT_ARCH[machine])
        assert describe(seen) == f"errno {errno.ENOSYS}"


@pytest.mark.parametrize("machine", MACHINES)
def test_programs_are_short_enough_to_install_quickly(machine: str) -> None:
    for names in (READ_ONLY, SCRATCH, PROGRAMS, OLD):
        assert len(policies.build(names, machine)) < 600


def test_every_shipped_file_names_itself_and_gives_reasons() -> None:
    folder = Path(policies.__file__).parent
    assert {path.stem for path in folder.glob("*.json")} == set(policies.NAMES)
    for name in policies.NAMES:
        document = json.loads((folder / f"{name}.json").read_text("utf-8"))
        assert document["name"] == name
        assert len(document["summary"]) > 20
        for entry in policies.load(name):
            assert entry.reason.endswith(".")


def test_every_entry_bites_on_some_machine() -> None:
    known = {call for table in policies.TABLES.values() for call in table}
    for name in policies.NAMES:
        for entry in policies.load(name):
            assert set(entry.calls) & known, entry


def entry(**fields: object) -> str:
    """A file with one entry that is right but for `fields`."""
    right: dict[str, object] = {
        "calls": ["read"],
        "action": "EPERM",
        "reason": "A reason that is long enough.",
    }
    return json.dumps({"schema": 1, "entries": [{**right, **fields}]})


MALFORMED = [
    ("{", "no JSON"),
    ("[]", "an object with"),
    ('{"schema": 2, "entries": []}', "schema is 1"),
    ('{"schema": true, "entries": []}', "schema is 1"),
    ('{"schema": 1}', "a list is missing"),
    ('{"schema": 1, "entries": [7]}', "entry 0: an object"),
    (entry(calls=["nope"]), "entry 0: no such system calls: .'nope'."),
    (entry(calls=[]), "entry 0: no such system calls"),
    (entry(reason=""), "says why"),
    (entry(action="EPREM"), "an errno's name, not 'EPREM'"),
    (entry(extra=1), "an object with the keys"),
    (
        entry(when=[{"arg": 0, "op": "is", "value": 1, "width": 32}]),
        "a condition has",
    ),
    (
        entry(when=[{"arg": 0, "op": "eq", "value": 1, "width": 16}]),
        "a condition has",
    ),
    (
        entry(when=[{"arg": 0, "op": "eq", "value": "x", "width": 32}]),
        "no number",
    ),
    (
        entry(when=[{"arg": 0, "op": "eq", "value": "1ffffffff", "width": 32}]),
        "does not fit 32 bits",
    ),
]


@pytest.mark.parametrize(("text", "message"), MALFORMED)
def test_a_malformed_file_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(PolicyFileError, match=f"^mine: .*{message}"):
        policies.parse(text, "mine")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["schema", "entries", "calls", "when", "action", "reason", "arg", "op"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_document_is_parsed_or_refused(document: object) -> None:
    text = json.dumps(document)
    try:
        assert isinstance(policies.parse(text, "any"), tuple)
    except PolicyFileError:
        with pytest.raises(PolicyFileError, match=r"^any"):
            policies.parse(text, "any")


def test_an_unknown_machine_has_no_filter() -> None:
    with pytest.raises(ValueError, match="no system call table for riscv64"):
        policies.build(READ_ONLY, "riscv64")


def test_the_reference_page_shows_the_files_as_they_are() -> None:
    text = PAGE.read_text("utf-8")

    assert text == replaced(text), "run: python -m tests.sandbox.policies.page"
