"""A plugin's versions: when, what of its rights changed, what checks said."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate_marketplace.site.html import Html, tag, text
from lockgate_marketplace.site.pages._words import when
from lockgate_marketplace.site.projects import Change, Issue, Project
from lockgate_marketplace.site.release import Verdict

__all__ = ["history"]

_SHOWN = 12


def history(project: Project) -> Iterator[Html]:
    """The versions, the newest first; older ones are folded away."""
    issues = list(project.issues)
    rows = [_row(project, at) for at in range(len(issues))]
    yield tag("ol", rows[:_SHOWN], class_="versions")
    if len(rows) > _SHOWN:
        more = tag("summary", text(f"{len(rows) - _SHOWN} older"))
        yield tag("details", more, tag("ol", rows[_SHOWN:], class_="versions"))


def _row(project: Project, at: int) -> Html:
    issue = project.issues[at]
    oldest = at == len(project.issues) - 1
    head = [tag("span", text(issue.version), class_="version"), when(issue.uploaded)]
    if issue is project.latest:
        head.append(tag("span", text("latest"), class_="mark"))
    if issue.yanked is not None:
        why = f"yanked: {issue.yanked}" if issue.yanked else "yanked"
        head.append(tag("span", text(why), class_="mark bad"))
    change = project.changes.get(issue.version)
    said = text("first version") if oldest else text("same rights")
    shown: list[Html] = [tag("span", said, class_="muted")]
    if change and (change.added or change.dropped):
        shown = [tag("ul", _changes(change), class_="diff")]
    return tag("li", tag("div", head, class_="head"), shown, _verdicts(issue))


def _changes(change: Change) -> Iterator[Html]:
    """A sign for the eye, a word for the ear."""
    for kind, sign, word, rights in (
        ("add", "+", "added", change.added),
        ("cut", "−", "dropped", change.dropped),
    ):
        for right in rights:
            yield tag(
                "li",
                tag("span", text(sign), aria_hidden="true", class_="sign"),
                tag("span", text(f"{word}: "), class_="sr"),
                text(right.text),
                class_=kind,
            )


def _verdicts(issue: Issue) -> Html | None:
    found = [(one.filename, v) for one in issue.files for v in one.verdicts]
    if not found:
        return None
    rows = [tag("li", _verdict(verdict)) for _, verdict in found]
    return tag("ul", rows, class_="verdicts", aria_label="What checks said")


def _verdict(verdict: Verdict) -> Iterator[Html]:
    yield tag("span", text(verdict.outcome), class_=f"outcome {verdict.outcome}")
    yield text(f" {verdict.check} ")
    yield tag("time", text(verdict.at[:10]), datetime=verdict.at)
    if verdict.detail:
        yield tag("span", text(f" {verdict.detail}"), class_="muted")
