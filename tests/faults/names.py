"""Settings of a crawl process under attack: the real limits, and names of our own instead of the network's.

Chosen by SCRAPY_SETTINGS_MODULE. What the guard is asked is what it would be asked out there:

    *.test                  an outlet: the guard sees a public address, the connection goes to loopback
    ADDRESS.stub.test       resolves to ADDRESS, "_" for "." and "-" for ":"  (10_0_0_1.stub.test, fd00--1.stub.test)
    ADDRESS.*.rebind.test   public the first time, ADDRESS ever after
    anything else           judged and resolved as ever

PANTAU_TEST_LIMITS (JSON) changes limits. PANTAU_TEST_AUDIT names a file that gets one JSON line for every connection and
every file that Python opens from then on; a connection that would leave this machine fails.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import sys
from typing import Any

from crawler import settings as real
from crawler.netguard import GuardedResolver
from crawler.settings import *  # noqa: F403
from crawler.settings import LIMITS

for name, value in json.loads(os.environ.get("PANTAU_TEST_LIMITS", "{}")).items():
    setattr(LIMITS, name, value)
if reader := os.environ.get("PANTAU_TEST_READER"):
    real.ARTICLE_READER, real.ARTICLE_READER_SETUP = f"{reader}.read", f"{reader}.set_up"

TWISTED_DNS_RESOLVER = "tests.faults.names.StubNames"
PUBLIC = "93.184.216.34"


def _audit(path: str) -> None:
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes):
            os.write(out, json.dumps(["open", os.fsdecode(arguments[0])]).encode() + b"\n")
        elif event == "socket.connect" and arguments[0].family in (socket.AF_INET, socket.AF_INET6):
            host, port = arguments[1][:2]
            os.write(out, json.dumps(["connect", f"{host}:{port}"]).encode() + b"\n")
            if not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
                raise OSError(101, "a test tried to leave this machine")

    sys.addaudithook(note)


if audited := os.environ.get("PANTAU_TEST_AUDIT"):
    _audit(audited)


class StubNames(GuardedResolver):
    """The guard over a name service that answers what the tests want."""

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor)
        self._asked: dict[str, int] = {}

    def resolveHostName(
        self,
        resolutionReceiver: Any,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> Any:
        name = hostName.rstrip(".").lower()
        address = self._address(name)
        if address is None:
            return super().resolveHostName(resolutionReceiver, hostName, portNumber, addressTypes, transportSemantics)
        from twisted.internet._resolver import HostResolution
        from twisted.internet.address import IPv4Address, IPv6Address

        resolution = HostResolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        for allowed in self.guard.allowed(hostName, portNumber, [address]):
            there = "127.0.0.1" if allowed == PUBLIC else allowed
            kind = IPv6Address if ":" in there else IPv4Address
            resolutionReceiver.addressResolved(kind("TCP", there, portNumber))
        resolutionReceiver.resolutionComplete()
        return resolution

    def _address(self, name: str) -> str | None:
        first = name.partition(".")[0].replace("_", ".").replace("-", ":")
        if name.endswith(".stub.test"):
            return first
        if name.endswith(".rebind.test"):
            self._asked[name] = self._asked.get(name, 0) + 1
            return PUBLIC if self._asked[name] == 1 else first
        return PUBLIC if name.endswith(".test") else None
