"""The contract itself: every hook is typed, told, and dispatched on purpose."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

import pytest
from packaging.version import Version

from lockgate import hookspecs
from lockgate._manifest.kind_names import WITH_HOOKS
from lockgate.hookspecs import (
    HOOK_API_VERSION,
    SPEC_ATTRIBUTE,
    HookOptions,
    Kind,
    hookspec,
)

KINDS: tuple[str, ...] = typing.get_args(Kind)

SPECS: dict[str, tuple[type, Callable[..., Any], HookOptions]] = {
    name: (protocol, function, getattr(function, SPEC_ATTRIBUTE))
    for protocol in vars(hookspecs).values()
    if isinstance(protocol, type)
    for name, function in vars(protocol).items()
    if hasattr(function, SPEC_ATTRIBUTE)
}


def test_the_names_of_the_kinds_are_written_out_where_it_must_be_quick() -> None:
    assert WITH_HOOKS == KINDS


def test_the_version_is_one_that_ranges_can_be_held_against() -> None:
    assert str(Version(HOOK_API_VERSION)) == HOOK_API_VERSION


def test_every_kind_has_hooks_and_every_hook_the_kind_of_its_protocol() -> None:
    kinds = {options.kind for _, _, options in SPECS.values()}

    assert kinds == set(KINDS)
    for protocol, _, options in SPECS.values():
        assert protocol.__name__.lower() == options.kind


@pytest.mark.parametrize("name", sorted(SPECS))
def test_a_hook_is_annotated_documented_and_given_its_context(name: str) -> None:
    _, function, options = SPECS[name]
    parameters = list(inspect.signature(function).parameters)

    assert inspect.getdoc(function)
    assert parameters[0] == "self"
    assert parameters[-1] == "context"
    assert set(function.__annotations__) == {*parameters[1:], "return"}
    assert 0 < options.timeout_seconds <= 3600


@pytest.mark.parametrize("name", sorted(SPECS))
def test_a_hook_that_takes_the_first_answer_lets_an_impl_decline(name: str) -> None:
    _, function, options = SPECS[name]
    answer: str = function.__annotations__["return"]

    assert not options.firstresult or answer.endswith("| None")


def test_a_marked_function_is_the_same_function() -> None:
    def ask() -> None: ...

    marked = hookspec("ai", firstresult=True, timeout_seconds=3, failure="skip")(ask)

    assert marked is ask
    assert getattr(ask, SPEC_ATTRIBUTE) == HookOptions("ai", True, 3, "skip")
