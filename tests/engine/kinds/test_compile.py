"""Hook specs as typed Python, compiled into the manifest without running them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate._call.streams import Item
from lockgate._text.toml import load_toml
from lockgate.cli import main
from lockgate.host import Host
from lockgate.kinds import AddedHook, AddedKind
from lockgate.manifest import parse_manifest
from lockgate.project import check_project, find_project
from lockgate.project._kinds_text import with_kinds
from tests.support.host_plugins import Site

PYPROJECT = """
[build-system]
build-backend = "hatchling.build"
[project]
name = "acme-sound"
version = "1.0"
[project.entry-points."lockgate.manifest"]
sound = "acme_sound:lockgate.toml"
"""

MANIFEST = """\
schema = 1
name = "sound"  # ours
summary = "Sound."
kinds = ["service"]
hook-api = ">=1,<2"
tier = "read-only"

[capabilities]
tags = ["[[added-kinds]]"]
"""

SPECS = '''
raise SystemExit("nobody runs this")
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, Optional, Protocol

from lockgate.plugin import Context, Data, Document, Severity, Tree, hookspec
from .shapes import Clip, Names


class Audio(Protocol):
    """Sound in,
    sound out.

    More.
    """

    API_VERSION = "1.2"

    @hookspec("audio", timeout_seconds=30)
    def process_audio(
        self,
        clip: Clip,
        context: Context,
        gain: float = 1,
        mode: "Literal['a', 'b']" = "a",
    ) -> Clip | None:
        """Change a clip.

        Says "no" to \\\\ nothing.
        """
        ...

    @hookspec("audio", firstresult=True, failure="skip", since="1.1")
    def names(
        self, *, tree: Tree, few: Names = (), more: Document = {}
    ) -> list[Severity]: ...

    @hookspec(kind="audio", deprecated="1.2", instead="process_audio")
    def hear(self, data: Data, words: Optional[dict[str, bytes]]) -> Iterator[Clip]: ...
'''

SHAPES = '''
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

Names = Annotated[tuple[str, ...], "words"]


@dataclass(frozen=True)
class Tag:
    name: str
    parent: "Mark | None" = None


@dataclass
class Mark:
    at: int = 0


@dataclass(frozen=True)
class Clip:
    """A clip."""

    LIMIT: ClassVar[int] = 3
    rate: int
    samples: list[float]
    tags: tuple[Tag, ...] = field(default_factory=tuple)
    loud: bool = False
    raw: bytes | None = None
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "src" / "acme_sound"
    package.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (package / "lockgate.toml").write_text(MANIFEST)
    (package / "__init__.py").write_text("")
    (package / "specs.py").write_text(SPECS)
    (package / "shapes.py").write_text(SHAPES)
    return tmp_path


def compiled(folder: Path) -> str:
    return check_project(find_project(folder)).text


def kind_of(text: str) -> AddedKind:
    manifest = parse_manifest(text.encode(), file="lockgate.toml", distribution="acme")
    (kind,) = manifest.added_kinds
    return kind


GAIN, MARK = "gain: float = 1", '"audio", timeout_seconds=30'
CLIP = {"$ref": "#/$defs/Clip"}
WORDS = {"type": "array", "items": {"type": "string"}}


def test_the_types_of_the_code_become_schemas(folder: Path) -> None:
    kind = kind_of(compiled(folder))
    process, names, hear = kind.hooks

    assert (kind.name, kind.version) == ("audio", "1.2")
    assert kind.about == "Sound in, sound out."
    assert process.doc == 'Change a clip.\n\nSays "no" to \\ nothing.'
    assert process.timeout_seconds == 30.0
    assert process.answer == CLIP
    assert list(process.arguments.items()) == [
        ("clip", CLIP),
        ("gain", {"type": "number", "default": 1.0}),
        ("mode", {"type": "string", "enum": ["a", "b"], "default": "a"}),
    ]
    assert (names.firstresult, names.failure, names.since) == (True, "skip", "1.1")
    assert names.arguments == {
        "tree": {"type": "object", "format": "lockgate:Tree"},
        "few": {**WORDS, "default": []},
        "more": {"type": "object", "default": {}},
    }
    severity = {"type": "string", "enum": ["error", "warning", "note"]}
    assert names.answer == {"type": "array", "items": severity}
    assert (hear.stream, hear.answer) == (True, CLIP)
    assert (hear.deprecated, hear.instead) == ("1.2", "process_audio")
    assert hear.arguments["data"] == {}
    raw = {"type": "string", "contentEncoding": "base64"}
    table = {"type": ["object", "null"], "additionalProperties": raw}
    assert hear.arguments["words"] == table
    assert kind.defs["Tag"]["required"] == ["name"]
    parent = {"anyOf": [{"$ref": "#/$defs/Mark"}, {"type": "null"}]}
    assert kind.defs["Tag"]["properties"]["parent"] == parent
    assert list(kind.defs["Clip"]["properties"]) == [
        "rate", "samples", "tags", "loud", "raw",
    ]  # fmt: skip
    assert kind.defs["Clip"]["required"] == ["rate", "samples"]


def test_the_verb_writes_it_and_refuses_drift_with_its_place(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(folder), "--json"]) == 1
    missing, *_ = (
        one
        for one in json.loads(capsys.readouterr().out)["findings"]
        if one["rule"] == "manifest-drift"
    )
    assert main(["check", str(folder), "--write", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"]
    manifest = folder / "src" / "acme_sound" / "lockgate.toml"
    text = manifest.read_text()
    manifest.write_text(text.replace('"number"', '"integer"', 1) + "# mine\n")
    assert main(["check", str(folder), "--json"]) == 1
    drift, *_ = (
        one
        for one in json.loads(capsys.readouterr().out)["findings"]
        if one["rule"] == "manifest-drift"
    )

    assert "the kind 'audio' of the code is missing" in missing["message"]
    assert missing["message"].endswith("(src/acme_sound/specs.py:11)")
    assert text.startswith('schema = 1\nname = "sound"  # ours\n')
    assert 'tags = ["[[added-kinds]]"]' in text
    line: int = drift["range"]["start"]["line"]
    assert drift["path"] == "src/acme_sound/lockgate.toml"
    assert "differs" in drift["message"]
    assert re.match(r"\[+added-kinds", manifest.read_text().split("\n")[line - 1])
    assert main(["check", str(folder), "--write", "--json"]) == 0
    assert manifest.read_text() == text + "\n# mine\n"


def test_what_agrees_stays_byte_for_byte(folder: Path) -> None:
    text = compiled(folder)
    by_hand = text.replace(" = { ", " = {").replace(
        "[added-kinds.defs", "[ added-kinds.defs"
    )
    manifest = folder / "src" / "acme_sound" / "lockgate.toml"
    manifest.write_text(by_hand)

    assert compiled(folder) == by_hand


def test_a_kind_of_hand_is_left_alone_where_the_code_has_no_specs(folder: Path) -> None:
    manifest = folder / "src" / "acme_sound" / "lockgate.toml"
    manifest.write_text(compiled(folder))
    (folder / "src" / "acme_sound" / "specs.py").write_text("")

    checked = check_project(find_project(folder))

    assert not checked.diff
    assert checked.passed


@pytest.mark.parametrize(
    ("old", "new", "words", "there"),
    [
        (GAIN, "gain: set[int]", "no type of data", "gain"),
        (GAIN, "gain: float | str", "one type and None", "gain"),
        (GAIN, "gain: tuple[int, str]", "a list is of one type", "gain"),
        (GAIN, "gain: float = None", "default of gain", "gain"),
        (GAIN, "gain: float = -x", "default of gain", "gain"),
        (GAIN, "gain: float = 'x'", "`default` does not fit", "class Audio"),
        (GAIN, "gain=1", "gain is not annotated", "gain"),
        (GAIN, "*gain: float", "have no one name", "def process_audio"),
        (GAIN, "gain: Audio", "no plain dataclass", "class Audio"),
        (GAIN, "gain: dict[int, str]", "keys are strings", "gain"),
        ("-> Clip | None", "-> None", "not annotated with what", "def process_audio"),
        ("-> Clip | None", "-> Tag", "no type of data", "-> Tag"),
        ("-> Clip | None", "-> 'Clip['", "no type", "-> 'Clip['"),
        ("-> Clip | None", f"-> '{'(' * 300}'", "no type", "-> '((("),
        ("-> Clip | None", f"-> 'Clip{' ' * 500}'", "no type", "-> 'Clip"),
        (GAIN, "gain: 'float['", "no type", "gain"),
        (MARK, '"audio", timeout_seconds=X', "not written out", "X"),
        (MARK, '"audio", seconds=30', "not written out", "seconds"),
        (MARK, '"Au dio"', "no name for a kind", "Au dio"),
        (MARK, '"ai"', "kinds ai, audio", "class Audio"),
        ("def process_audio", "def generate", "'generate' already", "def generate"),
        ("def process_audio", "def generat", "too near to lockgate's", "def generat"),
        ("def process_audio", "def hookimpl", "no impl can be", "def hookimpl"),
        ("def process_audio", f"def {'a' * 65}", "no name for a hook", "def aaa"),
        (GAIN, "plugin: float = 1", "whom to ask", "plugin: float"),
        ("def process_audio", "def Process", "no name for a hook", "def Process"),
        ('API_VERSION = "1.2"', 'API_VERSION = "x"', "no version", "API_VERSION"),
        ('since="1.1"', 'since="3", removed="2"', "in this order", "class Audio"),
    ],
)
def test_what_can_not_be_compiled_is_a_problem_with_its_place(
    folder: Path, old: str, new: str, words: str, there: str
) -> None:
    path = folder / "src" / "acme_sound" / "specs.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))

    findings = check_project(find_project(folder)).findings
    told = [one for one in findings if one.rule == "kind-spec"]

    assert len(told) == 1, findings
    assert words in told[0].message
    assert told[0].path == "src/acme_sound/specs.py"
    assert told[0].range is not None
    line = path.read_text().split("\n")[told[0].range.start.line - 1]
    assert there in line


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("at: int = 0", "at: 'Tag | None' = None", "holds itself"),
        ("class Mark:", "class Mark(dict):", "no plain dataclass"),
        ("@dataclass\nclass Mark", "class Mark", "no plain dataclass"),
        ("at: int = 0", "at: int = f()", "can't be data"),
        ("at: int = 0", "at: Nothing = 0", "no type of data"),
    ],
)
def test_a_dataclass_that_is_none_is_told_in_its_module(
    folder: Path, old: str, new: str, words: str
) -> None:
    path = folder / "src" / "acme_sound" / "shapes.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))

    findings = check_project(find_project(folder)).findings
    (told,) = (one for one in findings if one.rule == "kind-spec")

    assert words in told.message
    assert told.path == "src/acme_sound/shapes.py"


IMPL = """
from acme_sound.shapes import Clip
from lockgate.plugin import hookimpl

@hookimpl
def process_audio(clip: Clip, gain: float):
    return Clip(clip.rate, [s * gain for s in clip.samples], loud=True)

@hookimpl
def hear(data):
    for n in range(data):
        yield {"rate": n, "samples": []}
"""


@pytest.mark.kernel
def test_what_is_compiled_is_what_a_host_holds_data_to(folder: Path) -> None:
    package = folder / "src" / "acme_sound"
    (package / "specs.py").write_text(SPECS.replace("raise SystemExit", "# raise"))
    (package / "plugin.py").write_text(IMPL)
    assert main(["check", str(folder), "--write"]) == 0
    text = (package / "lockgate.toml").read_text()
    site = Site(folder / "installed")
    place = site.add("sound", "", manifest=text.replace("acme_sound.", "sound_plugin."))
    (package / "shapes.py").rename(place / "shapes.py")
    source = IMPL.replace("acme_sound.", "sound_plugin.")
    (place / "plugin.py").write_text(source)

    with site.open() as host:
        clip = {"rate": 1, "samples": [1.0, 2]}
        (answer,) = host.call("process_audio", clip=clip, gain=2)
        assert answer.value["samples"] == (2.0, 4.0)
        assert answer.value["loud"] is True
        items = [item.value["rate"] for item in _heard(host, 3)]

    assert 'kinds = ["service", "audio"]' in text
    assert items == [0, 1, 2]


def _heard(host: Host, data: int) -> list[Item[Any]]:
    with host.stream("hear", data=data, words={}) as stream:
        return list(stream)


WORDS_OF = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
SCHEMAS = st.recursive(
    st.sampled_from([{"type": "string"}, {"type": "integer", "default": 3}, {}]),
    lambda inner: st.one_of(
        inner.map(lambda one: {"type": "array", "items": one}),
        st.dictionaries(WORDS_OF, inner, max_size=3).map(
            lambda parts: {
                "type": "object",
                "properties": parts,
                "additionalProperties": False,
            }
        ),
    ),
    max_leaves=6,
)
KINDS = st.builds(
    AddedKind,
    st.sampled_from(["audio", "x-1"]),
    st.builds(
        AddedHook,
        st.sampled_from(["hear", "see_it"]),
        SCHEMAS,
        st.dictionaries(st.sampled_from(["a", "b_c"]), SCHEMAS, max_size=2),
        st.lists(WORDS_OF, max_size=3).map(lambda lines: dedent("\n".join(lines))),
        timeout_seconds=st.sampled_from([60.0, 0.5, 3600.0]),
    ).map(lambda hook: (hook,)),
    WORDS_OF,
    defs=st.dictionaries(st.sampled_from(["Clip", "Tag"]), SCHEMAS, max_size=2),
)
TAILS = ["", "# end\n", '[limits]\nx = [\n  "[a]",\n]\n', "[a]\n'b' = 1\n"]


@settings(max_examples=80)
@given(st.lists(KINDS, max_size=2), KINDS, st.sampled_from(TAILS))
def test_any_kind_survives_being_written(
    before: list[AddedKind], kind: AddedKind, tail: str
) -> None:
    head = load_toml(MANIFEST + tail)
    text = with_kinds(with_kinds(MANIFEST + tail, before), [kind])
    document = load_toml(text)
    (table,) = document.pop("added-kinds")

    assert document == head
    assert table["name"] == kind.name
    assert table.get("about", "") == kind.about
    assert table.get("defs", {}) == kind.defs
    (hook,) = table["hooks"]
    assert hook["answer"] == kind.hooks[0].answer
    assert hook.get("arguments", {}) == kind.hooks[0].arguments
    assert hook.get("doc", "") == kind.hooks[0].doc
    assert with_kinds(text, [kind]) == text
    assert text.startswith(MANIFEST.rstrip("\n"))


def test_the_specs_are_not_imported(folder: Path) -> None:
    before = set(sys.modules)
    compiled(folder)

    assert not [name for name in set(sys.modules) - before if "acme" in name]
