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
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)\s]*)?\)")


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


@pytest.mark.parametrize("tier", [tier for tier in Tier if tier is not Tier.SYSTEM])
def test_the_readmes_table_of_tiers_is_the_codes(tier: Tier) -> None:
    limits = Limits.for_tier(tier)
    (row,) = (line for line in README.splitlines() if line.startswith(f"| `{tier}` |"))

    assert f"{limits.cpu_seconds:,.0f} s CPU" in row
    assert f"{limits.wall_seconds:,.0f} s" in row
