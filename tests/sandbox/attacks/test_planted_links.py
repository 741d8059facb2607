"""A worker that may write where another one's granted path passes, and swaps it.

Before the other starts, or in the very moment between the host's look at the path and
the kernel's rule: it gets what its owner granted, or nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from lockgate_sandbox import PathGrant, Policy, PolicyError, RemoteError, Sandbox
from lockgate_sandbox._seal import plan as planning
from lockgate_sandbox._seal.sealplan import SealPlan
from lockgate_sandbox._spelling.written import WRITTEN
from lockgate_sandbox.broker import Broker
from lockgate_sandbox.linux import landlock, plain
from tests.support.layers import Base
from tests.support.ordinary import run_as_ordinary
from tests.support.sandbox import Lab, open_folder, run

pytestmark = pytest.mark.kernel

_READ = "result = open(path).read()"

SWAPS = {
    "link": "os.rename(data, data + '.old'); os.symlink(victim, data)",
    "link above": "os.rename(up, up + '.old'); os.symlink(victim, up)",
    "own folder": "os.rename(data, data + '.old'); os.rename(other, data)",
}


class Ground:
    """A folder that one policy writes to, and another one reads below it."""

    def __init__(self, root: Path) -> None:
        self.shared, self.victim = root / "shared", root / "victim"
        self.up, self.data = self.shared / "up", self.shared / "up" / "data"
        for folder in (self.data, self.victim / "data", self.shared / "other"):
            folder.mkdir(parents=True)
        for folder in (self.shared, self.up, self.data, self.shared / "other"):
            folder.chmod(0o777)
        (self.victim / "id").write_text("secret")
        (self.victim / "data" / "id").write_text("secret")
        (self.shared / "other" / "id").write_text("other")
        (self.data / "id").write_text("plain")
        self.writes = Policy.for_tier("elevated", write=[str(self.shared)])

    def swap(self, lab: Lab, code: str) -> None:
        """Have a sealed worker do it that may write there."""
        values = {
            "data": str(self.data),
            "up": str(self.up),
            "victim": str(self.victim),
            "other": str(self.shared / "other"),
        }
        lab.run(self.writes, f"import os\n{code}", **values)

    def reads(self, tier: str) -> Policy:
        return Policy.for_tier(tier, read=[str(self.data)])

    def says(self, lab: Lab, policy: Policy) -> object:
        """What a worker of `policy` reads there."""
        try:
            return lab.run(policy, _READ, path=str(self.data / "id"))
        except RemoteError as error:
            return error.type.rpartition(".")[2]


@pytest.fixture
def ground(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    monkeypatch.setattr(WRITTEN, "_folders", {})
    with open_folder() as folder:
        yield Ground(folder)


def _forget() -> None:
    """Know of no folder that workers may write to, until the test ends (`ground`)."""
    vars(WRITTEN)["_folders"].clear()


def _between(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]
) -> list[SealPlan]:
    """Do `act` between the next look at paths and the rules made of them."""
    made: list[SealPlan] = []
    prepare = planning.prepare

    def late(*args: object, **given: object) -> SealPlan:
        found = prepare(*args, **given)  # type: ignore[arg-type] # pyright: ignore
        if not made:
            made.append(found)
            act()
        return found

    monkeypatch.setattr("lockgate_sandbox._start.nursery.prepare", late)
    return made


def _nothing(_links: Iterable[str]) -> str:
    return ""


def _unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules by name alone, links and all, as the kernel's documentation shows it."""
    monkeypatch.setattr(landlock, "open_plain", os.open)
    monkeypatch.setattr(WRITTEN, "planted", _nothing)


@pytest.mark.parametrize("tier", ["read-only", "elevated"])
@pytest.mark.parametrize("how", SWAPS)
def test_what_is_swapped_after_the_look_is_not_granted(
    lab: Lab, ground: Ground, monkeypatch: pytest.MonkeyPatch, tier: str, how: str
) -> None:
    worker = lab.worker(ground.writes)  # started before: its plan is not the one

    def act() -> None:
        values = {"data": str(ground.data), "up": str(ground.up)}
        values |= {"victim": str(ground.victim), "other": str(ground.shared / "other")}
        run(worker, f"import os\n{SWAPS[how]}", **values)

    made = _between(monkeypatch, act)
    assert ground.says(lab, ground.reads(tier)) == "PermissionError"
    assert made, "the swap was not made in between"
    assert (ground.data / "id").read_text() in ("secret", "other")


@pytest.mark.parametrize("how", SWAPS)
def test_rules_made_by_name_would_grant_it(
    lab: Lab, ground: Ground, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    plan = planning.prepare(ground.reads("read-only"))
    ground.swap(lab, SWAPS[how])
    assert _reads(plan, ground.data) == ""
    plan.identities.clear()
    _unguarded(monkeypatch)
    assert _reads(plan, ground.data) in ("secret", "other")


def _reads(plan: SealPlan, folder: Path) -> str:
    """What a process under the plan's rules alone reads in `folder`."""
    rules = landlock.open_ruleset(plan.rules, plan.abi, plan.identities)
    reader, writer = os.pipe()
    if not os.fork():
        try:
            landlock.restrict_self(rules)
            os.write(writer, (folder / "id").read_bytes())
        finally:
            os._exit(0)
    os.close(writer)
    os.close(rules)
    os.wait()
    with os.fdopen(reader) as file:
        return file.read()


def test_a_link_that_was_planted_before_the_start_is_refused(
    lab: Lab, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground.swap(lab, SWAPS["link"])
    with pytest.raises(PolicyError, match="leads through the link") as refused:
        ground.says(lab, ground.reads("elevated"))
    assert str(ground.data) in str(refused.value)
    assert "without that link" in refused.value.hint

    _unguarded(monkeypatch)
    assert ground.says(lab, ground.reads("elevated")) == "secret"


def test_a_worker_reaches_no_further_by_a_link_of_its_own(
    lab: Lab, ground: Ground
) -> None:
    ground.swap(lab, SWAPS["link"])
    _forget()  # as in a new process
    both = Policy.for_tier(
        "elevated", write=[str(ground.shared)], read=[str(ground.data)]
    )
    with pytest.raises(PolicyError, match="leads through the link"):
        ground.says(lab, both)


def test_a_host_that_looked_before_has_no_link_followed(
    lab: Lab, ground: Ground
) -> None:
    ground.swap(lab, SWAPS["link"])
    _forget()  # the writer is another host's
    with Sandbox.open(follow_links=False) as sandbox:
        strict = Lab(sandbox, lab.folder)
        assert ground.says(strict, ground.reads("elevated")) == "PermissionError"
        assert ground.says(strict, ground.reads("read-only")) == "PermissionError"
    # So the fact that it is somebody else's is all that protects the owner here.
    assert ground.says(lab, ground.reads("read-only")) == "secret"


def test_the_links_of_an_owner_work_and_may_be_changed(
    lab: Lab, ground: Ground
) -> None:
    current = ground.victim.parent / "current"
    current.symlink_to(ground.data)
    policy = Policy.for_tier("read-only", read=[str(current)])
    path = str(current / "id")
    assert lab.run(policy, _READ, path=path) == "plain"
    current.unlink()
    current.symlink_to(ground.victim)
    assert lab.run(policy, _READ, path=path) == "secret"


@pytest.mark.parametrize("beside", ["write", "grant"])
def test_the_broker_opens_no_folder_by_a_planted_link(
    lab: Lab, ground: Ground, monkeypatch: pytest.MonkeyPatch, beside: str
) -> None:
    ground.swap(lab, SWAPS["link"])
    _forget()  # as in a new process
    reads = PathGrant(str(ground.data))
    if beside == "write":
        planning.prepare(ground.writes)
        policy = Policy.for_tier("elevated", files=[reads])
    else:
        writes = PathGrant(str(ground.shared), write=True)
        policy = Policy.for_tier("elevated", files=[writes, reads])
    with pytest.raises(PolicyError, match="leads through the link"):
        Broker(policy)
    monkeypatch.setattr(WRITTEN, "planted", _nothing)
    Broker(policy).close()


def test_a_script_is_run_by_no_planted_link(lab: Lab, ground: Ground) -> None:
    ground.swap(lab, SWAPS["link"])
    with pytest.raises(PolicyError, match=r"script: .* leads through the link"):
        lab.sandbox.run_file(Policy.for_tier("read-only"), ground.data / "id")


@pytest.mark.parametrize("calls", ["openat2", "openat"])
def test_opening_plainly_follows_no_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: str
) -> None:
    if calls == "openat":
        monkeypatch.setattr(plain, "_NUMBER", -1)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "file").write_text("inside")
    (tmp_path / "way").symlink_to("a")
    (tmp_path / "a" / "end").symlink_to("file")
    above = os.open(tmp_path, os.O_PATH)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for path in ("way/file", "a/end", "way"):
        for flags in (os.O_RDONLY, os.O_PATH, os.O_PATH | os.O_DIRECTORY):
            for place in ((str(tmp_path / path), -1), (path, above)):
                with pytest.raises(OSError, match="symbolic links") as refused:
                    plain.open_plain(place[0], flags, beneath=place[1])
                assert refused.value.errno == 40, (path, flags)
    for path, beneath in (("../x", above), ("/etc", above), ("a/../../x", above)):
        with pytest.raises(OSError, match="cross-device"):
            plain.open_plain(path, os.O_PATH, beneath=beneath)
    for path in ("a/none", "none/file", "a/file/x"):
        with pytest.raises((FileNotFoundError, NotADirectoryError)):
            plain.open_plain(path, os.O_RDONLY, beneath=above)
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208
    made = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    os.close(plain.open_plain("a/new", made, beneath=above))
    with os.fdopen(plain.open_plain(str(tmp_path / "a/file"), os.O_RDONLY)) as file:
        assert file.read() == "inside"
    assert (tmp_path / "a" / "new").stat().st_mode & 0o111 == 0
    os.close(above)


_NOTE_NOTHING = """
import lockgate_sandbox.program as program
from lockgate_sandbox._spelling.written import Written
program.WRITTEN = Written()
"""
_LEAVE = """
import os
name = os.environ["LEFT"]
os.rename(name, name + ".old")
os.symlink(os.environ["SECRET"], name)
"""


@pytest.mark.parametrize(("off", "followed"), [("", False), (_NOTE_NOTHING, True)])
@pytest.mark.parametrize("left", ["lib", "x.py"])
def test_a_link_that_an_earlier_run_left_is_not_followed_by_the_next(
    left: str, off: str, followed: bool
) -> None:
    """An import folder, or the file itself, that lies where it may write."""
    with open_folder() as folder:
        (folder / "secret").mkdir()
        (folder / "secret" / "key").write_text("hunter2")
        (folder / "box" / "lib").mkdir(parents=True)
        (folder / "box").chmod(0o777)
        (folder / "box" / "x.py").write_text(_LEAVE)
        target = {"lib": "secret", "x.py": "secret/key"}[left]
        main = (
            "import sys; from lockgate_sandbox.__main__ import main; sys.exit(main())"
        )
        command = [sys.executable, "-c", off + main, "run", "--allow-write=box"]
        command += ["--path=box/lib", f"--env=LEFT={folder}/box/{left}"]
        command += [f"--env=SECRET={folder}/{target}"]
        runs = [[*command, "box/x.py"], [*command, "box/x.py"]]
        if left == "lib":
            runs[1] = [*command, "-c", "print(open('box/lib/key').read())"]
        first, second = [
            subprocess.run(
                run, capture_output=True, text=True, check=False, timeout=60, cwd=folder
            )
            for run in runs
        ]

    assert first.returncode == 0, first.stderr
    assert ("hunter2" in second.stdout + second.stderr) is followed
    assert ("leads through the link" in second.stderr) is not followed


_PLUGIN = """
import os

def build(session):
    def handler(method, given):
        if method == "close":
            os.rename(given["folder"], given["folder"] + ".old")
            os.mkdir(given["folder"], 0)
        return method
    return handler
"""
_HOST = """
import os, pathlib
from lockgate_sandbox import Policy, Sandbox

shared = pathlib.Path(os.environ["HOME"], "shared")
inner = shared / "data" / "inner"
inner.mkdir(parents=True)
writes = Policy.for_tier("elevated", write=(str(shared),))
reads = Policy.for_tier("read-only", read=(str(inner),))
with Sandbox.open() as sandbox:
    for policy, method in ((writes, "close"), (reads, "starts")):
        with sandbox.worker(policy, target="plugin:build", path=[os.getcwd()]) as one:
            print(one.call(method, {"folder": str(inner.parent)}).value)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become an ordinary user")
def test_a_folder_that_a_neighbour_closes_keeps_nobody_from_starting(
    base: Base,
) -> None:
    files = {"plugin.py": _PLUGIN, "program.py": _HOST}
    done = run_as_ordinary(base, ["program.py"], files)
    assert done.stdout.split() == ["close", "starts"], done.stderr[-2_000:]
