"""A manifest that an index shows is anybody's JSON: it is the wheel's, or it is not."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.manifest import parse_manifest
from lockgate_marketplace.install.named._get import same_manifest
from lockgate_marketplace.wheel import WheelName, judge
from tests.support.dists import manifest_text
from tests.support.wheels import forge, wheel_filename

TEXT = manifest_text("acme", tier='"elevated"', extra='[rights]\nenv = ["LANG"]\n')
WHEEL = judge(
    forge("acme", manifest=TEXT, files={"acme/__init__.py": ""}),
    WheelName.parse(wheel_filename("acme")),
)
SHOWN: dict[str, Any] = parse_manifest(
    TEXT.encode(), file="lockgate.toml", distribution="acme"
).to_data(short=True)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def test_the_wheels_own_is_the_same_in_either_form() -> None:
    manifest = parse_manifest(TEXT.encode(), file="x", distribution="acme")

    assert same_manifest(WHEEL, manifest.to_data(short=True))
    assert same_manifest(WHEEL, manifest.to_data(short=False))


@settings(max_examples=150)
@given(key=st.sampled_from([*sorted(SHOWN), "hooks", "verbs", "more"]), value=ANY)
def test_another_value_is_another_manifest_and_no_accident(
    key: str, value: object
) -> None:
    shown = {**SHOWN, key: value}

    assert not same_manifest(WHEEL, shown) or _means_the_same(key, value)


def _means_the_same(key: str, value: object) -> bool:
    """Whether it is what the manifest has, or is told as nothing where it has none."""
    return value == SHOWN.get(key) or (key not in SHOWN and not value)
