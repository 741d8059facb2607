"""The error tree: fields kept, text rendered on demand, codes stable."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import lockgate.errors as errors
from lockgate.errors import (
    ConfigError,
    DocumentError,
    HookError,
    HookLimitError,
    HookTimeoutError,
    InputRefusedError,
    LockgateError,
    ManifestError,
    NoAnswerError,
    PluginUnavailableError,
    UnknownHookError,
    UsageError,
    did_you_mean,
)
from lockgate.values import Reason
from tests.meta import errors_page

CLASSES = errors_page.classes()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_each_error_has_a_code_of_its_own_in_kebab_case(
    cls: type[LockgateError],
) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", cls.code)
    assert [other for other in CLASSES if other.code == cls.code] == [cls]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_each_error_ends_a_command_with_a_documented_status(
    cls: type[LockgateError],
) -> None:
    assert cls.exit_status in (1, 2, 3)


def test_the_tree_in_the_module_docstring_is_the_tree_of_classes() -> None:
    drawn = re.findall(r"(\w+Error) +([a-z-]+) +\((\d)\)", errors.__doc__ or "")

    assert sorted(drawn) == sorted(
        (cls.__name__, cls.code, str(cls.exit_status))
        for cls in CLASSES
        if cls is not LockgateError
    )


def test_every_class_is_public() -> None:
    assert {cls.__name__ for cls in CLASSES} <= set(errors.__all__)
    assert errors.__all__ == sorted(errors.__all__)


def test_each_class_is_raised_somewhere_in_the_source() -> None:
    source = Path(errors.__file__).parent
    others = "\n".join(
        path.read_text() for path in source.rglob("*.py") if path.name != "errors.py"
    )

    unraised = [
        cls.__name__ for cls in CLASSES if not re.search(rf"\b{cls.__name__}\b", others)
    ]

    assert unraised == []


def test_the_errors_page_is_the_one_that_the_code_makes() -> None:
    assert errors_page.PAGE.read_text() == errors_page.render(), (
        "run `python -m tests.meta.errors_page`"
    )


def test_a_manifest_error_names_distribution_file_line_and_key() -> None:
    error = ManifestError(
        "must be text", distribution="acme", file="/x/lockgate.toml", line=7, key="a.b"
    )

    assert str(error) == "acme: /x/lockgate.toml:7 (a.b): must be text"
    assert error.to_dict() == {
        "code": "manifest-invalid",
        "message": "must be text",
        "where": "acme: /x/lockgate.toml:7 (a.b)",
        "hint": ManifestError.remedy,
        "distribution": "acme",
        "file": "/x/lockgate.toml",
        "line": 7,
        "key": "a.b",
    }


def test_a_hook_error_blames_plugin_version_hook_and_cause() -> None:
    error = HookTimeoutError(
        "no answer within 2 s",
        plugin="acme",
        hook="generate",
        version="1.2",
        cause="wall-limit",
    )

    assert isinstance(error, HookError)
    assert str(error) == ("acme 1.2, hook generate: no answer within 2 s [wall-limit]")


def test_a_refusal_keeps_its_reasons_as_data() -> None:
    reason = Reason("pin-range", "pins.LED", "pin 99 does not exist", "use 0 to 13")

    error = InputRefusedError([reason], plugin="firmware", hook="generate")

    assert error.exit_status == 3
    assert error.reasons == (reason,)
    assert error.to_dict()["reasons"] == [
        {
            "code": "pin-range",
            "where": "pins.LED",
            "message": "pin 99 does not exist",
            "hint": "use 0 to 13",
        }
    ]


def test_an_unknown_name_is_answered_with_the_nearest_known_ones() -> None:
    error = UnknownHookError("generte", known=["generate", "analyze"])

    assert error.hint == "Did you mean 'generate'?"
    assert did_you_mean("zzz", ["generate"]) == ""


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (DocumentError("is cut off", file="a.yaml", line=3), "a.yaml:3: is cut off"),
        (
            ConfigError("unknown", key="tmeout", source="/c.toml", line=2),
            "/c.toml:2 (tmeout): unknown",
        ),
        (
            PluginUnavailableError("acme", state="broken", reason="no manifest"),
            "plugin 'acme' is broken: no manifest",
        ),
        (
            NoAnswerError("embed", asked=["a", "b"]),
            "no plugin answered the hook 'embed' (asked: a, b)",
        ),
    ],
)
def test_an_errors_text_says_what_and_where(error: LockgateError, text: str) -> None:
    assert str(error) == text


def test_an_error_without_a_hint_of_its_own_gives_its_class_remedy() -> None:
    assert UsageError("no").hint == UsageError.remedy


def test_a_remedy_names_the_hook_and_the_plugin_that_it_is_about() -> None:
    assert "hooks show embed`" in NoAnswerError("embed", asked=["a"]).hint
    error = HookLimitError("much", plugin="acme", hook="embed")
    assert "`lockgate info acme`" in error.hint
    assert "HOOK" not in error.hint


def test_a_traceback_that_nobody_caught_ends_with_the_way_out() -> None:
    program = """
from lockgate import Host
with Host.open(autoload=False) as host:
    host.call("generat", spec={})
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    *_, error, hint = done.stderr.splitlines()
    assert error.startswith("lockgate.errors.UnknownHookError: ")
    assert hint.startswith("hint: Did you mean 'generate'?")


def test_an_error_without_a_hint_has_no_empty_line_for_it() -> None:
    assert not hasattr(LockgateError("it is so"), "__notes__")
