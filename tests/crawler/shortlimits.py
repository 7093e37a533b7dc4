"""Settings of a crawl process under test: small limits, and outlets under .test that look public and answer on loopback.

Chosen by SCRAPY_SETTINGS_MODULE. The guard sees a public address for *.test; every other name is judged as ever.
"""

from __future__ import annotations

import os
from typing import Any

from crawler import settings as real
from crawler.netguard import GuardedResolver
from crawler.settings import *  # noqa: F403
from crawler.settings import LIMITS

SHORT = {
    "fetch_timeout_s": 1.5,
    "sitemap_timeout_s": 1.5,
    "max_feed_bytes": 300_000,
    "max_page_bytes": 300_000,
    "max_sitemap_bytes": 2_000_000,
    "wait_in_poll_s": 1.5,
    "default_retry_after_s": 120,
    "clean_timeout_s": 2.0,
    "heartbeat_s": 0.2,
    "max_entries": 40,
}
for name, value in SHORT.items():
    setattr(LIMITS, name, value)
if reader := os.environ.get("PANTAU_TEST_READER"):
    real.ARTICLE_READER, real.ARTICLE_READER_SETUP = f"{reader}.read", f"{reader}.set_up"

TWISTED_DNS_RESOLVER = "tests.crawler.shortlimits.PublicNames"
PUBLIC = "93.184.216.34"


class PublicNames(GuardedResolver):
    def resolveHostName(
        self,
        resolutionReceiver: Any,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> Any:
        if not hostName.endswith(".test"):
            return super().resolveHostName(resolutionReceiver, hostName, portNumber, addressTypes, transportSemantics)
        from twisted.internet._resolver import HostResolution
        from twisted.internet.address import IPv4Address

        resolution = HostResolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        if self.guard.allowed(hostName, portNumber, [PUBLIC]):
            resolutionReceiver.addressResolved(IPv4Address("TCP", "127.0.0.1", portNumber))
        resolutionReceiver.resolutionComplete()
        return resolution
