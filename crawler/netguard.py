"""Which network addresses may be reached, decided on the address connected to, never on its spelling.

One rule (`refusal`) for all callers: the crawler's resolver below, the webhook sender's transport. It sits between the name
and the connection, so redirects, what a feed links to, decimal and hex literals and DNS rebinding all pass through it. It
fails closed: no allowed address, no connection. Imports nothing of ours but crawler.errors. Tests: tests/crawler/test_netguard.py.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_CGNAT = ipaddress.ip_network("100.64.0.0/10")
_UNICAST = ipaddress.ip_network("2000::/3")  # all that is routed of IPv6; Python calls fec0::/10 global
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_WEB_PORTS = frozenset({80, 443})


def refusal(address: str, *, allow_private: bool) -> str | None:
    """Return why this IP address may not be reached, or None when it may.

    Only globally routable unicast is allowed. `allow_private` adds loopback, private and shared (100.64/10) addresses;
    link-local (cloud metadata lives there), multicast, unspecified and reserved ones are never allowed. IPv4 inside IPv6
    (mapped, 6to4, Teredo, NAT64) is judged by the IPv4 address too. Text that is no address is refused.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "not an address"
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return refusal(str(inner), allow_private=allow_private)
    for never in ("is_link_local", "is_multicast", "is_unspecified"):
        if getattr(ip, never):
            return never.removeprefix("is_").replace("_", "-")
    if ip in _THIS_NETWORK:  # this machine, to some systems
        return "unspecified"
    if ip.is_loopback or ip.is_private or ip in _CGNAT:
        if allow_private and not (ip.is_reserved and not ip.is_loopback) and str(ip) != "255.255.255.255":
            return None
        return "loopback" if ip.is_loopback else "private"
    routed = ip.version == 4 or ip in _UNICAST
    return None if routed and ip.is_global and not ip.is_reserved else "reserved"


@dataclass(slots=True)
class AddressGuard:
    """The rule with its settings: whether private networks are open, and which ports beside 80 and 443.

    `ports` holds "host:port" of the addresses that the configuration itself names.
    """

    allow_private: bool = False
    ports: set[str] = field(default_factory=set)
    # host:port -> (reason, when); read by `refused` to tell a refusal from a failed look-up. Bounded: see `refuse`.
    _refused: dict[str, tuple[str, float]] = field(default_factory=dict)

    def port_refusal(self, host: str, port: int) -> str | None:
        """Return why this port may not be reached: anything but 80, 443 and what the configuration names."""
        if port in _WEB_PORTS or f"{host.lower()}:{port}" in self.ports:
            return None
        return f"port {port} is not one that sources.yaml names"

    def allowed(self, host: str, port: int, addresses: Iterable[str]) -> list[str]:
        """Return those of the resolved addresses that may be connected to; notes the refusal when there is none."""
        reason = self.port_refusal(host, port)
        good: list[str] = []
        if reason is None:
            for address in addresses:
                why = refusal(address, allow_private=self.allow_private)
                if why is None:
                    good.append(address)
                else:
                    reason = f"{address} is {why}"
        if not good and reason is not None:
            if len(self._refused) > 1000:  # a page full of traps must not fill the memory of a long-lived process
                self._refused.clear()
            self._refused[f"{host.lower()}:{port}"] = (reason, time.monotonic())
        return good

    def refused(self, host: str, port: int, within_s: float = 60.0) -> str | None:
        """Return why the last connection to host:port was refused, when that was a moment ago."""
        reason, at = self._refused.get(f"{host.lower()}:{port}", ("", 0.0))
        return reason if reason and time.monotonic() - at < within_s else None


class GuardedResolver:
    """Twisted's name resolver with the guard in front: addresses that may not be reached are not handed out.

    Set as TWISTED_DNS_RESOLVER on the process (a spider's custom_settings are ignored for it, measured). Until a spider
    hands over its own guard it is the strictest one.
    """

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.inner = reactor.nameResolver
        self.guard = AddressGuard()

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> GuardedResolver:
        return cls(reactor)

    def install_on_reactor(self) -> None:
        from twisted.internet.interfaces import IHostnameResolver
        from zope.interface import alsoProvides

        alsoProvides(self, IHostnameResolver)
        self.reactor.installNameResolver(self)

    def resolveHostName(
        self,
        resolutionReceiver: Any,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[Any] | None = None,
        transportSemantics: str = "TCP",
    ) -> Any:
        receiver = _GuardedReceiver(resolutionReceiver, self.guard, hostName, portNumber)
        return self.inner.resolveHostName(receiver, hostName, portNumber, addressTypes, transportSemantics)


class _GuardedReceiver:
    """Collects what was resolved and passes on what is allowed."""

    def __init__(self, receiver: Any, guard: AddressGuard, host: str, port: int) -> None:
        from twisted.internet.interfaces import IResolutionReceiver
        from zope.interface import alsoProvides

        alsoProvides(self, IResolutionReceiver)
        self.receiver, self.guard, self.host, self.port = receiver, guard, host, port
        self.found: list[Any] = []

    def resolutionBegan(self, resolution: Any) -> None:
        self.receiver.resolutionBegan(resolution)

    def addressResolved(self, address: Any) -> None:
        self.found.append(address)

    def resolutionComplete(self) -> None:
        good = set(self.guard.allowed(self.host, self.port, [address.host for address in self.found]))
        for address in self.found:
            if address.host in good:
                self.receiver.addressResolved(address)
        self.receiver.resolutionComplete()


def installed_resolver(reactor: Any) -> GuardedResolver:
    """Return the reactor's guarded resolver. Raises RuntimeError when something else resolves names: never crawl then."""
    resolver = reactor.nameResolver
    if not isinstance(resolver, GuardedResolver):
        raise RuntimeError(f"the address guard is not active: names are resolved by {type(resolver).__name__}")
    return resolver


async def resolve_allowed(guard: AddressGuard, host: str, port: int) -> list[str]:
    """Return the addresses of host that may be connected to; empty when there are none. For asyncio callers (webhooks).

    Raises OSError when the name cannot be resolved.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(item[4][0]) for item in found))
    return guard.allowed(host, port, addresses)
