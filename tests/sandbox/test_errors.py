"""The error tree: codes, hints, fields and texts."""

from __future__ import annotations

import re
import traceback

import pytest

import lockgate_sandbox
from lockgate_sandbox import errors
from lockgate_sandbox.errors import (
    CpuLimitError,
    LayerMissingError,
    MemoryLimitError,
    RemoteError,
    SandboxError,
    StartError,
    WallLimitError,
    WorkerDiedError,
)


def _kinds() -> list[type[SandboxError]]:
    found = [getattr(errors, name) for name in errors.__all__]
    return [item for item in found if isinstance(item, type)]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in _kinds()]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_every_error_stands_in_the_tree_with_its_code() -> None:
    tree = errors.__doc__ or ""
    for kind in _kinds():
        if kind is not SandboxError:
            assert re.search(rf"── {kind.__name__} +{kind.code}\b", tree), kind


def test_every_error_is_public() -> None:
    for kind in _kinds():
        assert getattr(lockgate_sandbox, kind.__name__) is kind


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (CpuLimitError(1, 1.25, "s"), "CPU limit reached: 1.25 of 1 s"),
        (
            MemoryLimitError(1 << 20, 2 << 20, "bytes"),
            "memory limit reached: 2,097,152 of 1,048,576 bytes",
        ),
        (
            WallLimitError(0.5, 0.51234, "s"),
            "wall-clock limit reached: 0.5123 of 0.5 s",
        ),
        (WorkerDiedError(None, 11), "the worker died: signal 11 (SIGSEGV)"),
        (WorkerDiedError(None, 999), "the worker died: signal 999"),
        (WorkerDiedError(3, None), "the worker died: exit status 3"),
        (WorkerDiedError(None, None), "the worker died: cause unknown"),
        (RemoteError("KeyError", "'x'"), "KeyError: 'x'"),
        (RemoteError("KeyError", ""), "KeyError"),
        (StartError("import", "no module"), "start failed at 'import': no module"),
        (
            LayerMissingError("landlock", "no kernel support", hint="a newer kernel"),
            "the layer 'landlock' is missing: no kernel support",
        ),
    ],
)
def test_text_is_rendered_from_the_fields(error: SandboxError, text: str) -> None:
    assert str(error) == text


def test_limits_hint_at_the_policy() -> None:
    assert "policy" in CpuLimitError(1, 2, "s").hint


def test_public_names_all_resolve() -> None:
    for name in lockgate_sandbox.__all__:
        assert getattr(lockgate_sandbox, name) is not None
    assert sorted(lockgate_sandbox.__all__) == dir(lockgate_sandbox)
    with pytest.raises(AttributeError):
        _ = lockgate_sandbox.nothing


def test_a_traceback_ends_with_the_way_out() -> None:
    error = SandboxError("it is so", hint="do that")

    assert traceback.format_exception_only(error)[-1] == "hint: do that\n"
    assert len(traceback.format_exception_only(SandboxError("it is so"))) == 1
