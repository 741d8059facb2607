"""Rights in plain words, with their risk."""

from __future__ import annotations

import pytest

from lockgate.errors import ManifestError
from lockgate.grants import Right
from lockgate.manifest import Manifest, parse_manifest
from lockgate.rights import RISKS, rating, worded
from lockgate_sandbox.explain import WORDS
from tests.support.dists import manifest_text


def manifest(rights: str = "", tier: str = "elevated") -> Manifest:
    text = manifest_text("it", tier=f'"{tier}"', extra=f"[rights]\n{rights}\n")
    return parse_manifest(text.encode(), file="lockgate.toml", distribution="it")


@pytest.mark.parametrize(
    ("key", "text", "risk"),
    [
        ("read:/srv/data", "read /srv/data and everything below", "moderate"),
        ("read:~/.ssh", "read ~/.ssh and everything below", "high"),
        ("read:/", "read / and everything below", "high"),
        ("read://etc", "read //etc and everything below", "high"),
        ("read:/./etc//", "read /./etc// and everything below", "high"),
        ("write:/srv", "read and change /srv and everything below", "high"),
        (
            "net:api.example.org",
            "reach, through the broker, api.example.org",
            "moderate",
        ),
        ("net:*.example.org", "reach, through the broker, *.example.org", "high"),
        ("secret:token", "know the secret token", "high"),
        ("env:HOME", "see the environment variable HOME", "low"),
        ("workers", "have Python run in read-only workers of its own", "low"),
        (
            "wrap:generate",
            "see and change what other plugins answer to generate",
            "high",
        ),
        ("teleport:moon", "have the right teleport:moon", "full"),
    ],
)
def test_a_right_reads_as_a_sentence(key: str, text: str, risk: str) -> None:
    said = worded(Right(key))

    assert (said.text, said.risk) == (text, risk)


@pytest.mark.parametrize(
    "rights",
    [
        'net = ["\u0430pi.github.com"]',  # a Cyrillic letter
        'net = ["api.github.com\u200d"]',
        'env = ["L\u0410NG"]',
        f'read = ["/srv/{"a" * 5000}"]',
    ],
)
def test_what_reads_like_something_else_is_no_right(rights: str) -> None:
    with pytest.raises(ManifestError):
        manifest(rights)


def test_the_words_are_the_sandboxs_own() -> None:
    assert worded(Right("secret:s")).text == WORDS["secrets"].format("s")
    assert worded(Right("tool:gcc", "reads /usr")).detail == "reads /usr"


def test_who_asks_for_nothing_is_rated_none() -> None:
    assert rating(manifest(tier="read-only")).risk == RISKS[0]


def test_the_worst_right_decides() -> None:
    found = rating(manifest('env = ["HOME"]\nnet = ["example.org"]'))

    assert found.risk == "moderate"
    assert "example.org" in found.why


def test_who_can_learn_and_send_is_rated_high() -> None:
    """Each of the two alone is moderate."""
    found = rating(manifest('read = ["/srv"]\nnet = ["example.org"]'))

    assert found.risk == "high"
    assert "can leave" in found.why


def test_the_hosts_own_tier_is_everything() -> None:
    assert rating(manifest(tier="system")).risk == "full"
