"""How firmly layers are held: by each tier itself, and as an owner asks.

A poorer machine is played by `tests.support.confine`: there a worker of each tier is
started, or refused, by a host of its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import (
    Interpreter,
    LayerMissingError,
    Policy,
    Program,
    Sandbox,
    probe,
)
from lockgate_sandbox._seal import plan
from lockgate_sandbox._start import nursery
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.layers import (
    ALWAYS_STRICT,
    STRICT_FROM,
    STRICT_WHERE_HAD,
    TIERS,
    Layers,
    Modes,
    by_default,
    too_loose,
)
from lockgate_sandbox.posture import LAYERS
from lockgate_sandbox.security import PROMISES, hold
from lockgate_sandbox.tiers import Tier
from tests.sandbox.lacking import need
from tests.support.confine import CONTAINER_CAPABILITIES, command
from tests.support.layers import ORDINARY_UID, Base, Cell

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sandbox-policy.md"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can play a runtime")


# -- what is asked for -----------------------------------------------------------------


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("grouped", [True, False])
def test_the_baseline_is_strict_at_every_tier(tier: Tier, grouped: bool) -> None:
    modes = by_default(tier, grouped=grouped)

    assert tuple(modes) == LAYERS
    assert {name for name in ALWAYS_STRICT if modes[name] != "strict"} == set()


def test_a_tier_holds_firmer_what_it_brings() -> None:
    strict = {
        tier: {name for name, mode in modes.items() if mode == "strict"} - ALWAYS_STRICT
        for tier in TIERS
        for modes in [by_default(tier, grouped=True)]
    }

    assert strict == {
        "read-only": set(),
        "basic": {"scratch"},
        "elevated": {"scratch", "cgroup"},
        "admin": {"scratch", "cgroup"},
    }


@pytest.mark.parametrize("tier", TIERS)
def test_what_plain_containers_forbid_is_strict_nowhere_there(tier: Tier) -> None:
    modes = by_default(tier, grouped=False)

    for name in ("cgroup", "uid", *(n for n in LAYERS if n.endswith("-namespace"))):
        assert modes[name] == "degradable"


def test_what_is_asked_for_one_tier_counts_more_than_what_is_for_all() -> None:
    asked: Layers = {
        "admin": {"uid": "degradable", "cgroup": "strict"},
        "uid": "strict",
    }

    modes = Modes(asked)

    assert modes.at(Tier.BASIC) == {"uid": "strict"}
    assert modes.at(Tier.ADMIN) == {"uid": "degradable", "cgroup": "strict"}


def test_a_sandbox_tells_its_modes() -> None:
    with Sandbox.open(layers={"admin": {"uid": "strict"}}) as sandbox:
        told = {tier: sandbox.modes(tier) for tier in TIERS}
        with pytest.raises(PolicyError, match="system"):
            sandbox.modes("system")

    assert [told[tier]["uid"] for tier in TIERS] == ["degradable"] * 3 + ["strict"]
    assert [told[tier]["scratch"] for tier in TIERS] == ["degradable"] + ["strict"] * 3


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"magic": "strict"}, "no layer 'magic'; known: fds, "),
        ({"uid": "maybe"}, "mode is strict, degradable or off, not 'maybe'"),
        ({"uid": {"basic": "strict"}}, "layer uid: mode is"),
        ({"basic": "strict"}, "tier basic: its layers and their modes, not 'strict'"),
        ({"basic": {"magic": "strict"}}, "tier basic: no layer 'magic'"),
        ({"basic": {"uid": "firm"}}, "layer uid: mode is"),
        ({"system": {"uid": "strict"}}, "tier system is not sandboxed"),
        ({"admin": {"pid-namespace": "off"}}, "off at every tier or at none"),
        (
            {"ipc-namespace": "off", "basic": {"ipc-namespace": "strict"}},
            "off at every tier or at none",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(asked: Any, words: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(words)):
        Sandbox.open(layers=asked)


@pytest.mark.parametrize("layer", LAYERS)
def test_settings_let_go_of_no_layer_that_every_tier_needs(layer: str) -> None:
    assert too_loose(layer, "off")
    assert bool(too_loose(layer, "degradable")) == (layer in ALWAYS_STRICT)
    assert not too_loose(layer, "strict")


# -- the page --------------------------------------------------------------------------


def _said(layer: str, tier: Tier) -> str:
    """What the page says of `layer` at `tier`."""
    if layer == "scratch" and not tier.may_write:
        return "-"  # there is none
    mode = by_default(tier, grouped=True)[layer]
    asked = mode == "strict" and layer in STRICT_WHERE_HAD
    return f"{mode} if had" if asked else mode


def test_the_page_shows_the_mode_of_each_layer_at_each_tier() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text().splitlines()
        if line.startswith("| `") and line.count("|") == len(TIERS) + 3
    ]
    shown = {row[0].strip("`"): row[2:] for row in rows if row[0].strip("`") in LAYERS}

    assert list(shown) == list(LAYERS)
    for layer, modes in shown.items():
        assert modes == [_said(layer, tier) for tier in TIERS], layer
    assert set(STRICT_WHERE_HAD) <= set(STRICT_FROM)


# -- one child -------------------------------------------------------------------------


def _sealed(cell: Cell, job: Mapping[str, Any], asked: Mapping[str, Any]) -> Any:
    """The layer that refused it, or its posture."""
    report = cell.ask({**job, "modes": dict(asked), "code": "result = 1"})
    if "layer_error" in report:
        assert report["layer_error"]["remedy"]
        return report["layer_error"]["layer"]
    return {layer["name"]: layer["state"] for layer in report["posture"]["layers"]}


@pytest.mark.kernel
@pytest.mark.parametrize("tier", TIERS)
def test_a_folder_that_nobody_counts_is_no_tiers(cell: Cell, tier: Tier) -> None:
    job = cell.job(tier=tier, scratch=tier.may_write, break_mounts=True)

    found = _sealed(cell, job, {})
    let_go = _sealed(cell, job, {str(tier): {"scratch": "degradable"}})

    if tier is Tier.READ_ONLY:
        assert found["scratch"] == "unneeded"
    else:
        assert found == "scratch"
        assert let_go["scratch"] == "missing"


@pytest.mark.kernel
@pytest.mark.parametrize("tier", ["elevated", "admin"])
def test_a_tree_has_a_group_wherever_there_could_be_one(cell: Cell, tier: str) -> None:
    need(cell, "cgroup")
    job = cell.job(tier=tier, programs=["/bin/true"])
    poor: dict[str, Any] = {**cell.capabilities(), "cgroup_parents": []}

    assert _sealed(cell, job, {}) == "cgroup"  # a cell opens none for it
    assert _sealed(cell, {**job, "capabilities": poor}, {})["cgroup"] == "missing"
    assert _sealed(cell, {**job, "group": True}, {})["cgroup"] == "active"


@pytest.mark.kernel
def test_a_group_that_counts_no_memory_is_not_what_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where somebody gave us a hierarchy of version 1 for processes alone."""
    found = probe()
    pids = tuple(pair for pair in found.cgroup_parents if pair[0] == "pids")
    if not pids:
        pytest.skip(f"no group can be made here: {found.reasons['cgroup']}")
    reasons = {**found.reasons, "cgroup": "memory: made to be missing"}
    poor = replace(found, cgroup_parents=pids, reasons=reasons)
    for module in (nursery, plan):
        monkeypatch.setattr(module, "probe", lambda: poor)
    given = Policy.for_tier("elevated", programs=[Program("true", "/bin/true")])
    memory = next(one for one in PROMISES if one.name == "memory")

    with Sandbox.open() as sandbox, Interpreter.open(given, sandbox=sandbox) as python:
        posture = python.posture
    asked: Layers = {"elevated": {"cgroup": "strict"}}
    with Sandbox.open(layers=asked) as sandbox, pytest.raises(LayerMissingError) as no:
        Interpreter.open(given, sandbox=sandbox)

    assert posture["cgroup"].state == "missing"
    assert posture["cgroup"].detail == "limits pids only, memory: made to be missing"
    assert posture["process-limit"].state == "active"
    assert hold(memory, posture, root=True, programs=True) == ("weak", ["measuring"])
    assert no.value.layer == "cgroup"


@pytest.mark.kernel
@pytest.mark.parametrize("tier", TIERS)
def test_one_process_needs_no_group(cell: Cell, tier: Tier) -> None:
    assert _sealed(cell, cell.job(tier=tier), {"cgroup": "strict"})["cgroup"] == (
        "unneeded"
    )


# -- poorer machines -------------------------------------------------------------------

_START = """
    import json, os, sys
    sys.path.insert(0, sys.argv[1])
    asked, prelude = json.loads(sys.argv[2]), sys.argv[3]
    from lockgate_sandbox import LayerMissingError, Policy, Program, Sandbox, probe
    from lockgate_sandbox.interpreter import Interpreter
    from lockgate_sandbox.linux import _libc, seccomp
    exec(prelude)
    shell = Program("sh", os.path.realpath("/bin/sh"))
    found = {}
    with Sandbox.open(layers=asked) as sandbox:
        for rung in ("read-only", "basic", "elevated", "admin", "elevated+", "admin+"):
            tier, programs = rung.rstrip("+"), [shell] if rung[-1] == "+" else []
            policy = Policy.for_tier(tier, programs=programs)
            try:
                with Interpreter.open(policy, sandbox=sandbox) as python:
                    assert python.run("6 * 7").value == 42
                    layers = python.posture.layers
                    found[rung] = {layer.name: layer.state for layer in layers}
            except LayerMissingError as error:
                told = {"code": error.code, "layer": error.layer, "hint": error.hint}
                found[rung] = told
    print(json.dumps(found))
"""

RUNGS = ("read-only", "basic", "elevated", "admin", "elevated+", "admin+")
"""The tiers, and with a plus those that have a program."""

_CONTAINER: dict[str, Any] = {
    "container": True,
    "keep": CONTAINER_CAPABILITIES,
    "cgroups": False,
}
POOR: dict[str, dict[str, Any]] = {
    "container as root": _CONTAINER,
    "container as a user": {**_CONTAINER, "uid": ORDINARY_UID},
    "user namespace": {"ids": [(0, ORDINARY_UID, 1)], "cgroups": False},
}


@pytest.fixture(scope="module")
def script(base: Base) -> Iterator[Path]:
    path = Path(base.package).parent / "start_each.py"
    path.write_text(textwrap.dedent(_START))
    path.chmod(0o644)
    yield path
    path.unlink()


def _started(
    base: Base, script: Path, asked: Layers, machine: dict[str, Any], prelude: str = ""
) -> dict[str, dict[str, str]]:
    """What became of each rung: its layers' states, or code, layer and remedy."""
    text = json.dumps(asked)
    argv = [base.python, str(script), str(script.parent), text, prelude]
    done = subprocess.run(
        command(argv, **machine),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd="/",
        env={
            "PATH": "/usr/bin:/bin",
            "LD_LIBRARY_PATH": str(Path(base.python).parent.parent / "lib"),
        },
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    assert tuple(found) == RUNGS
    return found


def _refused(found: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The layers for which rungs were refused, each with a way out."""
    told = {rung: one for rung, one in found.items() if "code" in one}
    for one in told.values():
        assert one["code"] == "layer-missing"
        assert one["hint"]
    return {rung: one["layer"] for rung, one in told.items()}


@pytest.mark.kernel
@AS_ROOT
@pytest.mark.parametrize("machine", POOR)
def test_every_tier_starts_where_nothing_is_permitted(
    base: Base, script: Path, machine: str
) -> None:
    found = _started(base, script, {}, POOR[machine])

    assert _refused(found) == {}
    for rung in ("elevated+", "admin+"):
        assert found[rung]["cgroup"] == "missing"
        for layer in ("landlock", "seccomp", "no-new-privs", "rlimits"):
            assert found[rung][layer] == "active"


@pytest.mark.kernel
@AS_ROOT
def test_one_tier_refuses_what_the_others_go_without(base: Base, script: Path) -> None:
    machine = {"container": True, "cgroups": False, "uid": ORDINARY_UID}
    asked: Layers = {
        "pid-namespace": "strict",
        "read-only": {"pid-namespace": "degradable"},
        "elevated": {"pid-namespace": "degradable"},
        "admin": {"pid-namespace": "degradable", "cgroup": "strict"},
    }

    found = _started(base, script, asked, machine)

    assert _refused(found) == {"basic": "pid-namespace", "admin+": "cgroup"}
    assert found["read-only"]["pid-namespace"] == "missing"
    assert found["elevated+"]["cgroup"] == "missing"
    assert found["admin"]["cgroup"] == "unneeded"


_HEARD = """
listener = seccomp.listen(compile_filter(Filter(
    _libc.AUDIT_ARCH[_libc.ARCH], 10_000,
    {_libc.NUMBERS["acct"]: [Rule(error_action(38))]},
)).code)
"""


@pytest.mark.kernel
@AS_ROOT
def test_a_folder_that_no_warden_can_count_is_refused(base: Base, script: Path) -> None:
    """Under somebody else's filter with a listener, and without mounts."""
    imports = (
        "from lockgate_sandbox.bpf.compile import "
        "Filter, Rule, compile_filter, error_action\n"
    )
    machine = {"container": True, "cgroups": False, "uid": ORDINARY_UID}
    asked: Layers = {"admin": {"scratch": "degradable"}}

    found = _started(base, script, asked, machine, imports + _HEARD)

    refused = ("basic", "elevated", "elevated+")
    assert _refused(found) == dict.fromkeys(refused, "scratch")
    assert found["admin"]["scratch"] == "missing"


_SHUT = """
probe()
assert _libc.syscall("unshare", 0x20000) == 0
_libc.syscall("mount", b"none", b"/", 0, 0x44000, 0)
_libc.syscall("mount", b"none", b"/sys/fs/cgroup", b"tmpfs", 1, 0)
"""


@pytest.mark.kernel
@AS_ROOT
def test_a_group_that_is_lost_meanwhile_is_not_gone_without(
    base: Base, script: Path
) -> None:
    if not probe().can("cgroup"):
        pytest.skip(f"no group can be made here: {probe().reasons['cgroup']}")

    found = _started(base, script, {}, {"refuse": {}}, _SHUT)
    loose: Layers = {"cgroup": "degradable"}
    let_go = _started(base, script, loose, {"refuse": {}}, _SHUT)

    assert _refused(found) == dict.fromkeys(("elevated+", "admin+"), "cgroup")
    assert _refused(let_go) == {}
    assert let_go["admin+"]["cgroup"] == "missing"
