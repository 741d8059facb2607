"""How a worker starts, what it finds there, and what stops it from starting."""

from __future__ import annotations

import os

import pytest

from lockgate_sandbox import (
    PolicyError,
    Program,
    RemoteError,
    StartError,
    Tier,
    WorkerDiedError,
)
from lockgate_sandbox.policy import Policy
from tests.support.sandbox import Lab, policy, run

pytestmark = pytest.mark.kernel


def test_nothing_of_ours_is_visible_in_the_worker(lab: Lab) -> None:
    code = """
        import sys
        result = [name for name in sys.modules
                  if name.partition(".")[0] in ("lockgate_sandbox", "msgspec")]
    """
    with lab.worker(policy()) as worker:
        assert run(worker, code) == []
        with pytest.raises(RemoteError, match="No module named 'msgspec'"):
            run(worker, "import msgspec")
        with pytest.raises(RemoteError, match="No module named 'lockgate_sandbox'"):
            run(worker, "import lockgate_sandbox")


def test_a_plugin_gets_its_own_codec_not_ours(lab: Lab) -> None:
    lab.write("msgspec", "VERSION = 'mine'\n")
    try:
        with lab.worker(policy()) as worker:
            assert run(worker, "import msgspec; result = msgspec.VERSION") == "mine"
            assert run(worker, "result = [1, b'x']") == [1, b"x"]
    finally:
        (lab.folder / "msgspec.py").unlink()


def test_a_plugin_may_bring_the_very_codec_that_we_use(lab: Lab) -> None:
    import msgspec

    site = os.path.dirname(os.path.dirname(msgspec.__file__))  # noqa: PTH120
    path = [str(lab.folder), site]
    given = policy()
    with lab.sandbox.worker(given, target="lab_target:build", path=path) as worker:
        code = """
            import msgspec
            class Point(msgspec.Struct):
                x: int
            result = msgspec.json.decode(b'{"x": 4}', type=Point).x
        """
        assert run(worker, code) == 4
        assert run(worker, "result = {'a': [1.5, b'x']}") == {"a": [1.5, b"x"]}


def test_a_missing_module_is_a_start_error_of_that_worker_only(lab: Lab) -> None:
    with pytest.raises(StartError) as caught:
        lab.worker(policy(), target="no_such_module:build")
    assert caught.value.stage == "import"
    assert "no_such_module" in caught.value.detail
    assert lab.run(policy(), "result = 1") == 1


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    ("module", "path", "hint"),
    [
        ("nothing_like_it", [], "add the folder that it lies in"),
        ("pytest", [], "add '/"),
        ("nothing_like_it", ["/nowhere/at/all"], "'/nowhere/at/all' does not exist"),
        ("lockgate_session", [], "its session as first argument"),
        ("lab_target.sub", [], "has lab_target, without that in it"),
    ],
)
def test_a_missing_module_is_told_with_where_it_is(
    lab: Lab, module: str, path: list[str], hint: str, lazy: bool
) -> None:
    lab.write("wants", f"import {module}\ndef build(session):\n    return print\n")
    with pytest.raises(StartError) as caught:
        lab.sandbox.worker(
            policy(), target="wants:build", path=[str(lab.folder), *path], lazy=lazy
        ).call("x")
    assert caught.value.stage == "import"
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("biuld", "no attribute 'biuld'; it has build"),
        ("anything", "no attribute 'anything'; it has Kind, build"),
        ("Kind.mkae", "no attribute 'mkae'; it has make"),
    ],
)
def test_a_misspelt_callable_is_told_with_the_names_that_are_there(
    lab: Lab, name: str, told: str
) -> None:
    lab.write(
        "named",
        """
        def build(session):
            return print
        class Kind:
            def make(session): ...
        """,
    )
    with pytest.raises(StartError) as caught:
        lab.worker(policy(), target=f"named:{name}")
    assert told in caught.value.detail


def test_a_callable_of_a_module_without_any_is_told_plainly(lab: Lab) -> None:
    lab.write("bare", "")
    with pytest.raises(StartError, match=r"no attribute 'build'$"):
        lab.worker(policy(), target="bare:build")


def test_a_target_that_raises_is_a_start_error_with_its_traceback(lab: Lab) -> None:
    lab.write("raising", "def build(session):\n    raise ValueError('no')\n")
    with pytest.raises(StartError) as caught:
        lab.worker(policy(), target="raising:build")
    assert caught.value.stage == "target"
    assert "ValueError: no" in caught.value.detail
    assert "raising.py" in caught.value.traceback


def test_a_target_that_gives_no_handler_is_a_start_error(lab: Lab) -> None:
    lab.write("nothing", "def build(session):\n    return 5\n")
    with pytest.raises(StartError, match="no handler but a int"):
        lab.worker(policy(), target="nothing:build")


def test_an_import_that_exits_is_a_typed_error(lab: Lab) -> None:
    lab.write("exits", "import os\nos._exit(9)\n")
    with pytest.raises(WorkerDiedError) as caught:
        lab.worker(policy(), target="exits:build")
    assert caught.value.status == 9


@pytest.mark.parametrize("target", ["", "module", "module:", ":name"])
def test_a_misspelt_target_is_refused(lab: Lab, target: str) -> None:
    with pytest.raises(PolicyError, match="module:callable"):
        lab.worker(policy(), target=target)


def test_scratch_is_there_from_basic_on(lab: Lab) -> None:
    assert lab.run(policy(Tier.READ_ONLY), "result = session.scratch") is None
    code = """
        path = session.scratch / "a"
        path.write_text("b")
        import os, tempfile
        result = [path.read_text(), tempfile.gettempdir() == str(session.scratch),
                  os.getcwd() == str(session.scratch)]
    """
    assert lab.run(policy(Tier.BASIC), code) == ["b", True, True]


def test_session_knows_tier_and_programs(lab: Lab) -> None:
    code = "result = [session.tier, session.programs]"
    assert lab.run(policy(Tier.BASIC), code) == ["basic", {}]
    given = Policy.for_tier("elevated", programs=[Program("true", "/bin/true")])
    assert lab.run(given, code) == ["elevated", {"true": "/bin/true"}]


def test_programs_of_a_policy_run_under_its_seal(lab: Lab) -> None:
    given = Policy.for_tier("elevated", programs=[Program("cat", "/bin/cat")])
    code = """
        import subprocess
        run = lambda *a: subprocess.run(a, capture_output=True, text=True)
        (session.scratch / "mine").write_text("ok")
        cat = session.programs["cat"]
        mine, other = run(cat, str(session.scratch / "mine")), run(cat, "/etc/passwd")
        result = [mine.stdout, other.returncode, other.stderr]
    """
    answer = lab.run(given, code)
    assert isinstance(answer, list)
    assert answer[:2] == ["ok", 1]
    assert "Permission denied" in str(answer[2])


def test_extra_environment_of_a_policy_reaches_the_worker(lab: Lab) -> None:
    given = Policy.for_tier("read-only", env={"GREETING": "hello"})
    code = "import os; result = os.environ['GREETING']"
    assert lab.run(given, code) == "hello"


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("def wrong(session, colour): ...", "arguments` by name"),
        ("def wrong(): ...", "called with a session"),
        ("wrong = 3", "called with a session"),
        ("def wrong(session): return 3", "gives handler(method, arguments)"),
        ("def wrong(session): raise TypeError('mine')", ""),
    ],
)
def test_a_target_that_is_none_is_told_how_one_is_called(
    lab: Lab, body: str, hint: str
) -> None:
    lab.write("wrong_target", f"{body}\n")

    with pytest.raises(StartError) as caught:
        lab.sandbox.worker(
            policy(), target="wrong_target:wrong", path=[str(lab.folder)]
        )

    assert caught.value.stage == "target"
    assert hint in caught.value.hint
    assert bool(hint) == bool(caught.value.hint)
