"""The manifest: what is accepted, and how precisely what is not is blamed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate._text.toml_lines import line_of
from lockgate.errors import ManifestError
from lockgate.manifest import (
    MANIFEST_LIMIT_BYTES,
    Manifest,
    ProgramRight,
    ToolRight,
    parse_manifest,
    read_manifest,
)
from tests.support.dists import manifest_text

FULL = """\
schema = 1
name = "firmware"
summary = "One line."
kinds = ["generator"]
hook-api = ">=1,<2"
tier = "admin"
essential = true

[hooks]
generate = "acme.plugin:generate"
generator_targets = { impl = "acme.plugin:targets", order = "last" }

[capabilities]
targets = ["micropython"]

[rights]
read = ["/usr/share/x"]
workers = true

[[rights.programs]]
name = "ruff"
distribution = "ruff"
file = "bin/ruff"

[[rights.tools]]
name = "avr-gcc"
read = ["/usr/lib/avr"]
reason = "compiles"

[limits]
cpu-seconds = 5
memory-bytes = "128 MiB"

[config-schema]
type = "object"

[relations]
requires = ["workflows"]
conflicts = ["old-firmware"]

[[commands]]
noun = "firmware"
verb = "build"
help = "Build it."
pipeline = "pipelines/build.yaml"

[[commands.arguments]]
name = "spec"
type = "path"
format = "yaml"
positional = true

[[commands.arguments]]
name = "target"
type = "choice"
choices = ["a", "b"]
repeat = true

[demo]
pipeline = "pipelines/demo.yaml"
"""


ARG = "commands.0.arguments"
COMMAND = '[[commands]]\nnoun = "{}"\nverb = "go"\nhelp = "x"\npipeline = "a.yaml"\n'


def parse(text: str) -> Manifest:
    return parse_manifest(text.encode(), file="lockgate.toml", distribution="acme")


def refused(text: str) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        parse(text)
    assert caught.value.distribution == "acme"
    assert caught.value.file == "lockgate.toml"
    return caught.value


def test_a_full_manifest_is_read_as_it_is_written() -> None:
    manifest = parse(FULL)

    assert manifest.name == manifest.noun == "firmware"
    assert manifest.essential
    assert manifest.limits == {"cpu_seconds": 5, "memory_bytes": 128 * 2**20}
    assert manifest.rights.programs == (ProgramRight("ruff", "ruff", "bin/ruff"),)
    assert manifest.rights.tools == (
        ToolRight("avr-gcc", ("/usr/lib/avr",), "compiles"),
    )
    impl = manifest.hook("generator_targets")
    assert impl is not None
    assert (impl.target, impl.order) == ("acme.plugin:targets", "last")
    spec, target = manifest.commands[0].arguments
    assert spec.required
    assert not target.required
    assert manifest.requires == ("workflows",)


def test_a_manifest_survives_the_way_through_json() -> None:
    manifest = parse(FULL)

    assert Manifest.from_data(json.loads(json.dumps(manifest.to_data()))) == manifest


def test_asking_for_nothing_is_the_default() -> None:
    manifest = parse(manifest_text("acme"))

    assert manifest.rights.read == ()
    assert not manifest.rights.workers
    assert manifest.commands == ()


@pytest.mark.parametrize(
    ("old", "new", "key", "line", "words"),
    [
        ("schema = 1", "schema = 2", "schema", 1, "must be 1"),
        ('"firmware"', '"Firm Ware"', "name", 2, "written"),
        ('"One line."', '"two\\nlines"', "summary", 3, "one line"),
        ("kinds = [", "kindz = [", "kindz", 4, "unknown key 'kindz'"),
        ('["generator"]', '["generater"]', "kinds.0", 4, "no kind named"),
        ('"generator"', '"analyzer"', "hooks.generate", 10, "kind 'generator'"),
        ('">=1,<2"', '"one"', "hook-api", 5, "not a version range"),
        ('tier = "admin"', 'tier = "amin"', "tier", 6, "must be 'read-only'"),
        ('tier = "admin"', 'tier = "basic"', "rights.programs", 20, "cannot hold"),
        ('tier = "admin"', 'tier = "elevated"', "rights.tools", 25, "of the machine"),
        ("generate =", "generat =", "hooks.generat", 10, "no hook named"),
        ("acme.plugin:generate", "acme plugin", "hooks.generate.impl", 10, "written"),
        ('order = "last"', 'ordr = "last"', "hooks.generator_targets.ordr", 11, "key"),
        ("targets = [", "goals = [", "capabilities.goals", 14, "must be"),
        ('"/usr/share/x"', '"../x"', "rights.read.0", 17, "absolute path"),
        ("workers = true", 'workers = "yes"', "rights.workers", 18, "boolean"),
        ('"bin/ruff"', '"../ruff"', "rights.programs.0.file", 23, "'..'"),
        ("cpu-seconds", "cpu", "limits.cpu", 31, "unknown limit"),
        ('"128 MiB"', '"128 Mib"', "limits.memory-bytes", 32, "not a size"),
        ("cpu-seconds = 5", "cpu-seconds = -5", "limits.cpu-seconds", 31, "greater"),
        ('"object"', '"objekt"', "config-schema.type", 35, "not a JSON Schema"),
        ('["workflows"]', '["firmware"]', "relations", 37, "to itself"),
        ('noun = "firmware"', 'noun = "list"', "commands.0.noun", 42, "lockgate's own"),
        ("pipelines/build", "/etc/x", "commands.0.pipeline", 45, "beside"),
        (
            'format = "yaml"',
            'format = "yml"',
            "commands.0.arguments.0.format",
            50,
            "be",
        ),
        ("choices = [", "choice = [", f"{ARG}.1.choice", 56, "key"),
        ('name = "target"', 'name = "out"', f"{ARG}.1.name", 54, "own"),
        (
            'name = "target"',
            'name = "spec"',
            "commands.0.arguments.1.name",
            54,
            "twice",
        ),
        ("pipelines/demo", "../demo", "demo.pipeline", 60, "beside"),
    ],
)
def test_what_is_wrong_is_blamed_on_its_line_and_key(
    old: str, new: str, key: str, line: int, words: str
) -> None:
    assert old in FULL

    error = refused(FULL.replace(old, new, 1))

    assert (error.key, error.line) == (key, line)
    assert words in error.message


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("kinds = [", "kindz = [", "'kinds'"),
        ("generate =", "generat =", "'generate'"),
        ('tier = "admin"', 'tier = "amin"', "'admin'"),
        ("cpu-seconds", "cpu-second", "'cpu-seconds'"),
        ("workers = true", "worker = true", "'workers'"),
        ('order = "last"', 'ordr = "last"', "'order'"),
        ('"firmware"', '"Firm Ware"', "'firm-ware'"),
        ('"firmware"', '"firm;ware"', "It has to match ^"),
        ("[relations]", '[kind-api]\n"A b" = ">=1"\n[relations]', "'a-b'"),
        ('name = "firmware"', 'name = "Firm_Ware"', "'firm-ware'"),
        ('targets = ["micro', 'target = ["micro', "'targets'"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_right_one(
    old: str, new: str, hint: str
) -> None:
    assert hint in refused(FULL.replace(old, new, 1)).hint


@pytest.mark.parametrize("written", ['"a.b.c"', '["a.b:d", "a.b.c"]'])
def test_a_hooks_impl_without_a_table_is_quoted_where_it_is_misspelt(
    written: str,
) -> None:
    extra = f"[hooks]\ngenerate = {written}\n"
    error = refused(manifest_text("acme", extra=extra))

    assert error.message == "'a.b.c' is not written as it has to be"
    assert error.hint == "Did you mean 'a.b:c'?"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('generate = "acme.plugin:generate"', "generate = 3"),
        ('generate = "acme.plugin:generate"', 'generate = ["a.b:c", 3]'),
    ],
)
def test_what_should_be_a_table_is_called_so(old: str, new: str) -> None:
    assert refused(FULL.replace(old, new, 1)).message == "must be a table"


def test_a_missing_key_is_named() -> None:
    error = refused(manifest_text("acme", tier=""))

    assert error.key == "tier"
    assert "missing" in error.message


def test_the_first_error_of_the_file_is_told() -> None:
    text = FULL.replace('tier = "admin"', 'tier = "x"').replace(
        "schema = 1", "schema=9"
    )

    assert refused(text).line == 1


def test_text_that_is_not_toml_is_blamed_on_its_line() -> None:
    error = refused('schema = 1\nname = "firm\n')

    assert error.line == 2
    assert "not TOML" in error.message


def test_a_key_that_is_written_twice_is_refused() -> None:
    error = refused("schema = 1\nschema = 1\n")

    assert "not TOML" in error.message
    assert error.line == 2


def test_bytes_that_are_not_utf8_are_blamed_on_their_line() -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(b"schema = 1\n# \xff\n", file="f", distribution="d")

    assert caught.value.line == 2


def test_hooks_of_another_hook_api_are_not_judged() -> None:
    text = manifest_text("acme", hook_api='">=2"', extra='[hooks]\nfuture = "a:b"\n')

    assert parse(text).hook_api == ">=2"


def test_a_schema_may_not_point_to_another_host() -> None:
    text = manifest_text(
        "acme", extra='[config-schema.properties.a]\n"$ref" = "https://x.example/s"\n'
    )

    assert "only point into" in refused(text).message


def test_two_nouns_of_one_plugin_are_refused() -> None:
    extra = COMMAND.format("a") + COMMAND.format("b")

    error = refused(manifest_text("acme", extra=extra))

    assert error.key == "commands.1.noun"


@pytest.mark.parametrize(
    ("argument", "key"),
    [
        ('type = "choice"', "choices"),
        ('type = "string"\nformat = "yaml"', "format"),
        ('type = "boolean"\nrepeat = true', "type"),
        ('type = "integer"\ndefault = "3"', "default"),
        ('type = "path"\ndefault = "/etc/passwd"', "default"),
        ('type = "string"\nrepeat = true\ndefault = "a"', "default"),
    ],
)
def test_an_argument_that_contradicts_itself_is_refused(
    argument: str, key: str
) -> None:
    argument = f'[[commands.arguments]]\nname = "a"\n{argument}\n'
    text = manifest_text("acme", extra=COMMAND.format("acme") + argument)

    assert refused(text).key == f"commands.0.arguments.0.{key}"


def test_a_manifest_that_is_no_file_is_refused(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    big = tmp_path / "big"
    big.write_bytes(b"#" * (MANIFEST_LIMIT_BYTES + 1))

    for path, words in [
        (fifo, "not a regular file"),
        (loop, "cannot be read"),
        (big, "larger than"),
        (tmp_path, "not a regular file"),
        (tmp_path / "gone", "missing"),
        (Path("/dev/zero"), "not a regular file"),
    ]:
        with pytest.raises(ManifestError, match=words):
            read_manifest(str(path), distribution="acme")


def trouble(raw: bytes) -> ManifestError | None:
    try:
        parse_manifest(raw, file="f", distribution="d")
    except ManifestError as error:
        return error
    return None


@given(st.binary(max_size=400))
def test_any_bytes_are_a_manifest_or_a_manifest_error(raw: bytes) -> None:
    error = trouble(raw)

    assert error is not None
    assert error.message


@given(
    st.integers(0, len(FULL) - 1),
    st.integers(0, 40),
    st.text(alphabet="[]{}\"'=.,#\n\\abc01 ", max_size=12),
)
def test_a_damaged_manifest_is_an_error_with_a_place_in_it(
    at: int, length: int, patch: str
) -> None:
    text = FULL[:at] + patch + FULL[at + length :]

    error = trouble(text.encode())

    assert error is None or 0 <= error.line <= text.count("\n") + 1


@pytest.mark.parametrize("text", ["a" + ".a" * 5000 + " = 1", "a = " + "[" * 5000])
def test_deep_nesting_is_an_error(text: str) -> None:
    assert refused(text)


def test_a_key_is_found_behind_values_of_many_lines() -> None:
    text = '''a = """
b = 1
"""
c = [ # ]
  "]", {d = 1},
]
[t]
"x y".z = 1
[[t.list]]
k = 1
[[t.list]]
k = 2
'''

    assert line_of(text, ["c"]) == 4
    assert line_of(text, ["t", "x y", "z"]) == 8
    assert line_of(text, ["t", "list", 0, "k"]) == 10
    assert line_of(text, ["t", "list", 1, "k"]) == 12
    assert line_of(text, ["t", "list", 1, "missing"]) == 11
    assert line_of(text, ["b"]) == 0


def test_a_manifest_made_to_fill_the_memory_is_refused_at_once() -> None:
    # As large as a manifest may be: unguarded, tomllib would take 60 GB for it.
    raw = ".".join(["a"] * 120_000).encode() + b" = 1\n"
    with pytest.raises(ManifestError) as caught:
        parse_manifest(b"schema = 1\n" + raw, file="lockgate.toml", distribution="x")
    assert "dots" in str(caught.value)
    assert caught.value.line == 2


@pytest.mark.parametrize("trick", [r"\u001b]0;x\u0007", r"a\n  state ok", r"\u202e"])
@pytest.mark.parametrize(
    ("plain", "start"),
    [
        ('reason = "compiles"', 'reason = "'),
        ('help = "Build it."', 'help = "'),
        ('read = ["/usr/share/x"]', 'read = ["/'),
        ("positional = true", 'positional = true\nhelp = "'),
    ],
)
def test_no_text_of_a_manifest_can_write_on_a_terminal(
    plain: str, start: str, trick: str
) -> None:
    end = '"]' if start.endswith("/") else '"'
    assert plain in FULL
    hostile = FULL.replace(plain, f"{start}{trick}{end}", 1)
    assert "control" in str(refused(hostile))


def in_full(hooks: str) -> Manifest:
    raw = manifest_text("acme", extra=hooks).encode()
    return parse_manifest(raw, file="lockgate.toml", distribution="acme")


def test_a_hooks_table_holds_wishes_about_the_hooks_other_plugins() -> None:
    manifest = in_full(
        '[hooks.transform]\nimpl = "acme:f"\nbefore = ["a"]\nafter = ["b"]\n'
        'requires = ["c"]\nconflicts = ["d"]\n'
    )

    impl = manifest.answers["transform"]

    assert (impl.before, impl.after) == (("a",), ("b",))
    assert (impl.requires, impl.conflicts) == (("c",), ("d",))
    assert Manifest.from_data(manifest.to_data(short=True)) == manifest
    assert Manifest.from_data(manifest.to_data()) == manifest


def test_a_plugin_has_no_place_before_itself() -> None:
    with pytest.raises(ManifestError, match="relation to itself") as caught:
        in_full('[hooks.transform]\nimpl = "acme:f"\nafter = ["acme"]\n')

    assert caught.value.key == "hooks.transform.after"
    assert caught.value.line == 9


def test_two_impls_of_one_hook_are_one_too_many() -> None:
    with pytest.raises(ManifestError, match="at most one impl") as caught:
        in_full('[hooks]\ntransform = ["acme:f", "acme:g"]\n')

    assert caught.value.key == "hooks.transform"


def test_a_stream_cannot_be_wrapped() -> None:
    text = '[hooks]\nwatch_device = { impl = "acme:f", wrapper = true }\n'
    raw = manifest_text("acme", kinds='["hardware"]', extra=text).encode()

    with pytest.raises(ManifestError, match="can't be wrapped") as caught:
        parse_manifest(raw, file="lockgate.toml", distribution="acme")

    assert caught.value.line == 8
