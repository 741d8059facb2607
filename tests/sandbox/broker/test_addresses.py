"""Which addresses a grant reaches: every form that hides another is looked into."""

from __future__ import annotations

import ipaddress
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox.broker._addresses import Pins, embedded, why_refused
from lockgate_sandbox.grants import HostGrant

PLAIN = HostGrant("api.test")
PRIVATE = HostGrant("api.test", allow_private=True)


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("10.0.0.1", True),
        ("172.16.0.1", True),
        ("172.31.255.255", True),
        ("192.168.1.1", True),
        ("fd00::1", True),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::10.0.0.1", True),
        # Not even a grant for private addresses reaches these.
        ("169.254.169.254", False),
        ("fe80::1", False),
        ("::ffff:169.254.169.254", False),
        ("::169.254.169.254", False),
        ("64:ff9b::169.254.169.254", False),
        ("2002:a9fe:a9fe::1", False),
        ("2002:5db8:d70e::1", False),
        ("2001:0:5db8:d822::5601:5601", False),  # Teredo client 169.254.169.254
        ("2001:0:a9fe:a9fe::1", False),  # Teredo server
        ("::ffff:0:169.254.169.254", False),
        ("2001:db8::5efe:169.254.169.254", False),
        ("fe80::5efe:10.0.0.1", False),
        ("64:ff9b:1::1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("::ffff:0.0.0.0", False),
        ("224.0.0.1", False),
        ("ff02::1", False),
        ("255.255.255.255", False),
        ("240.0.0.1", False),
        ("100.64.0.1", False),
        ("192.0.0.1", False),
        ("192.0.2.1", False),
        ("198.18.0.1", False),
        ("fec0::1", False),
        ("2001:db8::1", False),
        ("100::1", False),
    ],
)
def test_what_is_not_public_is_refused(text: str, private: bool) -> None:
    address = ipaddress.ip_address(text)
    assert why_refused(address, PLAIN)
    assert bool(why_refused(address, PRIVATE)) is not private


@pytest.mark.parametrize(
    "text",
    ["93.184.215.14", "2606:4700::1111", "64:ff9b::5db8:d70e"],
)
def test_public_addresses_are_reached(text: str) -> None:
    assert not why_refused(ipaddress.ip_address(text), PLAIN)


@pytest.mark.parametrize("text", ["10.0.0.7", "169.254.169.254", "::1", "fe80::1"])
def test_an_address_that_is_granted_by_itself_is_reached(text: str) -> None:
    address = ipaddress.ip_address(text)
    assert not why_refused(address, HostGrant(text))
    assert why_refused(address, HostGrant("10.9.9.9"))


@pytest.mark.parametrize("text", ["0.0.0.0", "::", "224.0.0.1", "ff02::1"])
def test_no_grant_reaches_what_is_no_single_host(text: str) -> None:
    grant = HostGrant(text, allow_private=True)
    assert why_refused(ipaddress.ip_address(text), grant)


@given(st.ip_addresses(v=4, network="10.0.0.0/8"), st.integers(0, 6))
def test_an_embedded_private_address_is_found(
    inner: ipaddress.IPv4Address, form: int
) -> None:
    number = int(inner)
    outer = [
        0xFFFF << 32 | number,
        number,
        0x0064FF9B << 96 | number,
        0xFFFF << 48 | number,
        0x2002 << 112 | number << 80,
        0x20010000 << 96 | number ^ 0xFFFFFFFF,
        0x2606 << 112 | 0x5EFE << 32 | number,
    ][form]
    address = ipaddress.IPv6Address(outer)
    assert inner in list(embedded(address))
    assert why_refused(address, PLAIN)


@given(st.ip_addresses())
def test_whatever_python_calls_not_global_is_never_reached(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if not address.is_global and address not in ipaddress.ip_network("64:ff9b::/96"):
        assert why_refused(address, PLAIN)


def test_threads_that_ask_at_once_get_one_answer() -> None:
    asked: list[str] = []
    found: list[object] = []

    def resolve(name: str) -> list[str]:
        asked.append(name)
        return [f"93.184.215.{len(asked)}"]

    pins = Pins(resolve)
    threads = [
        threading.Thread(target=lambda: found.append(pins.addresses(PLAIN)))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked == ["api.test"]
    assert set(found) == {(ipaddress.ip_address("93.184.215.1"),)}


def test_a_failed_look_up_is_tried_again() -> None:
    answers: list[list[str]] = [[], ["93.184.215.14"]]
    pins = Pins(lambda _: answers.pop(0))
    with pytest.raises(OSError, match="no address"):
        pins.addresses(PLAIN)
    assert pins.addresses(PLAIN)
