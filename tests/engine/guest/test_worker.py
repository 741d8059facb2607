"""The worker's side, by itself: impls that match, answers, programs, trees."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate._guest import program as _worker_program
from lockgate._guest.impls import (
    ImplError,
    WorkerFault,
    checked_impl,
    import_foreign,
)
from lockgate._guest.program import collected, matches, run_here, write_tree
from lockgate._guest.python import TreeFinder
from lockgate._guest.serve import Handler, serve
from lockgate._specs.spec import specs
from lockgate.plugin import hookimpl
from lockgate.values import Data, Tree


class Session:
    """What the sandbox would give; remembers what the host was asked."""

    def __init__(self, scratch: Path | None = None) -> None:
        self.scratch = scratch
        self.programs: dict[str, str] = {}
        self.asked: list[tuple[str, Mapping[str, Data]]] = []

    def call_host(self, name: str, arguments: Mapping[str, Data]) -> Data:
        self.asked.append((name, arguments))
        return None

    def http_transport(self) -> str:
        return "transport"

    def secret(self, name: str) -> str:
        return f"value of {name}"

    def open_device(self, name: str) -> int:
        self.asked.append((name, {}))
        return 77


@pytest.fixture
def module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], str]]:
    """Writes a module, gives its name."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    names: list[str] = []

    def write(source: str) -> str:
        name = f"worker_test_module_{len(names)}"
        names.append(name)
        (tmp_path / f"{name}.py").write_text(source, "utf-8")
        return name

    yield write
    for name in names:
        sys.modules.pop(name, None)


def served(session: Session, module: str) -> Handler:
    hooks = {"generate": f"{module}:generate"}
    return serve(
        session,
        plugin="p",
        hooks=hooks,
        wrappers={},
        config={"a": 1},
        tools=["gcc"],
    )


SPEC: dict[str, Data] = {"spec": {"name": "n"}, "targets": ["t"]}


def test_a_module_is_imported_at_the_first_call_of_its_hook(
    module: Callable[[str], str],
) -> None:
    name = module(
        "from lockgate.plugin import hookimpl, Generation, Tree\n"
        "@hookimpl\ndef generate(spec): return Generation(Tree())\n"
    )
    handle = served(Session(), name)

    assert name not in sys.modules
    answer = handle("generate", SPEC)

    assert name in sys.modules
    assert isinstance(answer, dict)
    assert answer["tree"] == {"files": []}


def test_an_impl_takes_the_arguments_that_it_names(
    module: Callable[[str], str],
) -> None:
    name = module(
        "from lockgate.plugin import hookimpl, Generation, Tree\n"
        "@hookimpl\ndef generate(context, targets):\n"
        "    context.log('info', targets[0], a=(1, 2))\n"
        "    assert isinstance(targets, tuple) and context.config['a'] == 1\n"
        "    assert context.has_program('gcc') and not context.has_program('sh')\n"
    )
    session = Session()

    assert served(session, name)("generate", SPEC) is None
    assert session.asked == [
        ("log", {"level": "info", "message": "t", "fields": {"a": [1, 2]}})
    ]


def test_a_hook_that_the_manifest_does_not_name_is_not_looked_for() -> None:
    with pytest.raises(ImplError) as caught:
        served(Session(), "os")("transform", {})

    assert caught.value.lockgate_details["code"] == "impl-missing"


def test_an_import_that_fails_names_the_module() -> None:
    with pytest.raises(ImplError, match="no_such_module_here") as caught:
        import_foreign("no_such_module_here")

    details = caught.value.lockgate_details
    assert details["code"] == "import-failed"
    assert (details["file"], details["line"]) == ("no_such_module_here", 0), "not ours"


def test_an_impl_may_have_defaults_and_open_ends_of_its_own() -> None:
    @hookimpl
    def generate(spec: object, own: int = 3, *rest: object, **more: object) -> None:
        """Takes more than the hook gives."""

    assert checked_impl(specs()["generate"], generate, "file", "m:f") is generate


def test_a_mismatch_names_file_and_line() -> None:
    @hookimpl
    def generate(specification: object) -> None:
        """Misnames its argument."""

    with pytest.raises(ImplError, match="wants specification") as caught:
        checked_impl(specs()["generate"], generate, "impl.py", "m:generate")

    details = caught.value.lockgate_details
    assert details["file"] == "impl.py"
    assert isinstance(details["line"], int)
    assert details["line"] > 0


def test_what_ends_a_process_elsewhere_is_a_fault_here(
    module: Callable[[str], str],
) -> None:
    name = module(
        "from lockgate.plugin import hookimpl\n"
        "@hookimpl\ndef generate(spec): raise KeyboardInterrupt\n"
    )

    with pytest.raises(WorkerFault, match="KeyboardInterrupt"):
        served(Session(), name)("generate", SPEC)


def test_a_path_that_the_kernel_denied_is_told(module: Callable[[str], str]) -> None:
    name = module(
        "from lockgate.plugin import hookimpl\n"
        "@hookimpl\ndef generate(spec): raise PermissionError(13, 'no', '/etc/x')\n"
    )

    with pytest.raises(PermissionError) as caught:
        served(Session(), name)("generate", SPEC)

    details = getattr(caught.value, "lockgate_details", None)
    assert details == {"kind": "denied-path", "path": "/etc/x"}


@pytest.mark.parametrize("more", ["", ", '/bin/true'"])
def test_the_file_that_made_a_refused_call_is_told(
    module: Callable[[str], str], more: str
) -> None:
    """Also where it names a path, as posix_spawn(3) does."""
    name = module(
        "from lockgate.plugin import hookimpl\n"
        "@hookimpl\ndef generate(spec):\n"
        f"    try:\n        raise PermissionError(1, 'no'{more})\n"
        "    except OSError as error:\n"
        "        raise RuntimeError('wrapped') from error\n"
    )

    with pytest.raises(RuntimeError) as caught:
        served(Session(), name)("generate", SPEC)

    details = getattr(caught.value, "lockgate_details", {})
    assert details["kind"] == "denied-call"
    assert details["file"].endswith(".py")


# -- programs ---------------------------------------------------------------------


def run(folder: Path, code: str, **options: object) -> object:
    given: dict[str, object] = {
        "stdin": b"",
        "tree": Tree(),
        "collect": (),
        "timeout": 30.0,
        **options,
    }
    command = [sys.executable, "-I", "-c", code]
    return run_here(command, folder=folder, **given)  # type: ignore[arg-type]


def test_a_program_gets_a_fresh_folder_that_is_gone_afterwards(tmp_path: Path) -> None:
    code = (
        "import os, sys; print(sorted(os.listdir()), sys.stdin.read());"
        "open('made.txt', 'w').write('made'); sys.exit(3)"
    )

    done = run_here(
        [sys.executable, "-I", "-c", code],
        folder=tmp_path,
        stdin=b"typed",
        tree=Tree.of({"a/b.txt": "b"}),
        collect=("*.txt",),
        timeout=30,
    )

    assert (done.status, done.stdout) == (3, b"['a'] typed\n")
    assert done.tree == Tree.of({"made.txt": "made"})
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_runs_too_long_is_killed_with_its_children(
    tmp_path: Path,
) -> None:
    pid_file = tmp_path / "pid"
    code = (
        "import subprocess, sys, time;"
        "again = [sys.executable, '-I', '-c', 'import time; time.sleep(60)'];"
        "p = subprocess.Popen(again);"
        f"open({str(pid_file)!r}, 'w').write(str(p.pid)); time.sleep(60)"
    )

    with pytest.raises(TimeoutError, match="2 seconds"):
        run(tmp_path, code, timeout=2.0)

    pid = int(pid_file.read_text("utf-8"))
    for _ in range(200):
        if not _runs(pid):
            return
        time.sleep(0.02)
    pytest.fail("the program's child is still there")


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2]
    except OSError:
        return False
    return state.split()[0] != "Z"


def test_a_program_that_prints_too_much_is_an_error_not_a_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_worker_program, "OUTPUT_LIMIT_BYTES", 1000)

    with pytest.raises(OSError, match="1001 bytes") as caught:
        run(tmp_path, "print('x' * 1000)")

    assert caught.value.errno == errno.EFBIG


def test_a_program_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_here(
            [str(tmp_path / "none")],
            folder=tmp_path,
            stdin=b"",
            tree=Tree(),
            collect=(),
            timeout=1,
        )
    assert list(tmp_path.iterdir()) == []


def test_links_are_not_collected(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("real", "utf-8")
    (tmp_path / "link.txt").symlink_to("/etc/hostname")
    (tmp_path / "folder").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe.txt")

    assert collected(tmp_path, ["**"]) == Tree.of({"real.txt": "real"})


def test_more_than_may_be_collected_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_worker_program, "COLLECT_LIMIT_BYTES", 3)
    (tmp_path / "a").write_text("aa", "utf-8")
    (tmp_path / "b").write_text("bb", "utf-8")

    with pytest.raises(OSError, match="more than"):
        collected(tmp_path, ["*"])


def test_a_tree_is_written_as_it_is_and_read_back(tmp_path: Path) -> None:
    from lockgate.values import File

    tree = Tree((File("a/b.sh", b"#!x", executable=True), File("c", b"\0")))

    write_tree(tmp_path, tree)

    assert collected(tmp_path, ["**"]) == tree


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("a.txt", "*.txt", True),
        ("b/a.txt", "*.txt", False),
        ("b/a.txt", "**/*.txt", True),
        ("a.txt", "**/*.txt", True),
        ("b/c/a.txt", "b/**", True),
        ("b/c/a.txt", "b/*/a.txt", True),
        ("b/a.txt", "b/a.txt", True),
        ("a.TXT", "*.txt", False),
    ],
)
def test_patterns_match_whole_paths(name: str, pattern: str, expected: bool) -> None:
    assert matches(name, pattern) is expected


@given(
    st.lists(st.sampled_from("ab*?["), max_size=12).map("".join),
    st.lists(st.sampled_from("ab*/?["), max_size=12).map("".join),
)
def test_no_pattern_breaks_the_matcher(name: str, pattern: str) -> None:
    assert matches(name, pattern) in (True, False)


# -- python from memory -------------------------------------------------------------


def test_a_tree_is_imported_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    finder = TreeFinder(
        Tree.of(
            {
                "treepkg/__init__.py": "from .inner import VALUE",
                "treepkg/inner.py": "VALUE = __file__",
                "treespace/deep/leaf.py": "VALUE = 7",
                "treepkg/data.txt": "data",
            }
        )
    )
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    import importlib
    import pkgutil

    package = importlib.import_module("treepkg")
    leaf = importlib.import_module("treespace.deep.leaf")

    assert package.VALUE == "<tree>/treepkg/inner.py"
    assert leaf.VALUE == 7
    assert pkgutil.get_data("treepkg", "data.txt") == b"data"
    assert finder.find_spec("treepkg.none") is None
    for name in [name for name in sys.modules if name.startswith("tree")]:
        del sys.modules[name]
