"""What a text tried, what files it gets and leaves, and its broker."""

from __future__ import annotations

import json
import os
import sysconfig
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lockgate_sandbox import (
    Data,
    Denial,
    Interpreter,
    MessageLimitError,
    Policy,
    PolicyError,
    ProtocolError,
    PythonResult,
    RemoteError,
    Sandbox,
    WallLimitError,
    _cells,
    run_python,
)
from lockgate_sandbox._cells import Request
from lockgate_sandbox._watch.claims import NOTES_LIMIT
from lockgate_sandbox.broker import AuditRecord, Broker
from tests.support.sandbox import policy
from tests.support.servers import http_server

pytestmark = pytest.mark.kernel

PACKAGES = sysconfig.get_path("purelib")


@pytest.fixture(scope="module")
def python(sandbox: Sandbox) -> Iterator[Interpreter]:
    with Interpreter.open("basic", path=[PACKAGES], sandbox=sandbox) as opened:
        yield opened


def attempt(code: str) -> str:
    return f"try:\n    {code}\nexcept OSError:\n    pass"


@pytest.mark.parametrize(
    ("code", "denial"),
    [
        ("open('/etc/passwd')", ("read", "/etc/passwd", "read=('/etc/passwd',)")),
        ("__import__('os').listdir('/etc')", ("read", "/etc", "read=('/etc',)")),
        ("open('/etc/new', 'w')", ("write", "/etc/new", "write=('/etc',)")),
        (
            "__import__('os').symlink('/usr', '/etc/new')",
            ("write", "/etc/new", "write=('/etc',)"),
        ),
        (
            "__import__('os').remove('/etc/passwd')",
            ("write", "/etc", "write=('/etc',)"),
        ),
        (
            "__import__('os').rename('/etc/passwd', 'moved')",
            ("write", "/etc", "write=('/etc',)"),
        ),
        (
            "import os; os.mkdir('to-go'); os.rename('to-go', '/etc/passwd')",
            ("write", "/etc", "write=('/etc',)"),
        ),
        (
            "__import__('socket').create_connection(('a.test', 80))",
            ("net", "a.test:80", "hosts=('a.test:80',)"),
        ),
        ("__import__('os').fork()", ("process", "fork", "none: give it a function")),
        (
            "__import__('subprocess').run(['/bin/true'])",
            ("program", "/bin/true", "programs=(Program("),
        ),
    ],
)
def test_what_a_text_coped_without_is_told(
    python: Interpreter, code: str, denial: tuple[str, str, str]
) -> None:
    result = python.run(attempt(code)).check()

    told = [item for item in result.denials if item.right == denial[0]]
    assert (told[0].right, told[0].what) == denial[:2]
    assert told[0].grant.startswith(denial[2])


def test_what_may_be_done_is_no_denial(python: Interpreter) -> None:
    code = """
import os, json, tempfile, xml.dom.minidom
with tempfile.TemporaryFile("w") as file: file.write("x")
os.mkdir("made"); os.symlink("/etc/passwd", "made/link"); os.rename("made", "other")
open(os.devnull, "w").close()
os.path.exists("/etc/passwd")
"""
    assert python.run(code).check().denials == ()


def test_the_grant_that_is_told_allows_it(sandbox: Sandbox) -> None:
    code = "open('/etc/passwd').read(4)"
    (denial,) = run_python(attempt(code), sandbox=sandbox).denials
    given = eval(f"dict({denial.grant})")  # noqa: S307 - what a reader would paste
    allowed = run_python(code, Policy.for_tier("read-only", **given), sandbox=sandbox)

    assert allowed.check().value == "root"
    assert allowed.denials == ()


def test_a_variable_of_the_host_is_told_and_no_other(
    python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_KEY", "value-of-it")
    code = (
        "import os\nos.getenv('ACME_KEY'), os.getenv('ACME_NONE'), 'A\\0' in os.environ"
    )
    result = python.run(code).check()

    assert result.value == [None, None, False]
    (denial,) = result.denials
    assert (denial.right, denial.what) == ("env", "ACME_KEY")
    given = eval(f"dict({denial.grant})", {"os": os})  # noqa: S307
    policy = Policy.for_tier("basic", **given)
    assert run_python(code, policy).check().value == ["value-of-it", None, False]


def test_a_text_that_was_never_sent_tells_nothing(python: Interpreter) -> None:
    code = attempt("open('/etc/passwd')") + "\nopen('left-here', 'w').close()"
    assert python.run(code).denials
    given = {"large": "x" * (Policy.for_tier("basic").limits.message_bytes + 1)}
    result = python.run("1", inputs=given, collect=["left-*"])

    assert isinstance(result.error, MessageLimitError)
    assert (result.denials, result.files) == ((), {})


def test_each_text_tells_its_own(python: Interpreter) -> None:
    code = attempt("open('/etc/passwd')")

    assert [len(python.run(code).denials) for _ in range(2)] == [1, 1]
    assert python.run("1").denials == ()


def test_a_text_that_failed_tells_too(python: Interpreter) -> None:
    result = python.run("print('seen')\nimport nothing_like_it")

    assert isinstance(result.error, RemoteError)
    assert [item.right for item in result.denials] == ["import"]
    assert result.output == "seen\n"
    assert result.usage is not None
    assert result.usage.peak_memory_bytes > 1 << 20


def test_the_import_that_ended_it_is_told_after_as_much_as_is_told_at_all(
    python: Interpreter,
) -> None:
    code = f"""
print("begun")
for number in range({NOTES_LIMIT + 10}):
    try:
        open(f"/etc/new-{{number}}", "w")
    except OSError:
        pass
import not_there_at_all
"""
    result = python.run(code)

    assert len(result.denials) == NOTES_LIMIT + 1
    assert (result.denials[-1].right, result.output) == ("import", "begun\n")


def test_names_that_are_no_text_are_told_readably(python: Interpreter) -> None:
    (denial,) = python.run(attempt(r"open(b'/etc/\xff', 'w')")).denials

    assert (denial.right, denial.what) == ("write", r"/etc/\udcff")
    result = python.run(r"__import__('\udcff')")
    assert isinstance(result.error, RemoteError)
    assert [one.what for one in result.denials] == [r"\udcff"]


def test_files_that_no_host_could_take_are_left_out(python: Interpreter) -> None:
    code = r"""
import os
open(b"odd-\xff", "w").close()
os.close(os.open("odd-closed", os.O_CREAT | os.O_WRONLY, 0))
open("odd-plain", "w").close()
"""
    result = python.run(code, collect=["odd-*"]).check()

    assert set(result.files) == {"odd-plain"}


def test_files_go_in_and_out(python: Interpreter) -> None:
    code = """
import os
os.makedirs("out", exist_ok=True)
open("out/sum.txt", "w").write(str(sum(map(int, open("in/a.csv").read().split(",")))))
open("out/other.bin", "wb").write(bytes(3))
os.symlink("/etc/passwd", "out/link.txt")
"""
    files = {"in/a.csv": b"1,2,3"}
    result = python.run(code, files=files, collect=["out/*.txt"]).check()

    assert result.files == {"out/sum.txt": b"6"}
    again = python.run("1 / 0", collect=["**/*.bin", "in/*"])
    assert again.error is not None
    assert again.files == {"out/other.bin": bytes(3), "in/a.csv": b"1,2,3"}
    assert python.run("1").files == {}


def test_files_beyond_a_message_are_its_limit(sandbox: Sandbox) -> None:
    tight = policy("basic", limits={"message_bytes": 1_000_000})
    code = "open('a', 'wb').write(bytes(2_000_000))"
    result = run_python(code, tight, collect=["a"], sandbox=sandbox)

    assert isinstance(result.error, MessageLimitError)
    assert result.files == {}


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a//b", "", ".", "a\0b"])
def test_a_file_has_a_plain_place(python: Interpreter, path: str) -> None:
    with pytest.raises(PolicyError, match="plain relative path"):
        python.run("1", files={path: b""})


@pytest.mark.parametrize("pattern", ["/etc/*", "../*", "", "a" * 300])
def test_what_is_collected_lies_in_the_folder(
    python: Interpreter, pattern: str
) -> None:
    with pytest.raises(PolicyError):
        python.run("1", collect=[pattern])
    with pytest.raises(PolicyError, match="at most 64"):
        python.run("1", collect=["*"] * 65)


def test_a_tier_without_a_folder_says_which_has_one(sandbox: Sandbox) -> None:
    with pytest.raises(PolicyError, match="no folder for files") as refused:
        run_python("1", files={"a": b""}, sandbox=sandbox)

    assert "tier basic" in refused.value.hint


_NO_FILES: dict[str, bytes] = {}

_FORGE = """
import sys
guest = sys.modules["lockgate_guest"]
guest._collected = lambda session, wanted: {answer}
"""


@pytest.mark.parametrize(
    "answer",
    ["{'../../home/me/.ssh/a.txt': b''}", "{'/etc/a.txt': b''}", "{'a.bin': b''}",
     "{'a.txt': 'text'}", "{'./a.txt': b''}", "[]", "None"],
)  # fmt: skip
def test_a_forged_file_never_reaches_the_host(sandbox: Sandbox, answer: str) -> None:
    with Interpreter.open("basic", sandbox=sandbox) as python:
        python.run(_FORGE.format(answer=answer)).check()
        result = python.run("1", collect=["**/*.txt", "*.txt"])

    assert isinstance(result.error, ProtocolError)
    assert result.files == {}


@pytest.mark.parametrize(
    "denied",
    [
        None,
        {},
        [1],
        [["read"]],
        [["read", 1]],
        [["root", "/"]],
        [[["read"], "/"]],
        [[{"read": 1}, "/"]],
        [["read", "/"]] * (NOTES_LIMIT + 2),
    ],
)
def test_forged_denials_are_no_result(denied: Any) -> None:
    request = Request(
        "1", "a", inputs={}, files={}, collect=(), policy=Policy.for_tier("basic")
    )

    assert request.left([[["read", "/a"]], _NO_FILES]).denials == (
        Denial("read", "/a", "read=('/a',)"),
    )
    with pytest.raises(ProtocolError):
        request.left([denied, _NO_FILES])


_NO_TEXT = """
import gc
class Told(list):
    def __getitem__(self, part): return {denied}
for one in gc.get_objects():
    if getattr(one, "__qualname__", "") == "build.<locals>.rest":
        names = one.__code__.co_freevars
        one.__closure__[names.index("denied")].cell_contents = Told()
"""


_NO_TEXTS: list[Any] = [[["read", 1]], [[["read"], "/"]], [[{}, "/"]]]


@pytest.mark.parametrize("denied", _NO_TEXTS)
@pytest.mark.parametrize("held", [True, False])
def test_a_denial_that_is_no_text_is_no_fault_of_the_host(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, denied: Any, held: bool
) -> None:
    """Not `held`: as if nobody asked whether it is one."""
    if not held:

        def blind(given: object, kind: type) -> bool:
            return kind is str or isinstance(given, kind)

        monkeypatch.setattr(_cells, "isinstance", blind, raising=False)

    def run() -> PythonResult:
        return run_python(_NO_TEXT.format(denied=denied), sandbox=sandbox)

    if held:
        assert isinstance(run().error, ProtocolError)
    else:  # a text brings down who runs it: no caller looks for that
        with pytest.raises(TypeError):
            run()


@pytest.mark.parametrize("what", ["", "x", "a\0b", "../a", "\x1b[2J"])
@pytest.mark.parametrize("right", ["read", "write", "net", "import"])
def test_any_words_of_a_text_have_a_grant(right: str, what: str) -> None:
    request = Request(
        "1", "a", inputs={}, files={}, collect=(), policy=Policy.for_tier("basic")
    )
    (denial,) = request.left([[[right, what]], _NO_FILES]).denials

    assert denial.grant.isprintable()


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("np.float64(1.5)", 1.5),
        ("np.int32(-3)", -3),
        ("np.bool_(True)", True),
        ("{'mean': np.arange(3).mean()}", {"mean": 1.0}),
        ("bytearray(b'x')", b"x"),
        ("np.array(['2020-01-01'], 'datetime64[D]')", None),
        ("np.array([object()])", None),
    ],
)
def test_numbers_of_numpy_are_numbers(
    python: Interpreter, code: str, value: Data
) -> None:
    assert python.run(f"import numpy as np\n{code}").check().value == value


def test_an_array_goes_in_and_out(python: Interpreter) -> None:
    code = "import numpy as np\n{'twice': 2 * np.asarray(given).T}"
    given: Any = np.arange(60_000.0).reshape(3, 20_000)
    value: Any = python.run(code, inputs={"given": given}).check().value

    assert np.array_equal(np.asarray(value["twice"]), 2 * given.T)


def test_a_result_is_plain_data(python: Interpreter) -> None:
    code = "import numpy as np\n[1, b'x', float('nan'), {'a': np.arange(2)}]"
    result = python.run(code, files={"a": b"xy"}, collect=["a"])
    told = json.loads(json.dumps(result.to_dict()))

    assert told["value"] == [1, None, None, {"a": None}]
    assert told["files"] == {"a": 2}
    assert told["usage"]["wall_seconds"] > 0
    assert (told["error"], told["denials"]) == (None, [])
    failed = json.loads(json.dumps(python.run("open('/etc/passwd')").to_dict()))
    assert failed["error"]["code"] == "remote-error"
    assert failed["denials"] == [
        {"right": "read", "what": "/etc/passwd", "grant": "read=('/etc/passwd',)"}
    ]


def test_a_granted_host_is_reached_and_another_is_told(sandbox: Sandbox) -> None:
    with http_server() as server:
        grant = f"127.0.0.1:{server.port} private"
        code = f"""
from urllib.request import urlopen
print(urlopen("http://127.0.0.1:{server.port}/").read())
urlopen("http://127.0.0.1:1/")
"""
        granted = Policy.for_tier("elevated", hosts=[grant])
        result = run_python(code, granted, sandbox=sandbox)

    assert result.output == "b'ok'\n"
    assert isinstance(result.error, RemoteError)
    assert result.denials == (Denial("net", "127.0.0.1:1", "hosts=('127.0.0.1:1',)"),)


def test_a_broker_of_the_callers_gives_secrets_and_keeps_record(
    sandbox: Sandbox,
) -> None:
    seen: list[AuditRecord] = []
    granted = Policy.for_tier("elevated", secrets=["KEY"])
    code = "from lockgate_session import session\nprint(session.secret({!r}))"
    with Broker(granted, secrets={"KEY": "value"}, audit=seen.append) as broker:
        with Interpreter.open(broker=broker, sandbox=sandbox) as cells:
            first = cells.run(code.format("KEY")).check()
            second = cells.run(code.format("OTHER"))
        assert broker.callbacks()  # it stays the caller's to close

    assert first.output == "value\n"
    assert first.denials == ()
    assert [item.right for item in second.denials] == ["secret"]
    assert [item.decision for item in seen] == ["allow", "deny"]


def test_what_a_broker_refused_outlives_the_process(sandbox: Sandbox) -> None:
    granted = Policy.for_tier("elevated", hosts=["a.test"])
    code = attempt("__import__('socket').create_connection(('b.test', 80))")
    code += "\nwhile True: pass"
    result = run_python(code, granted, timeout=1.0, sandbox=sandbox)

    assert isinstance(result.error, WallLimitError)
    assert [item.what for item in result.denials] == ["b.test:80"]
