"""A plugin's project, as its author has it: checked by reading, never by running.

::

    checked = check_project(find_project("."))
    for finding in checked.findings:
        print(finding.path, finding.rule, finding.message)

The marks in the code are the truth about hooks, kinds and the specs of kinds that a
plugin adds, and the manifest is compiled from them (`Checked.text`); for everything
else the manifest is.

What is checked: `_folder` (where all is), `_marked` (hooks), `_spec_source` with
`_spec_types` (kinds that it adds), `_compiled` and `_kinds_text` (the manifest that
follows), `_around` (kinds beside it), `_metadata`, `_versions`, `_rights` with
`_scanner`; each finding is one of `_rules`. What is made: `_new` from `_template`, or
from a kind's schemas by `_added` with `_samples`; `_page` (its page). What is run:
`_stage` (as if it were installed) and `_run` (its tests).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate._text.beneath import read_beneath
from lockgate._text.files import UnreadableError
from lockgate.contract import Problem
from lockgate.errors import ManifestError
from lockgate.manifest import MANIFEST_LIMIT_BYTES, Manifest, parse_manifest
from lockgate.project._folder import Project, find_project
from lockgate.project._rights import source_findings
from lockgate.project._rules import LEVELS, RULES, Level, Rule, level_of
from lockgate.project._scanner import scanner_version
from lockgate.values import Finding, Position, Range

if TYPE_CHECKING:
    from lockgate._specs.spec import HookSpec
    from lockgate.kinds import AddedKind
    from lockgate.project._marked import Marked
    from lockgate.project._spec_source import Specified

__all__ = [
    "LEVELS",
    "RULES",
    "Checked",
    "Level",
    "Project",
    "Rule",
    "check_project",
    "find_project",
    "kinds_around",
    "scanner_version",
    "source_findings",
]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check of a project came to.

    `text` is the manifest as the code wants it, `diff` what would change.
    """

    project: Project
    manifest: Manifest | None
    findings: tuple[Finding, ...]
    text: str
    diff: str

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong; warnings and notes are no obstacle."""
        return not any(finding.severity == "error" for finding in self.findings)

    @property
    def level(self) -> Level:
        """The quality level that is reached; empty below bronze."""
        return level_of(self.findings)


def check_project(project: Project, added: Iterable[AddedKind] = ()) -> Checked:
    """Check a project; `added` are the kinds of the plugins beside it.

    Raises:
        ProjectError: If the manifest is written so that it can't be compiled.
    """
    from lockgate.project._kinds_text import with_kinds

    file = project.manifest.relative_to(project.folder).as_posix()
    before, manifest, findings = _manifest(project, file)
    said = manifest.added_kinds if manifest is not None else ()
    code = _code_of(project, said, added)
    findings += _unknown_kinds(manifest, file, before, code.hooks)
    for problem in (*code.specified.problems, *code.marked.problems):
        findings.append(_of_problem(project, problem))
    text = _with_hooks(before, manifest, project, code)
    if text != before and manifest is not None:
        message = "the hooks in the manifest are not those that the code marks"
        hint = "`lockgate check --write` writes them."
        findings.append(Finding(file, "manifest-drift", "error", message, hint=hint))
    specified = code.specified
    if specified.kinds and specified.kinds != said:
        text = with_kinds(text, specified.kinds)
        findings += _kind_drifts(project, file, before, said, specified)
    if manifest is not None:
        findings += _further(project, manifest, file, code.kinds)
    unique = tuple(dict.fromkeys(findings))
    return Checked(project, manifest, unique, text, _diff(file, before, text))


@dataclass(frozen=True, slots=True)
class _Code:
    """What a project's code says, and the kinds and hooks that it can speak of."""

    specified: Specified
    marked: Marked
    own: tuple[AddedKind, ...]
    kinds: tuple[AddedKind, ...]
    hooks: Mapping[str, HookSpec]


def _code_of(
    project: Project, said: tuple[AddedKind, ...], added: Iterable[AddedKind]
) -> _Code:
    """Read a project's code; `said` are the kinds that its manifest says it adds.

    A project's own kinds are those that it specifies, and hide `added` ones.
    """
    from lockgate.kinds._specs import specs_with
    from lockgate.project._marked import marked_in
    from lockgate.project._spec_source import specified_in

    where = project.root, project.package, project.distribution
    specified = specified_in(*where)
    own = specified.kinds if specified.kinds or specified.problems else said
    names = {kind.name for kind in own}
    kinds = (*(kind for kind in added if kind.name not in names), *own)
    hooks = specs_with(kinds)
    return _Code(specified, marked_in(*where, hooks), own, kinds, hooks)


def _with_hooks(
    text: str, manifest: Manifest | None, project: Project, code: _Code
) -> str:
    """The manifest's `text` with the hooks that the code marks, if it marks any.

    Raises:
        ProjectError: If a line of it can't be changed.
    """
    from lockgate.project._compiled import compiled

    if not code.marked.impls and not code.specified.kinds:
        return text
    return compiled(
        text,
        manifest,
        code.marked.impls,
        file=str(project.manifest),
        known=code.hooks,
        adds=bool(code.own),
    )


def kinds_around(project: Project) -> tuple[AddedKind, ...]:
    """The kinds that the plugins installed beside a project add."""
    from lockgate.project._around import kinds_of, services_around

    return kinds_of(None, services_around(project))


def _unknown_kinds(
    manifest: Manifest | None, file: str, text: str, known: Mapping[str, HookSpec]
) -> Iterator[Finding]:
    """The kinds that the manifest names and nobody here has: first of all errors."""
    from lockgate._manifest.kind_names import WITH_HOOKS
    from lockgate._text.toml_lines import line_of
    from lockgate.errors import did_you_mean

    kinds = {*WITH_HOOKS, "adapter", *(spec.kind for spec in known.values())}
    for kind in manifest.kinds if manifest is not None else ():
        if kind not in kinds:
            line = line_of(text, ("kinds",))
            place = Range(Position(line), Position(line)) if line else None
            yield Finding(
                file,
                "kind-unknown",
                "error",
                f"no plugin that adds the kind {kind!r} is installed beside lockgate "
                "or in the project's .venv",
                place,
                hint=did_you_mean(kind, kinds) or "Install the plugin that adds it.",
            )


def _kind_drifts(
    project: Project,
    file: str,
    text: str,
    said: Sequence[AddedKind],
    specified: Specified,
) -> Iterator[Finding]:
    """Where the manifest's added kinds are not those of the code, line by line."""
    from lockgate.project._kinds_text import drifts

    for drift in drifts(text, said, specified.kinds):
        source = specified.places.get(drift.name, "")
        shown = source.removeprefix(f"{project.folder}/")
        place = Range(Position(drift.line), Position(drift.line))
        message = f"{drift.message} ({shown})" if shown else drift.message
        hint = "`lockgate check --write` compiles the specs into the manifest."
        yield Finding(file, "manifest-drift", "error", message, place, hint=hint)


def _manifest(
    project: Project, file: str
) -> tuple[str, Manifest | None, list[Finding]]:
    """The manifest's text, and what it says or what is wrong with it."""
    try:
        raw = read_beneath(str(project.folder), file, MANIFEST_LIMIT_BYTES)
        text = raw.decode("utf-8").replace("\r\n", "\n")
    except (UnreadableError, UnicodeDecodeError) as error:
        hint = "`lockgate new KIND NAME` writes one to begin with."
        message = f"the manifest {error}"
        finding = Finding(file, "manifest-invalid", "error", message, hint=hint)
        return "", None, [finding]
    try:
        name = project.distribution
        return text, parse_manifest(raw, file=file, distribution=name), []
    except ManifestError as error:
        place = (
            Range(Position(error.line), Position(error.line)) if error.line else None
        )
        key = f" ({error.key})" if error.key else ""
        message = f"{error.message}{key}"
        finding = Finding(
            file, "manifest-invalid", "error", message, place, hint=error.hint
        )
        return text, None, [finding]


def _further(
    project: Project, manifest: Manifest, file: str, kinds: Collection[AddedKind]
) -> Iterator[Finding]:
    from lockgate.contract import check_impls
    from lockgate.project._metadata import (
        code_findings,
        manifest_findings,
        project_findings,
    )
    from lockgate.project._rights import rights_findings
    from lockgate.project._versions import version_findings

    name, roots = project.distribution, [str(project.root)]
    for problem in check_impls(manifest, distribution=name, roots=roots, added=kinds):
        yield _of_problem(project, problem)
    yield from manifest_findings(project, manifest, file)
    yield from version_findings(manifest, file, kinds)
    package = project.root / project.package
    yield from rights_findings(project.folder, package, manifest, file)
    yield from project_findings(project)
    yield from code_findings(project, manifest)


def _of_problem(project: Project, problem: Problem) -> Finding:
    path = Path(problem.file)
    inside = path.is_relative_to(project.folder)
    shown = path.relative_to(project.folder).as_posix() if inside else problem.file
    line = max(problem.line, 1)
    place = Range(Position(line), Position(line))
    return Finding(
        shown, problem.code, "error", problem.message, place, hint=problem.hint
    )


def _diff(file: str, before: str, after: str) -> str:
    from lockgate._call.diff import tree_diff
    from lockgate.values import Tree

    return tree_diff(Tree.of({file: before}), Tree.of({file: after}))
