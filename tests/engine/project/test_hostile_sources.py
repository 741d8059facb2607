"""Source and tables that no author writes: findings with a place, never a crash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.cli import main
from lockgate.errors import LockgateError
from lockgate.project import check_project, find_project
from lockgate.project._new import make_project
from tests.engine.kinds.test_compile import MANIFEST, PYPROJECT

SPECS = '''
from dataclasses import dataclass
from typing import Protocol

from lockgate.plugin import hookspec


@dataclass
class Clip:
    """A clip."""

    field: {field} = {default}


class Audio(Protocol):
    """Sound."""

    @hookspec("audio")
    def process_audio(self, clip: {argument}) -> {answer}:
        """Change it."""
        ...
'''
WORDS = {"field": "int", "default": "1", "argument": "Clip", "answer": "Clip"}

DEEP = {
    "minus": "-" * 1_500 + "1",
    "not": "not " * 1_500 + "a",
    "lambda": "lambda: " * 1_500 + "1",
    "ternary": "1 if a else " * 1_500 + "1",
    "attributes": "a" + ".b" * 5_000,
    "calls": "a" + "()" * 5_000,
    "sum": "1" + " + 1" * 5_000,
    "union": "int" + " | int" * 5_000,
    "lists": "[" * 150 + "]" * 150,
    "text": '"' + "list[" * 90 + "int" + "]" * 90 + '"',
    "number": "9" * 20_000,
    "infinite": "1e999",
    "surrogate": r'"\ud800"',
    "power": "9 ** 9 ** 9 ** 9",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    package = tmp_path / "sound" / "src" / "acme_sound"
    package.mkdir(parents=True)
    (tmp_path / "sound" / "pyproject.toml").write_text(PYPROJECT)
    (package / "lockgate.toml").write_text(MANIFEST)
    (package / "__init__.py").write_text('"""Sound."""\n')
    return tmp_path / "sound"


def rules(project: Path) -> set[str]:
    return {one.rule for one in check_project(find_project(project)).findings}


@pytest.mark.parametrize("shape", DEEP)
@pytest.mark.parametrize("where", WORDS)
def test_a_spec_with_a_deep_expression_is_a_finding(
    project: Path, where: str, shape: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SPECS.format(**{**WORDS, where: DEEP[shape]})
    (project / "src" / "acme_sound" / "specs.py").write_text(text)

    status = main(["check", str(project), "--json"])

    assert status == 1
    assert '"error"' in capsys.readouterr().out
    assert rules(project) & {"kind-spec", "manifest-drift", "source-invalid"}


WORST: dict[str, str | bytes] = {
    "elif": "if a:\n    pass\n" + "elif a:\n    pass\n" * 20_000,
    "null": "x = 1\0\n",
    "brackets": "x = " + "(" * 20_000,
    "chain": "a = " * 20_000 + "1\n",
    "comparison": "x = 1" + " < 1" * 20_000 + "\n",
    "number": "x = 0x" + "f" * 400_000 + "\n",
    "aliases": "".join(f"a{i + 1} = a{i}\n" for i in range(5_000)),
    "pattern": "match a:\n    case " + " | ".join(["1"] * 5_000) + ":\n        pass\n",
    "bytes": b"\xff\xfe\x00x = 1",
    "encoding": b"# -*- coding: bogus -*-\nx = 1\n",
    "line": b'x = "' + b"a" * (100 << 20) + b'"\n',
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made")
    return make_project("transformer", "tidy-up", summary="", out=out)


@pytest.mark.parametrize("file", ["more.py", "plugin.py", "__init__.py"])
@pytest.mark.parametrize("shape", WORST)
def test_no_module_makes_a_verb_crash(
    made: Path, shape: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = WORST[shape]
    raw = source if isinstance(source, bytes) else source.encode()
    (place,) = made.glob(f"src/*/{file}") if file != "more.py" else [_beside(made)]
    before = place.read_bytes() if place.exists() else b""
    place.write_bytes(raw)
    try:
        checked = main(["check", str(made), "--json"])
        told = json.loads(capsys.readouterr().out)
        described = main(["docs", str(made), "--json"])
        capsys.readouterr()
    finally:
        place.write_bytes(before)

    assert (checked, described) in [(0, 0), (1, 0), (1, 1)]
    assert all(one["path"] for one in told["findings"])


def _beside(made: Path) -> Path:
    (package,) = made.glob("src/*")
    return package / "more.py"


@st.composite
def nested(draw: st.DrawFn) -> str:
    """An expression that is nested in many ways at once."""
    wraps = ["-{}", "not {}", "({})", "[{}]", "{}.a", "{}()", "{}[0]", "lambda: {}"]
    wraps += ["{} if a else b", "a if {} else b", "a if b else {}", "f(x={})", "*{}"]
    wraps += ["{} | int", "{{1: {}}}", "(yield {})", "(a := {})", '"{}"', "await {}"]
    made = draw(st.sampled_from(["a", "1", "'x'", "None", "...", "1j", "b''", "int"]))
    for wrap in draw(st.lists(st.sampled_from(wraps), max_size=12)):
        made = wrap.replace("{}", made, 1).replace("{{", "{").replace("}}", "}")
    return made


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(where=st.sampled_from(sorted(WORDS)), what=nested(), times=st.integers(1, 400))
def test_whatever_is_written_there_the_check_ends(
    project: Path, where: str, what: str, times: int
) -> None:
    words = {**WORDS, where: f"{'not ' * times}{what}"}
    place = project / "src" / "acme_sound" / "specs.py"
    place.write_text(SPECS.format(**words))

    assert isinstance(rules(project), set)


VALUES: list[Any] = [5, "''", "[1]", "[[]]", "{ a = 1 }", "true", "1.5", "inf"]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(
    "key",
    [
        "project.name",
        "project.version",
        "project.dependencies",
        "project.readme",
        "project.license",
        "project.classifiers",
        "project.urls",
        "project.authors",
        "project.requires-python",
        "project.description",
        'project.entry-points."lockgate.manifest".sound',
        "build-system.build-backend",
        "tool.setuptools.package-data.'*'",
        "tool.setuptools.include-package-data",
        "tool.lockgate",
    ],
)
def test_a_table_of_the_wrong_kind_is_no_crash(
    project: Path, key: str, value: object
) -> None:
    sound = {
        "project.name": '"acme-sound"',
        "project.version": '"1.0"',
        "build-system.build-backend": '"setuptools.build_meta"',
        'project.entry-points."lockgate.manifest".sound': '"acme_sound:lockgate.toml"',
    }
    lines = [f"{name} = {text}" for name, text in {**sound, key: value}.items()]
    (project / "pyproject.toml").write_text("\n".join(lines))

    try:
        found = rules(project)
    except LockgateError as error:  # with a file, and what is wrong there
        found = {error.code}

    assert found
