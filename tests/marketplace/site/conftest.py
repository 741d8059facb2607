"""A site of the samples, built once for the tests of a file, and served."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from lockgate_marketplace.site import Options, Server, build
from tests.marketplace.site.built import EPOCH
from tests.marketplace.site.samples import stock


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built site; the wheels lie beside it."""
    folder = tmp_path_factory.mktemp("index")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", EPOCH)
        report = build(
            stock(folder / "wheels"), folder / "site", Options(title="Acme plugins")
        )
    assert report.refused == ()
    return folder / "site"


@contextmanager
def serving(site: Path) -> Generator[str]:
    """Serve a site; gives its address."""
    with Server(site) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def url(site: Path) -> Generator[str]:
    """The address of the served site."""
    with serving(site) as address:
        yield address


@pytest.fixture
def build_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """All builds are of one moment, as a publisher may say (SOURCE_DATE_EPOCH)."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
