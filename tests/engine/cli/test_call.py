"""``lockgate call``: arguments in, answers out, a status that says how it went."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.engine.cli.conftest import Result, Shell
from tests.support.dists import manifest_text

PLUGIN = """
from lockgate.plugin import *
from lockgate.plugin import hookimpl

@hookimpl
def transform(tree, options, context):
    if options.get("refuse"):
        raise RefusedError([Reason("no", "tree", "not this", "Bring another.")])
    if options.get("fail"):
        print("so far \\x1b[31mred\\n" * options["fail"], end="")
        raise ValueError("\\x1b[31mred words")
    if options.get("look"):
        breakpoint()
    if options.get("talk"):
        print("printed \\x1b[31mred")
        context.log("info", "quiet words")
        context.log("warning", "loud\\nwords", n=3)
    if options.get("denied"):
        try:
            context.run_program("ruff", [])
        except PermissionError:
            pass
    return Transformation(Tree.of({"options": repr(options), "n": str(len(tree))}))

@hookimpl
def analyze(tree):
    rules = [("r", "error")] if "bad" in tree else []
    return AnalysisReport(tuple(Finding("a", r, s, "m") for r, s in rules))

@hookimpl
def complete(task, model):
    return Completion(task.prompt, model)

@hookimpl
def complete_stream(task):
    yield from task.prompt.split()
"""


@pytest.fixture
def acme(shell: Shell) -> Shell:
    hooks = "".join(
        f'{hook} = "acme:{hook}"\n'
        for hook in ("transform", "analyze", "complete", "complete_stream")
    )
    extra = (
        f"[hooks]\n{hooks}\n[[rights.programs]]\n"
        'name = "ruff"\ndistribution = "ruff"\nfile = "bin/ruff"\n'
    )
    kinds = '["transformer", "analyzer", "ai"]'
    manifest = manifest_text("acme", tier='"elevated"', kinds=kinds, extra=extra)
    shell.site.wheel("acme", manifest=manifest, files={"acme/__init__.py": PLUGIN})
    return shell


def transform(shell: Shell, *words: str) -> Result:
    return shell.run("call", "transform", "--plugin", "acme", *words)


def files(result: Result) -> dict[str, str]:
    """The answer's files, by path."""
    import base64

    (answer,) = result.json["answers"]
    return {
        file["path"]: base64.b64decode(file["content"]).decode()
        for file in answer["value"]["tree"]["files"]
    }


def test_a_person_reads_who_answered_and_what(acme: Shell) -> None:
    result = transform(acme, 'tree={"files": []}')

    assert result.status == 0, result.err
    assert result.out.startswith("acme 1.0 (basic, ")
    assert "\n  +++ b/options\n  @@ -0,0 +1 @@\n  +{}\n" in result.out
    assert result.err == ""


def test_a_person_reads_findings_as_lines_and_a_text_as_text(acme: Shell) -> None:
    bad = acme.work / "bad"
    bad.mkdir()
    (bad / "bad").touch()
    found = acme.run("call", "analyze", "tree=@bad/")
    clean = acme.run("call", "analyze", 'tree={"files": []}')
    said = acme.run("call", "complete", 'task={"kind": "x", "prompt": "a\\nacme 2.0"}')

    assert found.status == 1
    assert "\n  a: error[r]: m\n  1 error, 0 other findings\n" in found.out
    assert (clean.status, clean.out.splitlines()[1:]) == (
        0,
        ["  0 errors, 0 other findings"],
    )
    assert said.out.splitlines()[1:] == ["  a", "  acme 2.0"]


def test_json_is_the_only_thing_on_standard_output(acme: Shell) -> None:
    result = transform(acme, "tree={}", "options={}", "--json")

    document = result.json
    assert document["hook"] == "transform"
    (answer,) = document["answers"]
    assert {"plugin", "version", "tier", "seconds", "posture", "value"} <= set(answer)
    assert answer["posture"]["layers"]


def test_an_argument_is_json_text_a_document_or_a_folder(acme: Shell) -> None:
    (acme.work / "options.yaml").write_text("a: [1, two]\n", "utf-8")
    (acme.work / "code").mkdir()
    (acme.work / "code" / "one.py").write_text("1", "utf-8")
    (acme.work / "code" / ".hidden").write_text("2", "utf-8")

    result = transform(acme, "tree=@code/", "options=@options.yaml", "--json")

    assert files(result) == {"n": "1", "options": "{'a': [1, 'two']}"}


def test_text_for_a_text_argument_is_not_read_as_json(acme: Shell) -> None:
    result = acme.run(
        "call",
        "complete",
        "--plugin=acme",
        'task={"kind": "x", "prompt": "p"}',
        "model=5",
        "--json",
    )

    (answer,) = result.json["answers"]
    assert answer["value"]["model"] == "5"


def test_arguments_come_from_standard_input_too(acme: Shell) -> None:
    given = json.dumps({"tree": {"files": []}, "options": {"b": None}})

    done = subprocess.run(
        acme.command("call", "transform", "-", "--plugin", "acme", "--json"),
        input=given.encode(),
        cwd=acme.work,
        env=acme.env,
        capture_output=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert files(Result(0, done.stdout.decode(), ""))["options"] == "{'b': None}"


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["nonsense"], 2, "usage"),
        (["tree=7"], 2, "argument-invalid"),
        ([], 2, "argument-invalid"),
        (["tree={}", "colour=red"], 2, "argument-invalid"),
        (["tree=@nowhere.yaml"], 2, "usage"),
        (["tree={}", "--timeout", "-1"], 2, "usage"),
        (["tree={}", 'options={"refuse": true}'], 3, "input-refused"),
        (["tree={}", 'options={"fail": true}'], 1, "hook-failed"),
    ],
)
def test_the_status_and_the_code_say_what_went_wrong(
    acme: Shell, words: list[str], status: int, code: str
) -> None:
    result = transform(acme, *words, "--json")

    assert result.status == status
    assert result.json["error"]["code"] == code
    assert result.json["error"]["hint"]


def test_an_unknown_hook_is_answered_with_the_nearest(acme: Shell) -> None:
    result = acme.run("call", "transfrom", "tree={}")

    assert result.status == 2
    assert "'transform'" in result.err


def test_words_of_a_plugin_do_not_reach_the_terminal_raw(acme: Shell) -> None:
    result = transform(acme, "tree={}", 'options={"fail": true}')

    assert "red words" in result.err
    assert "\x1b[31mred" not in result.err
    assert "  printed before:\n    so far \\x1b[31mred\n" in result.err


def test_the_last_lines_that_were_printed_before_a_failure_are_shown(
    acme: Shell,
) -> None:
    result = transform(acme, "tree={}", 'options={"fail": 41}')

    assert "  printed before:\n    (1 line before)\n    so far" in result.err
    assert result.err.count("so far") == 40
    assert acme.run("logs", "acme", "--json").out.count("so far") == 41


def test_a_breakpoint_in_a_worker_names_the_place_where_it_works(acme: Shell) -> None:
    result = transform(acme, "tree={}", 'options={"look": true}')

    assert result.status == 1
    assert "`lockgate test` runs its tests in the tests' own process too" in result.err


def test_what_a_plugin_prints_and_logs_is_shown(acme: Shell) -> None:
    result = transform(acme, "tree={}", 'options={"talk": true}')

    assert "printed:\n  printed \\x1b[31mred\n" in result.out
    assert result.err == "acme: warning: loud\\nwords n=3\n"


def test_who_would_have_answered_is_told_if_nobody_does(acme: Shell) -> None:
    acme.run("disable", "acme")
    acme.run("disable", "lint")
    result = acme.run("call", "analyze", "tree={}")

    assert result.status == 1
    assert "no plugin answered the hook 'analyze'" in result.err
    assert "acme answers it too, and is disabled: switched off in" in result.err


def test_the_log_level_is_a_setting(acme: Shell) -> None:
    words = ("call", "transform", "tree={}", 'options={"talk": true}')
    result = acme.run("--set", "log-level=info", *words)

    assert "acme: info: quiet words\n" in result.err


@pytest.mark.parametrize(
    "words", [["tree=code/"], []], ids=["text for a tree", "no tree"]
)
def test_how_a_folder_is_given_is_said(acme: Shell, words: list[str]) -> None:
    result = transform(acme, *words)

    assert result.status == 2
    assert "tree=@FOLDER/" in result.err


def test_findings_of_severity_error_make_the_status_one(acme: Shell) -> None:
    (acme.work / "good").mkdir()
    (acme.work / "wrong").mkdir()
    (acme.work / "wrong" / "bad").touch()

    good = acme.run("call", "analyze", "--plugin=acme", "tree=@good/")
    wrong = acme.run("call", "analyze", "--plugin=acme", "tree=@wrong/")

    assert (good.status, wrong.status) == (0, 1)


def test_a_denial_is_shown(acme: Shell) -> None:
    result = transform(acme, "tree={}", 'options={"denied": true}')

    assert result.status == 0
    assert "denied: acme may not use program:ruff" in result.out


def test_a_stream_is_printed_as_it_comes(acme: Shell) -> None:
    said = ("call", "complete_stream", "--plugin=acme")

    text = acme.run(*said, 'task={"kind": "x", "prompt": "one two"}')
    data = acme.run(*said, 'task={"kind": "x", "prompt": "one two"}', "--json").json
    nothing = acme.run(*said, 'task={"kind": "x"}')

    assert text.out.splitlines() == ["acme", "one", "two"]
    assert data == {
        "hook": "complete_stream",
        "items": [{"plugin": "acme", "value": word} for word in ("one", "two")],
        "failed": [],
        "asked": ["acme"],
    }
    assert nothing.status == 1
    assert "no-answer" in nothing.err
