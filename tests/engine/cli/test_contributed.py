"""Commands of plugins: typed by the manifest, run as pipelines, files whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.cli.conftest import Shell
from tests.support.dists import manifest_text

MANIFEST = manifest_text(
    "acme",
    kinds='["generator"]',
    extra="""
[hooks]
generate = "acme.plugin:generate"

[[commands]]
noun = "acme"
verb = "make"
help = "Make a text."
pipeline = "pipelines/make.yaml"

[[commands.arguments]]
name = "spec"
type = "path"
format = "yaml"
positional = true

[[commands.arguments]]
name = "times"
type = "integer"
default = 1

[[commands.arguments]]
name = "word"
type = "choice"
choices = ["hello", "bye"]
repeat = true

[[commands.arguments]]
name = "loud"
type = "boolean"
""",
)

PIPELINE = """\
schema: 1
name: acme-make
inputs:
  spec: {type: document}
  times: {type: integer, default: 7}
  word: {type: list, default: [none]}
  loud: {type: boolean, default: false}
steps:
  - id: make
    hook: generate
    plugin: acme
    with:
      spec:
        spec: "${inputs.spec}"
        times: "${inputs.times}"
        word: "${inputs.word}"
        loud: "${inputs.loud}"
outputs:
  tree: "${steps.make.value.tree}"
"""

PLUGIN = """\
import json
from lockgate.plugin import Generation, Reason, RefusedError, Tree, hookimpl

@hookimpl
def generate(spec):
    if spec["spec"].get("refuse"):
        raise RefusedError([Reason("bad", "spec.refuse", "it says so", "say no")])
    if spec["spec"].get("fail"):
        raise ValueError("told to fail")
    return Generation(Tree.of({"sub/told.json": json.dumps(spec, sort_keys=True)}))
"""


@pytest.fixture
def acme() -> Iterator[Shell]:
    # A worker may run as a user without rights: it must be able to reach the plugin.
    root = Path(tempfile.mkdtemp(prefix="lockgate-test-"))
    root.chmod(0o755)
    shell = Shell(root)
    shell.site.wheel(
        "acme",
        manifest=MANIFEST,
        files={"acme/plugin.py": PLUGIN, "acme/pipelines/make.yaml": PIPELINE},
    )
    (shell.work / "good.yaml").write_text("title: x\n")
    (shell.work / "refused.yaml").write_text("refuse: true\n")
    (shell.work / "failing.yaml").write_text("fail: true\n")
    yield shell
    shutil.rmtree(root, ignore_errors=True)


def told(shell: Shell, folder: str = "out") -> str:
    return (shell.work / folder / "sub/told.json").read_text()


def test_a_command_opens_its_document_and_writes_the_tree(acme: Shell) -> None:
    result = acme.run("acme", "make", "good.yaml", "--out", "out")

    assert result.status == 0, result.err
    assert "acme-make: done" in result.out
    assert "1 file written to out" in result.out
    assert told(acme) == (
        '{"loud": false, "spec": {"title": "x"}, "times": 1, "word": ["none"]}'
    )


def test_arguments_reach_the_pipeline_typed(acme: Shell) -> None:
    options = ["--times", "3", "--word", "hello", "--word", "bye", "--loud"]

    acme.run("acme", "make", "good.yaml", *options, "--out", "out")

    assert '"times": 3, "word": ["hello", "bye"]' in told(acme)
    assert '"loud": true' in told(acme)


def test_with_json_the_run_document_is_all_that_is_printed(acme: Shell) -> None:
    result = acme.run("acme", "make", "good.yaml", "--json")

    assert result.status == 0
    assert result.err == ""
    assert result.json["state"] == "done"
    assert result.json["written"] is None
    (file,) = result.json["outputs"]["tree"]["files"]
    assert set(file) == {"path", "bytes", "sha256"}
    assert result.json["steps"][0]["answers"][0]["tier"] == "read-only"


def test_a_command_may_take_a_folder(shell: Shell) -> None:
    manifest = manifest_text(
        "acme",
        kinds='["transformer"]',
        extra="""
[hooks]
transform = "acme.plugin:transform"

[[commands]]
noun = "acme"
verb = "shout"
help = "Make a folder louder."
pipeline = "pipelines/shout.yaml"

[[commands.arguments]]
name = "source"
type = "path"
format = "tree"
positional = true
""",
    )
    pipeline = """\
schema: 1
name: acme-shout
inputs: {source: {type: tree}}
steps:
  - {id: shout, hook: transform, plugin: acme, with: {tree: "${inputs.source}"}}
outputs: {tree: "${steps.shout.value.tree}"}
"""
    plugin = """\
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree):
    return Transformation(Tree.of({f.path: f.text.upper() for f in tree}))
"""
    files = {
        "acme/__init__.py": "",
        "acme/plugin.py": plugin,
        "acme/pipelines/shout.yaml": pipeline,
    }
    shell.site.wheel("acme", manifest=manifest, files=files)
    (shell.work / "code").mkdir()
    (shell.work / "code" / "a.txt").write_text("quiet", "utf-8")

    done = shell.run("acme", "shout", "code", "--out", "loud")
    missing = shell.run("acme", "shout", "cod")

    assert done.status == 0, done.err
    assert (shell.work / "loud" / "a.txt").read_text("utf-8") == "QUIET"
    assert missing.status == 2
    assert "there is no such folder" in missing.err


@pytest.mark.parametrize("text", ["", "# only words\n", "null"])
def test_an_empty_document_is_said_to_be_empty(acme: Shell, text: str) -> None:
    (acme.work / "empty.yaml").write_text(text, "utf-8")

    result = acme.run("acme", "make", "empty.yaml")

    assert result.status == 3
    assert "the document is empty" in result.err


def test_a_text_in_a_document_names_no_file_beside_the_pipeline(acme: Shell) -> None:
    (acme.work / "text.yaml").write_text("make.yaml\n", "utf-8")

    result = acme.run("acme", "make", "text.yaml")

    assert result.status == 3
    assert "the document is one text, without any key" in result.err
    assert "where: text.yaml" in result.err


def test_without_out_the_files_are_named_and_not_written(acme: Shell) -> None:
    result = acme.run("acme", "make", "good.yaml")

    assert result.status == 0
    assert "sub/told.json" in result.out
    assert sorted(path.name for path in acme.work.iterdir()) == [
        "failing.yaml",
        "good.yaml",
        "refused.yaml",
    ]


def test_a_refused_input_is_status_3_and_writes_nothing(acme: Shell) -> None:
    result = acme.run("acme", "make", "refused.yaml", "--out", "out")

    assert result.status == 3
    assert "spec.refuse: it says so" in result.out
    assert not (acme.work / "out").exists()


def test_failed_work_is_status_1_and_writes_nothing(acme: Shell) -> None:
    result = acme.run("acme", "make", "failing.yaml", "--out", "out")

    assert result.status == 1
    assert "told to fail" in result.out
    assert not (acme.work / "out").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [("a: 1\na: 2\n", "'a' twice"), ("a: [", "not YAML"), ("!!x y", "tags")],
)
def test_a_malformed_document_is_status_3_with_its_line(
    acme: Shell, text: str, words: str
) -> None:
    (acme.work / "bad.yaml").write_text(text)

    result = acme.run("acme", "make", "bad.yaml")

    assert result.status == 3
    assert "error[document-invalid]" in result.err
    assert "bad.yaml:" in result.err
    assert words in result.err


@pytest.mark.parametrize(
    "arguments",
    [["make"], ["make", "nowhere.yaml"], ["mkae", "good.yaml"], [],
     ["make", "good.yaml", "--times", "many"], ["make", "good.yaml", "--word", "hm"],
     ["make", "good.yaml", "--out", "good.yaml"]],
)  # fmt: skip
def test_wrong_arguments_are_status_2(acme: Shell, arguments: list[str]) -> None:
    result = acme.run("acme", *arguments)

    assert result.status == 2
    assert result.err.startswith("error[")


def test_a_folder_with_other_files_is_left_alone_unless_forced(acme: Shell) -> None:
    out = acme.work / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")

    refused = acme.run("acme", "make", "good.yaml", "--out", "out")
    forced = acme.run("acme", "make", "good.yaml", "--out", "out", "--force")

    assert refused.status == 2
    assert "output-refused" in refused.err
    assert forced.status == 0
    assert (out / "mine.txt").read_text() == "mine"
    assert told(acme)


def test_a_folder_that_lockgate_wrote_is_replaced_as_a_whole(acme: Shell) -> None:
    acme.run("acme", "make", "good.yaml", "--out", "out")

    again = acme.run("acme", "make", "good.yaml", "--times", "2", "--out", "out")
    assert again.status == 0
    assert '"times": 2' in told(acme)

    (acme.work / "out/sub/told.json").write_text("changed by hand")
    assert acme.run("acme", "make", "good.yaml", "--out", "out").status == 2
    assert told(acme) == "changed by hand"


def test_help_of_a_contributed_command_comes_from_the_manifest(acme: Shell) -> None:
    text = acme.run("acme", "make", "--help").out

    assert "Make a text." in text
    assert "--word {hello,bye}" in text
    assert "SPEC" in text


def test_a_command_of_a_broken_plugin_says_why(acme: Shell) -> None:
    path = acme.site.folder / "acme/lockgate.toml"
    path.write_text(path.read_text().replace(">=1,<2", ">=9"))

    result = acme.run("acme", "make", "good.yaml")

    assert result.status == 1
    assert "error[plugin-unavailable]: plugin 'acme' is incompatible" in result.err


def test_a_plugin_cannot_hand_out_a_file_that_it_links_to(
    acme: Shell, tmp_path: Path
) -> None:
    secret = acme.home / "secret"
    secret.write_text("secret")
    source = acme.work / "source"
    shutil.rmtree(acme.site.folder)
    acme.site.folder.mkdir()
    acme.site.editable("acme", source, style="pth", manifest=MANIFEST)
    package = source / "src/acme"
    (package / "pipelines").mkdir()
    (package / "pipelines/make.yaml").write_text(PIPELINE)
    (package / "pipelines/link").symlink_to(secret)

    result = acme.run("acme", "make", "good.yaml")

    assert result.status == 1
    assert "leads out of the package" in result.err
