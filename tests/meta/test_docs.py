"""The README and the pages hold what they promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lockgate_sandbox import Limits, Tier
from tests.meta.workspace import ROOT, members

README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *ROOT.glob("docs/**/*.md"),
        *(member.folder / "README.md" for member in members()),
    ]
)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]*)(#[^)\s]*)?\)")


def commands() -> list[str]:
    """The README's set-up commands: its ``sh`` blocks."""
    return re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_readme_has_exactly_two_set_up_commands_of_one_line() -> None:
    assert len(commands()) == 2
    assert all(command.count("\n") == 1 for command in commands())


def test_the_set_up_commands_name_every_distribution() -> None:
    for command in commands():
        for member in members():
            folder = str(member.folder.relative_to(ROOT))
            wanted = "plugins/*" if folder.startswith("plugins/") else f"./{folder} "
            assert wanted in command, folder


def test_the_gate_runs_the_readmes_commands() -> None:
    gate = (ROOT / ".ci" / "run").read_text("utf-8")

    assert "readme 1" in gate
    assert "readme 2" in gate


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_pages_links_lead_somewhere(page: Path) -> None:
    broken = [
        target
        for target, _ in LINK.findall(page.read_text("utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]

    assert broken == []


def anchors(page: Path) -> set[str]:
    """What a link can name in a page: its headings, as GitHub spells them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.*)$", prose(page), re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        name = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
        again = sum(1 for n in range(1, 99) if f"{name}-{n}" in found)
        found.add(f"{name}-{again + 1}" if name in found else name)
    return found


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    text = page.read_text("utf-8")
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_links_place_in_a_page_is_there(page: Path) -> None:
    missing = [
        f"{target}{place}"
        for target, place in LINK.findall(prose(page))
        if place and "://" not in target and (target.endswith(".md") or not target)
        if place[1:] not in anchors((page.parent / target) if target else page)
    ]

    assert missing == []


def test_each_page_for_readers_is_reached_by_links_from_the_readme() -> None:
    readers = {
        page.resolve()
        for folder in ("tutorial", "how-to", "reference", "explanation", "examples")
        for page in ROOT.glob(f"docs/{folder}/**/*.md")
        if not any(part.startswith(".") for part in page.relative_to(ROOT).parts)
    }
    seen, todo = set[Path](), [ROOT / "README.md"]
    while todo:
        page = todo.pop().resolve()
        if page in seen:
            continue
        seen.add(page)
        targets = [page.parent / t for t, _ in LINK.findall(page.read_text("utf-8"))]
        todo += [t for t in targets if t.suffix == ".md" and t.exists()]

    assert sorted(str(page.relative_to(ROOT)) for page in readers - seen) == []


@pytest.mark.parametrize("tier", [tier for tier in Tier if tier is not Tier.SYSTEM])
def test_the_readmes_table_of_tiers_is_the_codes(tier: Tier) -> None:
    limits = Limits.for_tier(tier)
    (row,) = (line for line in README.splitlines() if line.startswith(f"| `{tier}` |"))

    assert f"{limits.cpu_seconds:,.0f} s CPU" in row
    assert f"{limits.wall_seconds:,.0f} s" in row
