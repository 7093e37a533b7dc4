"""The one table of limits (value, unit, reason), and Scrapy's settings with the reason for each that differs from its default.

Scrapy reads the upper-case names; everything else reads `LIMITS`. Imports nothing of ours. Tests: tests/crawler/test_settings.py.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

KIB, MIB = 1024, 1024 * 1024


class Limit(NamedTuple):
    """One limit: what it is called, how much, of what, and why."""

    name: str
    value: float
    unit: str
    reason: str


LIMIT_TABLE: tuple[Limit, ...] = (
    # What is fetched
    Limit("max_feed_bytes", 5 * MIB, "bytes", "the largest real feed seen was 1.3 MB with 10,000 items"),
    Limit("max_page_bytes", 3 * MIB, "bytes", "news pages have 60-700 KB; past 3 MB it is not an article"),
    Limit("max_sitemap_bytes", 50 * MIB, "bytes", "sitemaps.org allows 50 MiB unpacked"),
    Limit("max_robots_bytes", 500 * KIB, "bytes", "RFC 9309 section 2.5: at least 500 KiB are parsed"),
    Limit("max_header_bytes", 256 * KIB, "bytes", "browsers stop there; endless ones filled 1.8 GB in 4 s (measured)"),
    Limit("max_url_bytes", 2000, "bytes", "longer addresses are traps or trackers; browsers stop near it too"),
    Limit("fetch_timeout_s", 30, "seconds", "for a whole answer, not a read: 2 bytes a second must not hold a poll"),
    Limit("sitemap_timeout_s", 90, "seconds", "50 MiB over a regional line"),
    Limit("max_redirects", 5, "hops", "RFC 9309 asks for five for robots.txt; no article needs more"),
    Limit("max_entries", 500, "entries a poll", "the newest; an outlet publishes 20 a day, so this is weeks"),
    Limit("max_feed_items", 20_000, "items a feed", "130,000 in 4 MB held up the crawl process for 9 s (measured)"),
    Limit("max_listing_pages", 50, "pages a poll", "an endless calendar ends here"),
    Limit("max_older_pages", 10, "pages a poll", "after a gap: 200 entries of a feed of twenty, ten days of an outlet"),
    Limit("max_gap_sitemaps", 3, "files a poll", "after a gap: the news sitemap and the newest of the others"),
    Limit("gap_days", 14, "days", "what is older than that is not news when it is found"),
    Limit("max_sitemaps", 50, "files a poll", "an index may name 50,000; the newest are enough for news"),
    Limit("max_sitemap_urls", 100_000, "addresses", "sitemaps.org allows 50,000; a million would fill the memory"),
    Limit("max_sitemap_depth", 2, "levels", "an index of indexes is real, deeper is a loop"),
    Limit("max_article_pages", 20, "pages", "the longest real article seen has 9; more is a gallery or a trap"),
    # How we behave
    Limit("robots_ttl_s", 3600, "seconds", "RFC 9309 allows a day; outlets repair a wrong file within the hour"),
    Limit("robots_stale_s", 24 * 3600, "seconds", "RFC 9309 section 2.4: not longer than 24 hours"),
    Limit("max_crawl_delay_s", 60, "seconds", "a longer Crawl-delay would starve a source of its own polls"),
    Limit("max_retry_after_s", 24 * 3600, "seconds", "ten years is a mistake; a day is tried again"),
    Limit("default_retry_after_s", 60, "seconds", "429 or 503 that does not say when"),
    Limit("wait_in_poll_s", 30, "seconds", "a shorter Retry-After is waited for, a longer one ends the poll"),
    Limit("loopback_width", 16, "requests at a time", "beyond it Scrapy gains nothing on loopback (measured)"),
    Limit("poll_width", 16, "articles of one source in work", "a host has one turn at a time anyway"),
    Limit("idle_connection_s", 30, "seconds", "long enough for the pages of a poll; the next poll is minutes away"),
    Limit("max_hosts", 60_000, "hosts", "47,000 outlets exist; the state of one is under 1 KB"),
    Limit("host_failures", 5, "failures in a row", "then nothing but a listing asks the host until it has rested"),
    Limit("host_rest_s", 60, "seconds", "a host that failed so often is down or overloaded"),
    Limit("fetch_attempts", 2, "attempts", "regional hosts drop connections; a second failure is news"),
    # What is remembered
    Limit("full_fetch_s", 24 * 3600, "seconds", "some servers answer 304 for ever: one unconditional fetch a day"),
    Limit("known_days", 45, "days", "an entry not listed for so long does not come back"),
    Limit("max_known", 5000, "entries a source", "ten times what a poll takes"),
    Limit("max_attempts", 10, "attempts", "with back-off this spans a day and a half of an outlet's outage"),
    Limit("attempt_base_s", 300, "seconds", "first retry of a page, doubled each time"),
    Limit("max_changes", 24, "changes an entry", "a headline that flips, a date that is always now: no edits any more"),
    # What an article may cost and hold
    Limit(
        "clean_timeout_s", 5, "seconds", "a page costs 10-50 ms, 3 MB of anything we know under 3 s; more is an attack"
    ),
    Limit("max_poll_chars", 20_000_000, "characters", "the text of 500 real articles is 2 million; the rest waits"),
    Limit("max_title_chars", 500, "characters", "the longest real headline seen has 214"),
    Limit("max_space_mib", 4096, "MiB", "address space of a process: ten times what the largest page takes"),
    Limit("max_reader_pages", 5000, "pages", "then a reading process is replaced: caches of libraries only grow"),
    # Hubs (WebSub)
    Limit("push_bytes", 5 * MIB, "bytes", "as much as a feed may have; nothing of it is kept"),
    Limit("push_timeout_s", 20, "seconds", "for a hub's whole request; a proxy in front of us sends it in one go"),
    Limit("push_connections", 64, "connections", "thousands of feeds bring a few requests a second"),
    Limit("push_gap_s", 10, "seconds", "between polls that hubs cause at a source; doubled by each that finds nothing"),
    Limit(
        "max_push_gap_s", 640, "seconds", "a hub that cries wolf causes as many polls as the rhythm of a busy outlet"
    ),
    Limit("push_looks", 2, "polls", "after one that found nothing: a cache may hold the old feed for half a minute"),
    Limit("hub_timeout_s", 20, "seconds", "for a hub's answer to a request for a subscription"),
    Limit("hub_redirects", 3, "hops", "307 and 308, as the recommendation allows"),
    Limit("hubs_at_a_time", 8, "hubs", "each is asked one thing at a time, and one a second"),
    Limit("hub_verify_s", 600, "seconds", "hubs call back within seconds; one that has not by then will not"),
    Limit("hub_retry_s", 300, "seconds", "first pause after a failed request, doubled each time"),
    Limit("max_hub_retry_s", 24 * 3600, "seconds", "a hub that does not work is asked once a day"),
    Limit("denied_s", 7 * 24 * 3600, "seconds", "a hub that refuses a topic rarely changes its mind"),
    Limit("lease_s", 10 * 24 * 3600, "seconds", "what we ask for; what most hubs give at most"),
    Limit("min_lease_s", 300, "seconds", "a hub that gives less would be asked all the time; then polls do"),
    Limit("max_lease_s", 30 * 24 * 3600, "seconds", "a hub may forget us without a word: asked anew once a month"),
    # The crawl process
    Limit("max_readers", 4, "processes", "150 MiB each; two read 80 pages a second, the whole country brings 12"),
    Limit("poll_timeout_s", 900, "seconds", "500 pages at one a second; a poll past it is cut"),
    Limit("heartbeat_s", 2, "seconds", "how often the crawl process says that it lives"),
    Limit("hang_s", 60, "seconds", "no sign of life for so long: killed and replaced"),
    Limit("max_worker_mib", 600, "MiB", "a fresh one has 100; above this it gets no new polls and is replaced"),
    Limit("kill_worker_mib", 1500, "MiB", "killed with its polls: something in them grows without end"),
    Limit("max_worker_polls", 1_000_000, "polls", "hours at the country's pace; a new one reads every robots.txt anew"),
)
LIMITS: Any = SimpleNamespace(**{limit.name: limit.value for limit in LIMIT_TABLE})

# ---------------------------------------------------------------------------------------------------------------- Scrapy

BOT_NAME = "pantau"
SPIDER_MODULES = ["crawler.spiders"]
NEWSPIDER_MODULE = "crawler.spiders"

# Steps named here so that the crawler need not import the pipelines.
ARTICLE_READER = "pipelines.article.read_article"
ARTICLE_READER_SETUP = "pipelines.article.set_up"

# Default True since 2.19: a port on loopback that runs any Python for whoever has the token; the telnet console likewise.
REMOTE_CONTROL_ENABLED = False
TELNETCONSOLE_ENABLED = False
# Default False: certificates are not checked at all.
DOWNLOAD_VERIFY_CERTIFICATES = True
# file:, data:, ftp: and s3: are on by default: a poisoned link could read local files.
DOWNLOAD_HANDLERS: dict[str, str | None] = {"file": None, "data": None, "ftp": None, "s3": None}
# Scrapy's own, with a limit on headers.
DOWNLOAD_HANDLERS |= dict.fromkeys(("http", "https"), "crawler.handlers.BoundedHandler")
# Default 1 GiB; the real limit is set on each request by what it is for.
DOWNLOAD_MAXSIZE = int(LIMITS.max_sitemap_bytes)
DOWNLOAD_WARNSIZE = 0
# Default 180 s. It bounds the whole answer, so a slow drip ends too (measured).
DOWNLOAD_TIMEOUT = LIMITS.fetch_timeout_s
# A cut answer must never pass for a whole one.
DOWNLOAD_FAIL_ON_DATALOSS = True
# The address guard; ignored in a spider's custom_settings (measured), and proved active by a self-test at start.
TWISTED_DNS_RESOLVER = "crawler.netguard.GuardedResolver"
REACTOR_THREADPOOL_MAXSIZE = 20  # names are resolved in these threads; ten slow name servers must not stop the rest
TWISTED_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
# Done by crawler.fetch, which knows Retry-After, RFC 9309, pacing by host:port and the guard at every hop; Scrapy's own
# ignore Retry-After, read an error page as robots.txt and pace by host name (measured).
ROBOTSTXT_OBEY = False
RETRY_ENABLED = False
REDIRECT_ENABLED = False
METAREFRESH_ENABLED = False
DOWNLOAD_DELAY = 0
CONCURRENT_REQUESTS = 64
CONCURRENT_REQUESTS_PER_DOMAIN = int(LIMITS.loopback_width)
# Nothing of one outlet may reach another: no cookies, no referrer (GHSA-cwxj-rr6w-m6w7 ran a header as code), no login.
COOKIES_ENABLED = False
REFERER_ENABLED = False
HTTPCACHE_ENABLED = False
# A proxy would connect in our place, past the address guard.
HTTPPROXY_ENABLED = False
AUTOTHROTTLE_ENABLED = False
URLLENGTH_LIMIT = int(LIMITS.max_url_bytes)
USER_AGENT = "pantau-asn/0.1"  # replaced by one with the contact of sources.yaml
DEFAULT_REQUEST_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "id,en;q=0.5",
}
# Only what a crawl of ours needs, and Scrapy's own lists in full: what is merely turned off is imported all the same (the remote
# control's web server, cookies: half a second of every start), and each middleware costs on every request.
DOWNLOADER_MIDDLEWARES_BASE = {
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": 350,
    "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware": 400,
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": 500,
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": 590,
    "scrapy.downloadermiddlewares.stats.DownloaderStats": 850,
}
EXTENSIONS_BASE = {
    "scrapy.extensions.corestats.CoreStats": 0,
    "scrapy.extensions.logcount.LogCount": 0,
    "scrapy.extensions.closespider.CloseSpider": 0,
    "scrapy.extensions.feedexport.FeedExporter": 0,
}
LOG_LEVEL = "INFO"
STATS_DUMP = False
LOGSTATS_INTERVAL = 0
FEED_EXPORT_ENCODING = "utf-8"
