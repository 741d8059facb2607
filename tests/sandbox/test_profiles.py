"""The restricted profile: refused early, inside the same seal.

Each escape is shown to reach what it is after in plain Python, in a sealed worker,
and to be refused by the profile in the same worker.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate_sandbox import Policy, Sandbox, Worker, profiles
from lockgate_sandbox.errors import RemoteError, StartError
from lockgate_sandbox.profiles import restricted_locations
from tests.support.sandbox import open_folder

_TARGET = """
import importlib.util

def build(session, guest, folder):
    spec = importlib.util.spec_from_file_location("lockgate_restricted", guest)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def handle(method, arguments):
        source = arguments["source"]
        if method == "plain":
            space = {"__name__": "plain"}
            exec(source, space)
        else:
            space = module.namespace(source, "file.py", folder)
        return repr(space.get("result"))

    return handle
"""

ESCAPES = {
    "frames, CVE-2023-37271": "g = (g.gi_frame for _ in [1])\nfor result in g: pass\n",
    "a frame by getattr": "g = (x for x in [1])\nresult = getattr(g, 'gi_frame')",
    "a frame's globals": "def f():\n    yield 1\nresult = f().gi_frame.f_globals",
    "format, CVE-2023-41039": "result = '{0.__class__.__mro__}'.format(1)",
    "format_map": "result = '{a.__class__}'.format_map({'a': 1})",
    "format of the class": "result = str.format('{0.__class__}', 1)",
    "format by map": "result = list(map(str.format, ['{0.__class__}'], [1]))",
    "format by getattr": "result = getattr('{0.__class__}', 'format')(1)",
    "string.Formatter": "import string\n"
    "result = string.Formatter().format('{0.__class__}', 1)",
    "AttributeError.obj, CVE-2024-47532": "try:\n    (1).nothing\n"
    "except AttributeError as error:\n    result = [error.obj]",
    "try/except*, CVE-2025-22153": "try:\n    raise ExceptionGroup('a', [OSError()])\n"
    "except* OSError as group:\n    result = group",
    "positional-only, CVE-2026-55830": "def f(_getattr_, /):\n    return 'shadowed'\n"
    "result = f(1)",
    "a lambda's argument": "result = (lambda _getattr_, /: 'shadowed')(1)",
    "a guard's name": "_getattr_ = getattr\nresult = 1",
    "the class walk": "result = ().__class__.__base__.__subclasses__()",
    "the class walk by getattr": "result = getattr((), '__cla' + 'ss__')",
    "a function's globals": "def f(): pass\nresult = f.__globals__",
    "a code object": "def f(): pass\nresult = f.__code__",
    "a traceback": "try:\n    1 / 0\n"
    "except ZeroDivisionError as error:\n    result = error.__traceback__",
    "an import": "import os\nresult = os.getpid()",
    "a module of a module": "import json\nresult = json.codecs.builtins.open",
    "a module by from": "from json import codecs\nresult = codecs",
    "attrgetter": "import operator\nresult = operator.attrgetter('__class__')(1)",
    "update_wrapper": "import functools\ndef f(): pass\nclass A: pass\n"
    "result = functools.update_wrapper(A(), f, ('__globals__',), ()).__globals__",
    "eval": "result = eval('1')",
    "exec": "exec('result = 1')",
    "open": "result = open('/dev/null')",
    "type with three arguments": "result = type('A', (), {})",
    "builtins": "result = __builtins__",
    "a metaclass": "class A(metaclass=type): pass\nresult = A",
    "object.__getattribute__": "result = object.__getattribute__(1, '__class__')",
    "a writer": "import sys\nprint('x', file=sys.stderr)\nresult = 1",
    "an async generator": "async def f():\n    yield 1\nresult = f().ag_frame or 1",
    "match": "match 1:\n    case _getattr_:\n        result = _getattr_",
}

HONEST = '''
from __future__ import annotations
import math
from collections import Counter
from json import dumps, loads

LIMIT: int = 3

class Point:
    """A point."""

    def __init__(self, x: float, y: float = 0.0) -> None:
        self.x = x
        self.y = y

    def length(self) -> float:
        return math.sqrt(self.x ** 2 + self.y ** 2)

    @property
    def double(self) -> float:
        return self.x * 2

class Named(Point):
    name = "named"

def total(*numbers, **named):
    result = 0
    for number in numbers:
        result += number
    result *= 2
    return result

def count(limit):
    n = 0
    while True:
        n += 1
        if n > limit:
            break
        yield n

words = {word: len(word) for word in ["a", "bb"]}
words["c"] = 5
del words["a"]
a, (b, *c) = 1, (2, 3, 4)
point = Named(3, 4)
point.x = point.x + 0
try:
    1 / 0
except ZeroDivisionError as error:
    caught = str(error)
print("seen", point.name)
result = [
    point.length(), point.double, total(*[1, 2], a=1), sorted(words.items()),
    [n for n in count(LIMIT) if n % 2], a, b, c, caught, f"{point.x:.1f}", "%s" % 1,
    dumps({"a": loads("[1]")}), Counter("aab").most_common(1), hasattr(point, "z"),
    (lambda v: v + 1)(1), {1, 2} | {3}, "abc"[::-1], 1 if c else 2, getattr(point, "x"),
]
'''


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    guest, folder = restricted_locations()
    with open_folder() as place, Sandbox.open() as sandbox:
        (place / "profile_target.py").write_text(_TARGET)
        policy = Policy.for_tier("read-only", read=[guest, folder])
        with sandbox.worker(
            policy,
            target="profile_target:build",
            path=[str(place)],
            arguments={"guest": guest, "folder": folder},
        ) as made:
            yield made


@pytest.mark.kernel
@pytest.mark.parametrize("name", ESCAPES)
def test_an_escape_works_plainly_and_is_refused_by_the_profile(
    worker: Worker, name: str
) -> None:
    plain = worker.call("plain", {"source": ESCAPES[name]})
    with pytest.raises(RemoteError) as refused:
        worker.call("restricted", {"source": ESCAPES[name]})

    assert plain.value != "None"
    assert refused.value.type in {
        "SyntaxError", "AttributeError", "NotImplementedError", "ImportError",
        "NameError", "TypeError",
    }  # fmt: skip


@pytest.mark.kernel
def test_honest_code_does_the_same_under_both(worker: Worker) -> None:
    plain = worker.call("plain", {"source": HONEST})
    restricted = worker.call("restricted", {"source": HONEST})

    assert restricted.value == plain.value
    assert restricted.output == plain.output == "seen named\n"


@pytest.mark.kernel
def test_a_refusal_names_every_line(worker: Worker) -> None:
    with pytest.raises(RemoteError, match=r"Line 1: .*Line 3: "):
        worker.call("restricted", {"source": "x.__class__\ny = 1\nexec('1')"})


def command(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lockgate_sandbox", "run", *argv],
        capture_output=True, text=True, check=False, timeout=60, cwd=cwd,
    )  # fmt: skip


@pytest.mark.kernel
def test_the_command_line_chooses_the_profile() -> None:
    with open_folder() as folder:
        (folder / "good.py").write_text("import math\nprint(math.floor(2.5))\n")
        (folder / "bad.py").write_text("print(().__class__)\n")

        good = command("--profile", "restricted", "good.py", cwd=folder)
        bad = command("--profile", "restricted", "bad.py", cwd=folder)
        plain = command("bad.py", cwd=folder)
        unknown = command("--profile", "other", "good.py", cwd=folder)

    assert (good.returncode, good.stdout) == (0, "2\n"), good.stderr
    assert bad.returncode == 1
    assert "the restricted profile refuses this: Line 1" in bad.stderr
    assert plain.returncode == 0
    assert unknown.returncode == 2


@pytest.mark.kernel
def test_nothing_beside_the_compiler_becomes_readable() -> None:
    _, package = restricted_locations()
    beside = str(Path(package).parent)
    with open_folder() as folder, Sandbox.open() as sandbox:
        (folder / "target.py").write_text(
            "import os\n"
            "def build(session):\n"
            "    return lambda method, arguments: os.listdir(arguments['path'])\n"
        )
        policy = Policy.for_tier("read-only", read=list(restricted_locations()))
        with sandbox.worker(policy, target="target:build", path=[str(folder)]) as made:
            assert "Guards.py" in str(made.call("list", {"path": package}).value)
            with pytest.raises(Exception, match="Permission denied"):
                made.call("list", {"path": beside})


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: str) -> None:
        return None

    monkeypatch.setattr(profiles, "find_spec", nothing)

    with pytest.raises(StartError) as caught:
        restricted_locations()

    assert "lockgate-sandbox[restricted]" in caught.value.hint
