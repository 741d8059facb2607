"""The walls stand where the design puts them."""

from __future__ import annotations

import re

import pytest

from tests.meta.workspace import ROOT, Member, members, table

TOP_LEVEL = {
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "engine",
    "plugins",
    "sandbox",
    "marketplace",
    "tests",
    "docs",
}
EACH = pytest.mark.parametrize("member", members(), ids=lambda m: m.distribution)


def test_the_top_level_holds_what_the_design_names_and_nothing_else() -> None:
    listed = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    made_by_tools = {"uv.lock", "build", "dist", "out", "demo-out"}

    assert listed - made_by_tools == TOP_LEVEL


def test_the_root_is_no_distribution() -> None:
    assert "project" not in table(ROOT / "pyproject.toml")


@EACH
def test_a_member_has_readme_licence_source_and_type_marker(member: Member) -> None:
    assert (member.folder / "README.md").stat().st_size > 200
    assert (member.source / "__init__.py").is_file()
    assert (member.source / "py.typed").is_file()


@EACH
def test_a_licence_is_a_real_copy_of_the_roots(member: Member) -> None:
    copy = member.folder / "LICENSE"

    assert not copy.is_symlink()
    assert copy.read_bytes() == (ROOT / "LICENSE").read_bytes()


@EACH
def test_a_member_is_tested(member: Member) -> None:
    assert list(member.tests.rglob("test_*.py"))


@EACH
def test_a_version_is_static_and_the_trusted_base_is_in_lockstep(
    member: Member,
) -> None:
    project = table(member.folder / "pyproject.toml")["project"]
    sandbox = table(ROOT / "sandbox" / "pyproject.toml")["project"]

    assert re.fullmatch(r"\d+\.\d+\.\d+", project["version"])
    assert project["requires-python"] == ">=3.11"
    if member.folder.parent.name != "plugins":
        assert project["version"] == sandbox["version"]


@EACH
def test_a_plugin_is_found_by_one_manifest_entry_point(member: Member) -> None:
    project = table(member.folder / "pyproject.toml")["project"]
    groups = project.get("entry-points", {})
    if not member.is_plugin:
        assert "lockgate.manifest" not in groups
        return

    ((name, target),) = groups["lockgate.manifest"].items()

    assert f"lockgate-{name}" == member.distribution
    assert target == f"{member.package}:lockgate.toml"
    assert table(member.source / "lockgate.toml")["name"] == name


def test_the_lists_in_the_root_file_name_every_member() -> None:
    root = table(ROOT / "pyproject.toml")
    packages = {member.package for member in members()}
    contracts = {c["name"]: c for c in root["tool"]["importlinter"]["contracts"]}

    assert set(root["tool"]["uv"]["sources"]) == {m.distribution for m in members()}
    assert set(root["tool"]["importlinter"]["root_packages"]) == packages
    alone = contracts["the sandbox stands alone"]
    assert set(alone["forbidden_modules"]) == packages - {"lockgate_sandbox"}
    engine = contracts["the engine knows no plugin"]
    plugins = packages - {"lockgate_sandbox", "lockgate"}
    assert set(engine["forbidden_modules"]) == plugins
    assert set(contracts["plugins do not import each other"]["modules"]) == plugins


def test_constraints_name_versions_and_no_place() -> None:
    lines = (ROOT / "tests" / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith((" ", "#"))]

    assert len(pins) > 20
    assert not [line for line in lines if "://" in line or line.startswith("-")]
    assert all("==" in line for line in pins)
