"""What the page tells of a run: verdict, sections, files, findings, seals, times."""

from __future__ import annotations

from typing import Any

from lockgate_report.runs import page
from tests.support.report import Markup, built, html_of, run, simulation, step, whole


def test_a_demo_has_one_section_per_spec_and_one_verdict() -> None:
    shown = page(whole())

    assert shown.verdict == (
        "1 spec built and proved in simulation, 1 refused as it must be"
    )
    assert [(s.title, s.state, s.as_expected) for s in shown.sections] == [
        ("Desk Lamp", "done", True),
        ("../../outside", "refused", True),
    ]


def test_a_run_without_sub_runs_is_its_own_section() -> None:
    (section,) = page(built()).sections

    assert section.title == "Desk Lamp"
    assert section.board.name == "Arduino Uno"
    assert section.targets == ("micropython", "sdk")


def test_a_failed_spec_is_part_of_the_verdict() -> None:
    error = {"code": "hook-failed", "message": "it broke", "hint": ""}
    broken = step("generate", "generate", state="failed", error=error)
    failed = run(broken, state="failed", error=error)
    shown = page(run(step("build", "", runs=[built(), failed]), state="failed"))

    assert shown.verdict == "1 spec built and proved in simulation, 1 failed"
    assert "it broke" in html_of(failed)


def test_only_a_simulation_that_passed_proves_anything() -> None:
    unproved = run(step("simulate", "simulate", simulation(passed=False)))

    assert page(unproved).verdict == "1 spec built"


def test_a_refusal_that_nobody_expected_is_no_success() -> None:
    refused = run(step("generate", "generate", state="refused"), state="refused")

    assert page(refused).verdict == "1 refused"


def test_the_totals_count_checks_findings_and_seals() -> None:
    totals = {total.label: total.figure for total in page(whole()).totals}

    assert totals["specs"] == "2"
    assert totals["checks passed"] == "4/4"
    assert totals["findings, 1 error"] == "3"
    assert totals["simulated"] == "5 s"
    assert totals["calls in a sealed worker"] == "6/6"


def test_findings_come_worst_first_with_their_place() -> None:
    findings = page(built()).sections[0].findings

    assert [finding.severity for finding in findings] == ["error", "warning", "note"]
    assert findings[0].place == "main.py:3:7"


def test_files_have_size_and_source_and_binary_ones_say_so() -> None:
    files = {
        artifact.path: artifact for artifact in page(built()).sections[0].artifacts
    }

    assert files["main.py"].source == "print('hi')\n"
    assert (files["main.mpy"].source, files["main.mpy"].note) == ("", "binary")
    assert files["build/fw.elf"].size == "14.6 KiB"


def test_an_explanation_stands_with_the_run_that_it_is_about() -> None:
    shown = page(whole())

    assert shown.sections[1].completions[0].paragraphs == (("", "A pin is a number."),)
    assert shown.completions == ()


def test_a_proposed_patch_is_shown_line_by_line() -> None:
    (said,) = page(built()).sections[0].completions

    assert [line.kind for line in said.patches[0].diff] == [
        "head",
        "head",
        "head",
        "cut",
        "add",
        "same",
    ]
    assert said.paragraphs[0] == ("E1", "What: it is odd.")


def test_both_boards_are_drawn_on_one_axis() -> None:
    pictures = [sim.timeline for sim in page(built()).sections[0].simulations]

    assert [picture.ticks[-1].label for picture in pictures if picture] == [
        "3 s",
        "3 s",
    ]


def test_a_layer_shows_the_weakest_state_of_all_calls() -> None:
    (plugin, *_) = page(whole()).plugins
    cgroup = plugin.layer("cgroup")

    assert cgroup is not None
    assert cgroup.state == "missing"
    assert plugin.denials == ("right: net:example.org; hint: grant it",)


def test_failed_checks_stand_before_all_checks() -> None:
    verdicts = [
        {"name": "odd", "passed": False, "expected": "1", "seen": "0", "at_us": 5}
    ]
    value = simulation(passed=False, verdicts=verdicts, stopped="cpu-limit")
    html = html_of(run(step("simulate", "simulate", value)))

    assert "1 of 1 checks failed" in html
    assert "cpu-limit" in html
    assert html.index("Failed checks") < html.index("All 1 check")


def test_the_spec_itself_is_not_copied_into_the_page() -> None:
    """It may hold what nobody else should read, such as a network's password."""
    spec = {"device_name": "Lamp", "wifi": {"password": "not-for-the-page"}}

    assert "not-for-the-page" not in html_of(
        run(step("a", "generate"), inputs={"spec": spec})
    )


def test_the_page_is_one_document_with_landmarks_and_headed_tables() -> None:
    markup = Markup(html_of(whole()))
    tags = [tag for tag, _ in markup.tags]
    first = dict(markup.tags)

    assert first["html"]["lang"] == "en"
    assert [tags.count(tag) for tag in ("h1", "main", "nav", "footer")] == [1, 1, 1, 1]
    assert tags.count("table") == tags.count("thead")
    for tag, attributes in markup.tags:
        if tag == "svg" and attributes.get("role") == "img":
            ids = {a.get("id") for _, a in markup.tags}
            assert set((attributes["aria-labelledby"] or "").split()) <= ids
        if tag == "th":
            assert attributes.get("scope") in ("col", "row")


def test_no_id_stands_twice() -> None:
    ids: list[Any] = [a["id"] for _, a in Markup(html_of(whole())).tags if "id" in a]

    assert len(ids) == len(set(ids))
