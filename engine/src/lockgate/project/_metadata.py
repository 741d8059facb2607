"""What an index, an installer and a reader want of a project besides its code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from lockgate.contract._modules import Sources
from lockgate.contract._names import find
from lockgate.manifest import Manifest
from lockgate.project._folder import Project, table_of
from lockgate.project._rules import RULES
from lockgate.values import Finding, Position, Range

__all__ = ["code_findings", "manifest_findings", "project_findings"]

_PYPROJECT = "pyproject.toml"
_SHOWN = ("version", "description", "requires-python")


def project_findings(project: Project) -> Iterator[Finding]:
    """What ``pyproject.toml`` and the folder lack."""
    metadata = project.metadata
    dynamic = _texts(metadata.get("dynamic"))
    for key in _SHOWN:
        if not metadata.get(key) and key not in dynamic:
            yield _in_project(project, "metadata-missing", f"[project] has no {key!r}")
    if "license" not in metadata or not _any(project.folder, "LICEN[SC]E*", "COPYING*"):
        message = "there is no LICENSE file, or [project] has no 'license'"
        hint = 'license = "Apache-2.0" and license-files = ["LICENSE"].'
        yield _in_project(project, "licence-missing", message, hint)
    if "readme" not in metadata or not _any(project.folder, "README*"):
        message = "there is no README, or [project] has no 'readme'"
        yield _in_project(project, "readme-missing", message)
    needs = _texts(metadata.get("dependencies"))
    if not any(_is_lockgate(one) for one in needs):
        message = "lockgate is not among the dependencies"
        hint = 'dependencies = ["lockgate>=0.1,<0.2"].'
        yield _in_project(project, "dependency-missing", message, hint)
    if not _any(project.folder, "tests/test_*.py", "tests/**/test_*.py"):
        hint = "`lockgate.testing` brings the fixtures; `lockgate test` runs them."
        yield _in_project(project, "tests-missing", "there are no tests", hint)
    yield from _package_data(project)


def _texts(value: object) -> list[str]:
    """A list of a stranger's file, if it is one."""
    listed = cast("list[object]", value) if isinstance(value, list) else []
    return [str(one) for one in listed]


def _is_lockgate(requirement: str) -> bool:
    rest = requirement.strip().removeprefix("lockgate")
    return rest != requirement.strip() and not rest[:1].isalnum() and rest[:1] != "-"


def _any(folder: Path, *patterns: str) -> bool:
    return any(True for pattern in patterns for _ in folder.glob(pattern))


def _in_project(project: Project, rule: str, message: str, hint: str = "") -> Finding:
    line = project.line("project") or 1
    place = Range(Position(line), Position(line))
    severity = RULES[rule].severity
    return Finding(_PYPROJECT, rule, severity, message, place, hint=hint)


def _package_data(project: Project) -> Iterator[Finding]:
    """Setuptools leaves data files out unless it is told about them."""
    backend = str(table_of(project.pyproject, "build-system").get("build-backend", ""))
    tools = table_of(project.pyproject, "tool", "setuptools")
    if not backend.startswith("setuptools") and backend:
        return
    data = table_of(tools, "package-data")
    listed = [one for key in (project.package, "*") for one in _texts(data.get(key))]
    manifest = project.manifest.name
    if any(one in ("*", "*.toml", manifest) for one in listed):
        return
    if tools.get("include-package-data") and (project.folder / "MANIFEST.in").is_file():
        return
    message = f"setuptools would leave {manifest} out of the wheel"
    hint = f'[tool.setuptools.package-data] {project.package} = ["*.toml"].'
    yield _in_project(project, "package-data", message, hint)


def manifest_findings(
    project: Project, manifest: Manifest, file: str
) -> Iterator[Finding]:
    """What the manifest says that does not go with the project."""
    from packaging.specifiers import SpecifierSet

    from lockgate._manifest.fields import supports
    from lockgate.hookspecs import HOOK_API_VERSION

    if manifest.name != project.plugin:
        message = (
            f"the entry point is named {project.plugin!r}, the manifest says "
            f"{manifest.name!r}"
        )
        hint = "Give both the same name."
        yield Finding(file, "name-mismatch", "error", message, hint=hint)
    if not supports(manifest.hook_api):
        message = f"{manifest.hook_api} leaves out {HOOK_API_VERSION}, this version"
        yield Finding(file, "hook-api", "error", message, hint='hook-api = ">=1,<2"')
    elif SpecifierSet(manifest.hook_api).contains("999"):
        message = f"{manifest.hook_api} promises to work with every later version"
        yield Finding(
            file, "hook-api-open", "warning", message, hint='hook-api = ">=1,<2"'
        )
    named = [command.pipeline for command in manifest.commands]
    named += [manifest.demo.pipeline] if manifest.demo else []
    for pipeline in dict.fromkeys(named):
        if not (project.manifest.parent / pipeline).is_file():
            message = f"there is no {pipeline} beside the manifest"
            yield Finding(file, "file-missing", "error", message)
    if not manifest.capabilities:
        hint = '[capabilities] with tags = ["…"], files = ["*.py"] and the like.'
        message = "it has no [capabilities]"
        yield Finding(file, "capabilities-missing", "note", message, hint=hint)
    properties = manifest.config_schema.get("properties", {})
    for name, schema in properties.items() if isinstance(properties, dict) else ():
        if not (isinstance(schema, dict) and schema.get("description")):
            message = f"the setting {name!r} has no description"
            yield Finding(file, "config-undescribed", "note", message)


def code_findings(project: Project, manifest: Manifest) -> Iterator[Finding]:
    """What the impls lack for their readers and type checkers."""
    import time

    from lockgate.contract._modules import SourceError
    from lockgate_sandbox.parsing import batch

    if not (project.root / project.package / "py.typed").is_file():
        path = (project.root / project.package).relative_to(project.folder).as_posix()
        hint = "An empty file py.typed lets type checkers read the annotations."
        message = "the package has no py.typed"
        yield Finding(path, "typed-missing", "note", message, hint=hint)

    def work() -> list[Finding]:
        sources = Sources([str(project.root)], time.time_ns())
        found: list[Finding] = []
        for impl in manifest.hooks:
            name, _, function = impl.target.partition(":")
            try:
                module = sources.module(name)
                there = find(sources, module, function) if module else None
            except SourceError:
                continue
            node = there.node if there is not None else None
            if there is None or there.module is None:
                continue
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                path = Path(there.module.file)
                file = path.relative_to(project.folder).as_posix()
                found += _function(file, node)
        return found

    yield from batch(work)


def _function(
    file: str, node: ast.FunctionDef | ast.AsyncFunctionDef
) -> Iterator[Finding]:
    place = Range(Position(node.lineno), Position(node.lineno))
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    if node.returns is None or any(one.annotation is None for one in given):
        message = f"{node.name} is not annotated throughout"
        yield Finding(file, "typed-missing", "note", message, place)
    if not ast.get_docstring(node):
        message = f"{node.name} has no docstring"
        yield Finding(file, "doc-missing", "note", message, place)
