"""An owner's agreement without a command line: asked, given, refused, set aside."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.config import load_config
from lockgate.verb import installed
from lockgate_marketplace.consent import ConsentPolicy, Word
from lockgate_marketplace.errors import ConsentError
from lockgate_marketplace.identity import Trust
from lockgate_marketplace.install import Terms, from_files
from lockgate_marketplace.install.agreed import (
    Carried,
    Case,
    carried,
    case_of,
    check_known,
    consented,
)
from lockgate_marketplace.store import Store
from tests.support.market import Home

pytestmark = pytest.mark.kernel

RIGHTS = '[rights]\nenv = ["LANG"]\n'
USES = 'import os\nos.environ["LANG"]\n'
KEYS = {"env:LANG", "tier:elevated"}
ALL = Word(all=True)


def nobody(case: Case) -> bool | None:
    del case
    return None


def case_now(home: Home, version: str, **how: str) -> Case:
    """A release of acme beside what is installed at the moment."""
    config = load_config()
    present = installed(config).plugins
    path = Path(home.wheel(version, **how))
    offer = from_files([path], Trust.below(home.data), present, Terms(config))
    return case_of(offer, present, config, ConsentPolicy())


def wanting(home: Home, version: str) -> Case:
    return case_now(home, version, tier="elevated", extra=RIGHTS, code=USES)


def put(case: Case, given: dict[str, str]) -> Carried:
    return carried([case], {case.name: given}, load_config(), verb="install")


def test_what_is_asked_for_is_granted_by_a_word_and_held_by_the_next(
    home: Home,
) -> None:
    case, store = wanting(home, "1.0"), Store(home.data)
    assert case.keys == KEYS
    given = dict(consented(case, ALL, store, ask=nobody))
    assert given == dict.fromkeys(KEYS, "")

    done = put(case, given)

    assert (done.generation, done.same) == (1, frozenset())
    again = wanting(home, "1.0")
    assert {one.change for one in again.asked} == {"held"}
    given = dict(consented(again, Word(), store, ask=nobody))
    assert put(again, given).same == {"acme"}


def test_without_a_word_nothing_is_installed_and_an_upgrade_is_set_aside(
    home: Home,
) -> None:
    store = Store(home.data)
    with pytest.raises(ConsentError, match="acme asks for") as caught:
        consented(wanting(home, "1.0"), Word(), store, ask=nobody)
    assert caught.value.code == "consent-needed"
    assert home.files() == set()
    plain = case_now(home, "1.0")
    put(plain, dict(consented(plain, Word(), store, ask=nobody)))

    with pytest.raises(ConsentError, match=r"1\.0 stays installed"):
        consented(wanting(home, "2.0"), Word(), store, ask=nobody)

    (staged,) = store.folder.staged()
    assert (staged.entry.version, set(staged.asks)) == ("2.0", KEYS)
    assert home.answer() == "1.0"


def test_whoever_is_there_is_asked_about_the_case_itself(home: Home) -> None:
    case, asked = wanting(home, "1.0"), list[Case]()

    def answers(answer: bool) -> dict[str, str]:
        def ask(one: Case) -> bool:
            asked.append(one)
            return answer

        return dict(consented(case, Word(), Store(home.data), ask=ask))

    assert answers(True).keys() == KEYS
    with pytest.raises(ConsentError) as caught:
        answers(False)

    assert caught.value.code == "consent-refused"
    assert asked == [case, case]


def test_a_right_that_none_asks_for_is_refused(home: Home) -> None:
    with pytest.raises(ConsentError) as caught:
        check_known([wanting(home, "1.0")], Word(frozenset({"env:HOME"})))

    assert caught.value.code == "consent-unknown-right"


def test_what_was_asked_about_holds_only_while_it_is_there(home: Home) -> None:
    first = wanting(home, "1.0")
    put(case_now(home, "0.9"), {})

    with pytest.raises(ConsentError, match="meanwhile"):
        put(first, dict.fromkeys(KEYS, ""))

    assert home.answer() == "0.9"
