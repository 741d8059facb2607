"""The security model says what the code does, and claims nothing without an attack."""

from __future__ import annotations

import ast
import re

import pytest

from lockgate_sandbox.posture import LAYERS
from lockgate_sandbox.security import NOT_PROMISED, PROMISES, NotPromised, Promise
from tests.meta import security_page
from tests.meta.workspace import ROOT
from tests.sandbox.attacks.catalogue import ATTACKS, Attack

PAGE = security_page.PAGE.read_text("utf-8")
BY_NAME = {attack.name: attack for attack in ATTACKS}

SHOWN = {
    "read": [
        "read a host file",
        "list a host folder",
        "read a host file through a symbolic link in a granted folder",
        "race a symbolic link against the one who opens it",
    ],
    "write": [
        "write beside its grant",
        "truncate a host file",
        "delete from a folder that may only be read",
        "rename in a folder that may only be read",
        "make a folder in one that may only be read",
    ],
    "metadata": [
        "change a file's mode",
        "change a file's owner",
        "change a file's times",
        "change a file's extended attributes",
    ],
    "descriptors": ["read through an inherited descriptor"],
    "host": [
        "read the host's environment",
        "write to the host's memory through /proc",
        "trace the host",
        "read the host's memory",
    ],
    "tcp": ["connect over TCP", "listen on TCP"],
    "sockets": [
        "send over UDP",
        "open a netlink socket",
        "open a vsock socket",
        "connect to a unix socket in a granted folder",
    ],
    "signals": [
        "send a signal to the host",
        "queue a signal with a value for the host",
    ],
    "neighbours": ["change the host's limits", "slow the host down"],
    "programs": [
        "execute a program",
        "start a shell",
        "execute a program that nobody granted",
    ],
    "setuid": ["gain a right by a program's file mode"],
    "kernel": ["set up io_uring", "make a user namespace", "use the keyring"],
    "terminal": ["type into a terminal", "type into a terminal as an ordinary user"],
    "memory": ["use more memory than its limit"],
    "count": [
        "start more threads than its limit",
        "start more processes than its limit",
    ],
    "disk": ["fill its folder with bytes", "fill its folder with empty files"],
    "end": ["outlive its parent"],
}
"""The attacks that show each promise, by their names in the catalogue."""

SHOWN_ELSEWHERE = {
    ("memory", "cgroup"): (
        "tests/sandbox/test_program.py",
        "test_memory_limit_counts_the_whole_tree",
    ),
    ("end", "pid-namespace"): (
        "tests/sandbox/attacks/test_pid_namespace.py",
        "test_nothing_outlives_the_zygote",
    ),
}
"""Layers whose hold needs more than one sealed child: a file, and what is in it."""


def test_the_tables_are_those_that_the_code_makes() -> None:
    assert security_page.render(PAGE) == PAGE, (
        "run `python -m tests.meta.security_page`"
    )


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_has_a_section(layer: str) -> None:
    assert len(re.findall(rf"^### `{layer}`$", PAGE, re.MULTILINE)) == 1


def test_no_section_is_about_a_layer_that_is_not() -> None:
    assert set(re.findall(r"^### `([\w-]+)`$", PAGE, re.MULTILINE)) == set(LAYERS)


@pytest.mark.parametrize("entry", NOT_PROMISED, ids=lambda e: e.name)
def test_what_is_not_promised_is_listed(entry: NotPromised) -> None:
    assert f"### {entry.name}\n" in PAGE


def test_links_within_the_page_lead_to_a_heading() -> None:
    headings = {
        re.sub(r"[^\w -]", "", text).strip().lower().replace(" ", "-")
        for text in re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= headings


@pytest.mark.parametrize("promise", PROMISES, ids=lambda p: p.name)
def test_a_promise_is_shown_by_attacks_that_each_of_its_layers_stops(
    promise: Promise,
) -> None:
    attacks = [BY_NAME[name] for name in SHOWN[promise.name]]

    for attack in attacks:
        for root in (True, False):
            claimed = promise.layers(root=root, programs=_programs(attack))
            shown = set(attack.layers(root=root))
            for layer in set(claimed) - shown:
                file, test = SHOWN_ELSEWHERE[promise.name, layer]
                assert test in _functions(file)
    assert set(SHOWN) == {promise.name for promise in PROMISES}


@pytest.mark.parametrize("promise", PROMISES, ids=lambda p: p.name)
def test_a_promise_rests_on_an_attack_that_has_its_effect(promise: Promise) -> None:
    assert _shown(SHOWN[promise.name])


def test_an_errno_alone_shows_no_promise() -> None:
    answered = [attack.name for attack in ATTACKS if attack.answer is not None]
    missing = [attack.name for attack in ATTACKS if attack.absent]

    assert answered
    assert missing
    assert not _shown(answered)
    assert not _shown(missing)


def test_a_word_in_a_file_is_no_test_there() -> None:
    file, test = SHOWN_ELSEWHERE["memory", "cgroup"]

    assert test in (ROOT / file).read_text("utf-8")
    assert test.removeprefix("test_") not in _functions(file)


def _shown(names: list[str]) -> bool:
    """Whether one of the attacks has its effect on any kernel, its layers off."""
    return any(BY_NAME[name].certain for name in names)


def _functions(file: str) -> set[str]:
    """What a module defines that a test run could call."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def _programs(attack: Attack) -> bool:
    return bool(attack.job.get("programs"))
