"""Which addresses may be reached (crawler/netguard.py; GUARANTEES A1). No connection is made here."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from crawler.netguard import AddressGuard, installed_resolver, refusal, resolve_allowed

LOOPBACK = ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1"]
PRIVATE = [
    *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255", "198.18.0.1"),
    *("fc00::1", "fd00:ec2::254", "::ffff:10.0.0.1", "::ffff:a00:1", "2002:c0a8:101::", "64:ff9b::a00:1"),
    "2001:0:53aa:64c:0:0:f5ff:fffe",  # Teredo around 10.0.0.1
]
NEVER = [
    *("169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "2002:a9fe:a9fe::"),
    *("64:ff9b::a9fe:a9fe", "0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "239.255.255.250", "ff02::1", "255.255.255.255"),
    *("240.0.0.1", "::127.0.0.1", "::7f00:1", "64:ff9b:1::7f00:1", "fec0::1", "5f00::1", "4000::1", "", "outlet.id"),
    *(
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
    ),  # text that is no address: the resolver turns it into one first
]
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", LOOPBACK + PRIVATE + NEVER)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert refusal(address, allow_private=False)


@pytest.mark.parametrize("address", LOOPBACK + PRIVATE)
def test_private_networks_open_when_the_operator_says_so(address: str) -> None:
    assert refusal(address, allow_private=True) is None


@pytest.mark.parametrize("address", NEVER)
def test_link_local_and_nonsense_never_open(address: str) -> None:
    assert refusal(address, allow_private=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_open(address: str) -> None:
    assert refusal(address, allow_private=False) is None


@pytest.mark.parametrize("port", [22, 25, 6379, 8080, 11211])
def test_ports_that_sources_yaml_does_not_name_are_refused(port: int) -> None:
    guard = AddressGuard(True, {"outlet.id:8443"})
    assert guard.port_refusal("outlet.id", port)
    assert guard.port_refusal("OUTLET.id", 8443) is None
    assert guard.port_refusal("lain.id", 8443)
    assert [guard.port_refusal("lain.id", web) for web in (80, 443)] == [None, None]


def test_of_several_addresses_only_the_allowed_are_handed_out() -> None:
    guard = AddressGuard()
    assert guard.allowed("a.id", 443, ["10.0.0.1", "8.8.8.8"]) == ["8.8.8.8"]
    assert guard.refused("a.id", 443) is None


def test_a_refusal_is_remembered_with_its_reason_and_not_without_end() -> None:
    guard = AddressGuard()
    for number in range(3000):
        assert guard.allowed(f"h{number}.id", 80, ["127.0.0.1"]) == []
    assert guard.refused("H2999.id", 80) == "127.0.0.1 is loopback"
    assert guard.refused("h2999.id", 80, within_s=0.0) is None
    assert len(guard._refused) <= 1001


@pytest.mark.parametrize("spelling", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "::1"])
async def test_names_and_literals_of_this_machine_resolve_to_nothing(spelling: str) -> None:
    with contextlib.suppress(socket.gaierror):  # this system knows no such spelling: as good
        assert await resolve_allowed(AddressGuard(), spelling, 80) == []


async def test_a_name_that_changes_its_address_is_judged_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["8.8.8.8", "127.0.0.1"])

    async def rebinding(host: str, port: int, **_: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebinding)
    guard = AddressGuard()
    assert await resolve_allowed(guard, "berubah.id", 443) == ["8.8.8.8"]
    assert await resolve_allowed(guard, "berubah.id", 443) == []


def test_another_resolver_in_its_place_is_noticed() -> None:
    class Reactor:
        nameResolver = object()

    with pytest.raises(RuntimeError, match="not active"):
        installed_resolver(Reactor())
