"""Settings of a crawl process whose address guard is missing: it must refuse to work."""

from crawler.settings import *  # noqa: F403

TWISTED_DNS_RESOLVER = "scrapy.resolver.CachingThreadedResolver"
