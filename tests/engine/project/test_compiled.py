"""The manifest compiled from the marks in the code; what the author wrote stays."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate._specs.spec import specs
from lockgate.errors import ProjectError
from lockgate.manifest import HookImpl, Manifest, parse_manifest
from lockgate.project._compiled import compiled
from lockgate.project._marked import Marked, marked_in

HEAD = """\
schema = 1
name = "acme"  # ours
summary = "A."
kinds = ["transformer"]
hook-api = ">=1,<2"
tier = "read-only"
"""


def manifest_of(text: str) -> Manifest:
    return parse_manifest(text.encode(), file="lockgate.toml", distribution="acme")


def written(text: str, *impls: HookImpl) -> str:
    return compiled(text, manifest_of(text), impls, file="lockgate.toml")


def marked(folder: Path, **modules: str) -> Marked:
    for name, source in modules.items():
        path = folder / "acme" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("from lockgate.plugin import hookimpl\n" + dedent(source))
    return marked_in(folder, "acme", "acme-dist")


TRANSFORM = HookImpl("transform", "acme.plugin:transform")
ANALYZE = HookImpl("analyze", "acme.plugin:analyze")
NOW = HEAD + '\n[hooks]\ntransform = "acme.plugin:transform"\n'


def test_what_agrees_stays_byte_for_byte() -> None:
    assert written(NOW, TRANSFORM) == NOW


def test_a_new_hook_is_added_and_its_kind() -> None:
    text = NOW + "\n# mine\n[capabilities]\ntags = ['x']\n"
    after = written(text, TRANSFORM, ANALYZE)

    assert manifest_of(after).hooks == (TRANSFORM, ANALYZE)
    assert manifest_of(after).kinds == ("analyzer", "transformer")
    assert 'name = "acme"  # ours' in after
    assert after.endswith("\n\n# mine\n[capabilities]\ntags = ['x']\n")


def test_a_hook_that_is_gone_is_taken_out_with_its_kind() -> None:
    text = written(NOW, TRANSFORM, ANALYZE)

    assert manifest_of(written(text, ANALYZE)).hooks == (ANALYZE,)
    assert manifest_of(written(text, ANALYZE)).kinds == ("analyzer",)


def test_wishes_that_only_the_manifest_has_are_kept() -> None:
    entry = '{ impl = "acme.old:transform", before = ["format"], order = "last" }'
    text = f"{HEAD}[hooks]\ntransform = {entry}\n"
    (hook,) = manifest_of(written(text, TRANSFORM)).hooks

    assert hook.target == "acme.plugin:transform"
    assert (hook.before, hook.order) == (("format",), "last")


def test_the_marks_order_wins_and_a_wrapper_stands_beside_an_impl() -> None:
    first = HookImpl("transform", "acme.plugin:transform", "first")
    around = HookImpl("transform", "acme.plugin:around", wrapper=True)
    after = written(NOW, first, around)

    assert set(manifest_of(after).hooks) == {first, around}


def test_a_manifest_without_the_table_gets_one() -> None:
    text = HEAD + "\n[capabilities]\ntags = ['x']\n"
    after = compiled(text, None, [TRANSFORM], file="lockgate.toml")

    assert manifest_of(after).hooks == (TRANSFORM,)


def test_an_entry_with_a_table_of_its_own_is_left_to_the_author() -> None:
    text = f'{HEAD}[hooks.transform]\nimpl = "acme.old:transform"\n'

    with pytest.raises(ProjectError, match="table of its own"):
        written(text, TRANSFORM)


def test_the_marks_are_found_wherever_they_stand(tmp_path: Path) -> None:
    found = marked(
        tmp_path,
        __init__="",
        plugin="@hookimpl(tryfirst=True)\ndef transform(tree): ...",
        other="""
            @hookimpl(specname="analyze")
            def look(tree): ...
            @hookimpl(wrapper=True, specname="transform")
            def around(): yield
            def helper(): ...
        """,
    )

    assert found.problems == ()
    assert found.impls == (
        HookImpl("analyze", "acme.other:look"),
        HookImpl("transform", "acme.plugin:transform", "first"),
        HookImpl("transform", "acme.other:around", wrapper=True),
    )


def test_an_unknown_hook_and_a_second_impl_are_problems(tmp_path: Path) -> None:
    found = marked(
        tmp_path,
        __init__="",
        a="@hookimpl\ndef transfrom(tree): ...\n@hookimpl\ndef analyze(tree): ...",
        b="@hookimpl\ndef analyze(tree): ...",
        c="def broken(:",
    )
    codes = [(p.code, Path(p.file).name, p.line) for p in found.problems]

    assert codes == [
        ("hook-unknown", "a.py", 3),
        ("impl-twice", "b.py", 3),
        ("source-invalid", "c.py", 2),
    ]
    assert "Did you mean 'transform'" in found.problems[0].hint


def test_an_option_that_there_is_not_is_told_instead_of_an_unknown_hook(
    tmp_path: Path,
) -> None:
    found = marked(
        tmp_path,
        __init__="",
        a="@hookimpl(hook='analyze')\ndef look(tree): ...",
        b="@hookimpl(hook='x')\ndef transform(tree): ...",
    )
    codes = [(p.code, Path(p.file).name, p.line) for p in found.problems]

    assert codes == [("impl-mark", "a.py", 3), ("impl-mark", "b.py", 3)]
    assert "takes no 'hook'" in found.problems[0].message
    assert "specname" in found.problems[0].hint
    assert [impl.hook for impl in found.impls] == ["transform"]


HOOKS = sorted(name for name, spec in specs().items() if not spec.stream)
impls = st.lists(
    st.builds(
        HookImpl,
        st.sampled_from(HOOKS),
        st.sampled_from(["acme.plugin:f", "acme.other:g"]),
        st.sampled_from(["", "first", "last"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda impl: (impl.hook, impl.wrapper),
)
tails = st.sampled_from(
    [
        "",
        "\n# end\n",
        "\n[capabilities]\ntags = ['[hooks]', 'a']\n",
        "[limits]\nprocesses = 1\n",
    ]
)


@settings(max_examples=100)
@given(before=impls, after=impls, tail=tails)
def test_any_manifest_is_compiled_to_what_is_marked(
    before: list[HookImpl], after: list[HookImpl], tail: str
) -> None:
    text = compiled(HEAD + tail, None, before, file="f")
    first = manifest_of(text)
    second = manifest_of(compiled(text, first, after, file="f"))

    def plain(impl: HookImpl) -> tuple[str, str, bool]:
        return impl.hook, impl.target, impl.wrapper

    assert set(first.hooks) == set(before)
    assert {plain(impl) for impl in second.hooks} == {plain(impl) for impl in after}
    assert second.capabilities == first.capabilities
    assert second.limits == first.limits
    again = compiled(compiled(text, first, after, file="f"), second, after, file="f")
    assert again == compiled(text, first, after, file="f")
