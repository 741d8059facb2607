"""The assistant through the real host: found by entry point, sealed, for real."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lockgate.errors import InputRefusedError, NoAnswerError
from lockgate.host import Host
from lockgate.plugin import Data, Task, Tree
from tests.plugins.assistant.support import apply_patches

pytestmark = pytest.mark.kernel

_SPEC = """\
device_name: Two LEDs
platform: arduino
pins: {LED_A: 13, LED_B: 12}
peripherals:
- type: led
  pin: 13
- type: led
  pin: 13   # a slip
timing: {BAUD_RATE: 9600}
"""


def test_a_refused_spec_is_mended_by_the_assistant_and_then_built(
    tmp_path: Path,
) -> None:
    with Host.open() as host:
        with pytest.raises(InputRefusedError) as caught:
            host.call("generate", plugin="firmware", spec=yaml.safe_load(_SPEC))
        reasons: list[Data] = [
            {"code": r.code, "where": r.where, "message": r.message, "hint": r.hint}
            for r in caught.value.reasons
        ]
        task = Task("fix", "", {"reasons": reasons}, Tree.of({"spec.yaml": _SPEC}))
        (answer,) = host.call("complete", plugin="assistant", task=task, model="")
        mended = apply_patches(tmp_path, _SPEC, answer.value.patches)
        built = host.call("generate", plugin="firmware", spec=yaml.safe_load(mended))

    assert answer.tier == "read-only"
    assert answer.denials == ()
    assert "pin: 12   # a slip" in mended
    assert "micropython/main.py" in built.first.tree


def test_explaining_routing_and_embedding_work_sealed() -> None:
    task = Task("explain", "what is pin-strapping?")

    with Host.open() as host:
        said = host.call("complete", plugin="assistant", task=task, model="").first
        score = host.call("can_handle", plugin="assistant", task=task).first
        models = host.call("list_models", plugin="assistant").first
        vectors = host.call(
            "embed", plugin="assistant", texts=("one", "two"), model=""
        ).first

    assert said.text.startswith("pin-strapping")
    assert score == 1.0
    assert len(models) == 4
    assert [len(vector) for vector in vectors] == [256, 256]


def test_a_task_that_no_agent_knows_has_no_answer() -> None:
    with Host.open() as host, pytest.raises(NoAnswerError):
        _ = host.call(
            "complete", plugin="assistant", task=Task("translate", "x"), model=""
        ).first


def test_an_explanation_comes_rule_by_rule() -> None:
    findings: list[Data] = [
        {"rule": rule, "path": "a.py", "severity": "warning", "message": rule}
        for rule in ("pin-strapping", "pin-input-only")
    ]
    task = Task("explain", "", {"findings": findings})

    with Host.open() as host:
        whole = host.call("complete", plugin="assistant", task=task).first.text
        with host.stream("complete_stream", plugin="assistant", task=task) as stream:
            pieces = [item.value for item in stream]
        other = host.stream(
            "complete_stream", plugin="assistant", task=Task("translate", "x")
        )

        assert len(pieces) == 2
        assert "".join(pieces) == whole
        assert list(other) == []
        assert other.asked == ("assistant",)
