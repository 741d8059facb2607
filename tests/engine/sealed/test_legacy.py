"""Plugins without a manifest: what they may offer, and how it is found."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate._sealed.legacy import legacy_hooks
from lockgate._specs.spec import specs
from lockgate.discovery import PluginState
from lockgate.errors import HookError
from lockgate.host import AuditRecord
from lockgate.values import Tree
from tests.support.host_plugins import Site

TREE = Tree.of({"a.txt": "text"})

IMPL = """
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree):
    return Transformation(Tree.of({"by": "function"}))
"""

OBJECT = """
from lockgate.plugin import Transformation, Tree, hookimpl

class Plugin:
    @hookimpl(specname="transform")
    def change(self, tree):
        return Transformation(Tree.of({"by": "method"}))

plugin = Plugin()
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def points(name: str, value: str) -> str:
    return f"[lockgate.transformer]\n{name} = {value}\n"


def test_an_entry_point_offers_its_kinds_hooks_a_file_all_but_the_hosts_own() -> None:
    entry = PluginState("a", kinds=("ai",))
    file = PluginState("b", entries=(("file", "/x.py"),))

    kinds = {spec.kind for spec in specs().values()}
    assert {specs()[hook].kind for hook in legacy_hooks(entry)} == {"ai"}
    assert {specs()[hook].kind for hook in legacy_hooks(file)} == kinds - {"service"}


@pytest.mark.parametrize(
    ("source", "value", "by"),
    [
        (IMPL, "old_plugin.impl", "function"),
        (IMPL, "old_plugin.impl:transform", "function"),
        (OBJECT, "old_plugin.impl:Plugin", "method"),
        (OBJECT, "old_plugin.impl:plugin", "method"),
    ],
    ids=["module", "function", "class", "object"],
)
def test_modules_functions_classes_and_objects_are_taken(
    site: Site, source: str, value: str, by: str
) -> None:
    site.add("old", source, entry_points=points("old", value))

    with site.open() as host:
        tree = host.call("transform", tree=TREE).first.tree

    assert tree["by"].text == by
    assert "old_plugin" not in sys.modules
    assert "old_plugin.impl" not in sys.modules


def test_only_its_own_entry_point_is_loaded_in_a_plugins_worker(site: Site) -> None:
    """Stevedore would load the whole group; a neighbour's fault is not ours."""
    site.add("old", IMPL, entry_points=points("old", "old_plugin.impl"))
    site.add("bad", "1 / 0", entry_points=points("bad", "bad_plugin.impl"))

    with site.open() as host:
        assert host.call("transform", plugin="old", tree=TREE).first.tree
        with pytest.raises(HookError, match="ZeroDivisionError") as caught:
            host.call("transform", plugin="bad", tree=TREE)

    assert caught.value.plugin == "bad"


def test_finding_out_what_it_offers_waits_for_the_first_call(site: Site) -> None:
    site.add("old", IMPL, entry_points=points("old", "old_plugin.impl"))
    audit: list[AuditRecord] = []

    with site.open(on_audit=audit.append) as host:
        assert [state.state for state in host.plugins()] == ["legacy"]
        assert audit == []
        host.call("transform", tree=TREE)
        host.call("transform", tree=TREE)

    assert [record.action for record in audit] == ["start"]


def test_it_has_no_rights_and_the_lowest_tier(site: Site) -> None:
    site.add(
        "old",
        """
        from lockgate.plugin import Transformation, Tree, hookimpl

        @hookimpl
        def transform(tree, context):
            context.run_program("ls", [])
        """,
        entry_points=points("old", "old_plugin.impl"),
    )

    with site.open() as host, pytest.raises(HookError, match="no program 'ls'"):
        host.call("transform", tree=TREE)


def test_a_single_file_reads_itself_and_not_its_neighbours(site: Site) -> None:
    folder = site.root / "files"
    folder.mkdir()
    (folder / "notes.txt").write_text("private", "utf-8")
    (folder / "tiny.py").write_text(
        "from pathlib import Path\n"
        "from lockgate.plugin import Transformation, Tree, hookimpl\n"
        "@hookimpl\n"
        "def transform(tree):\n"
        "    own = Path(__file__).read_text()\n"
        "    try:\n"
        "        Path(__file__).with_name('notes.txt').read_text()\n"
        "    except OSError as error:\n"
        "        return Transformation(Tree.of({'own': own[:4], 'e': str(error)}))\n",
        "utf-8",
    )
    config = replace(site.config, plugin_folders=(str(folder),))

    with site.open(config=config) as host:
        tree = host.call("transform", tree=TREE).first.tree

    assert tree["own"].text == "from"
    assert "notes.txt" in tree["e"].text


RESTRICTED = """
from __future__ import annotations

from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree: Tree) -> Transformation:
    words = 0
    for _path in ["a.txt"]:
        pass
    return Transformation(Tree.of({"by": "restricted"}))
"""


def single_file(site: Site, source: str) -> str:
    folder = site.root / "files"
    folder.mkdir(exist_ok=True)
    (folder / "tiny.py").write_text(source, "utf-8")
    return str(folder)


def test_a_single_file_can_be_compiled_restrictedly(site: Site) -> None:
    source = RESTRICTED.replace("_path", "path")
    folder = single_file(site, source)
    config = replace(site.config, plugin_folders=(folder,), file_profile="restricted")

    with site.open(config=config) as host:
        tree = host.call("transform", tree=TREE).first.tree

    assert tree["by"].text == "restricted"


def test_the_restricted_profile_refuses_what_the_plain_one_runs(site: Site) -> None:
    source = RESTRICTED.replace("words = 0", "words = ().__class__")
    plain = replace(site.config, plugin_folders=(single_file(site, source),))
    strict = replace(plain, file_profile="restricted")

    with site.open(config=plain) as host:
        assert host.call("transform", tree=TREE).first.tree
    with (
        site.open(config=strict) as host,
        pytest.raises(HookError, match="restricted profile refuses") as caught,
    ):
        host.call("transform", tree=TREE)

    assert "Line 9" in str(caught.value)
