"""Who made it, the whole way: what is published and signed here, and real attestations.

The plugin of the first test goes through an index of our own: signed, published, built
into a site, served, installed by its name. Those of the others need a wheel that a
pipeline really published, with its real provenance.
"""

from __future__ import annotations

import base64
import json

import pytest

from tests.marketplace.site.conftest import serving
from tests.support.attestations import REASON, attested, present
from tests.support.dists import manifest_text
from tests.support.indexes import LoopbackIndex, Published, loopback_index
from tests.support.market import CODE, Home, beside, offered
from tests.support.wheels import forge_file

pytestmark = pytest.mark.kernel

needs_real = pytest.mark.skipif(not present(), reason=REASON)
NEEDED = "circleci-sign-publish-example"


def publish(home: Home, version: str, *words: str) -> None:
    text = manifest_text("acme")
    files = {"acme/__init__.py": CODE.format(version=version)}
    made = forge_file(home.root / "made", "acme", version, manifest=text, files=files)
    to = ("--to", str(home.root / "wheels"), "--out", str(home.root / "site"))
    found = home.json("publish", str(made), *to, *words)
    assert found["status"] == 0, found


def test_what_is_signed_and_published_here_is_installed_by_name(home: Home) -> None:
    key = str(home.root / "publish.pem")
    public = home.json("trust", "key", key)["public"]
    publish(home, "1.0", "--key", key)
    with serving(home.root / "site") as url:
        home.indexes(main=f'url = "{url}simple/"\ncooldown-days = 0\nproof = true')

        first = home.json("install", "acme")

        assert first["status"] == 0, first
        assert f"ed25519:{first['by']['subject']}" == public
        assert home.answer() == "1.0"

        publish(home, "1.1", "--key", key)
        assert "as before" in home.json("install", "acme")["wheels"][0]["by"]
        assert home.answer() == "1.1"

        publish(home, "1.2")  # whoever may write to the index has no key
        refused = home.json("install", "acme")
        assert refused["error"]["code"] == "identity-unproven"
        assert home.answer() == "1.1"


def with_real_needs(index: LoopbackIndex) -> Published:
    """A plugin that needs a wheel which CircleCI published, proof beside it."""
    found = attested()["CircleCI"]
    version = found.filename.split("-")[1]
    published = index.publish(NEEDED, version, found.filename, found.content)
    beside(index, published, "provenance", ".provenance", found.provenance)
    offered(index, requires=(f"{NEEDED}=={version}",))
    return published


@needs_real
def test_a_real_attestation_is_verified_and_pinned(home: Home) -> None:
    with loopback_index() as index:
        published = with_real_needs(index)
        home.indexes(main=index)

        found = home.json("install", "acme")

        assert found["status"] == 0, found
        pins = home.json("trust", "show")["publishers"]
        (pin,) = [pin for pin in pins if pin["name"] == NEEDED]
        assert pin["kind"] == "attestation"
        assert pin["subject"]

        home.run("uninstall", "acme")
        del published.row["provenance"]
        lost = home.json("install", "acme")
        assert lost["error"]["code"] == "identity-lost"
        assert NEEDED in lost["error"]["message"]


@needs_real
def test_a_real_attestation_that_was_altered_stops(home: Home) -> None:
    found = attested()["CircleCI"]
    document = json.loads(found.provenance)
    envelope = document["attestation_bundles"][0]["attestations"][0]["envelope"]
    statement = json.loads(base64.b64decode(envelope["statement"]))
    statement["predicate"] = {"claims": "another"}
    envelope["statement"] = base64.b64encode(json.dumps(statement).encode()).decode()
    with loopback_index() as index:
        published = with_real_needs(index)
        altered = json.dumps(document).encode()
        beside(index, published, "provenance", ".provenance", altered)
        home.indexes(main=index)

        refused = home.json("install", "acme")

        assert refused["error"]["code"] == "identity-invalid"
        assert home.files() == set()
        assert home.json("trust", "show")["publishers"] == []
