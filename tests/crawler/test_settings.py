"""The one table of limits, and the unsafe defaults of Scrapy that are set (crawler/settings.py)."""

from __future__ import annotations

from scrapy.settings import Settings

from crawler import settings
from crawler.settings import LIMIT_TABLE, LIMITS


def project() -> Settings:
    found = Settings()
    found.setmodule("crawler.settings", priority="project")
    return found


def test_no_unsafe_default_of_scrapy_is_left() -> None:
    found = project()
    for name in ("REMOTE_CONTROL_ENABLED", "TELNETCONSOLE_ENABLED", "COOKIES_ENABLED", "REFERER_ENABLED"):
        assert found.getbool(name) is False, name
    for name in ("RETRY_ENABLED", "REDIRECT_ENABLED", "METAREFRESH_ENABLED", "HTTPPROXY_ENABLED", "ROBOTSTXT_OBEY"):
        assert found.getbool(name) is False, name
    assert found.getbool("DOWNLOAD_VERIFY_CERTIFICATES")
    assert found.getbool("DOWNLOAD_FAIL_ON_DATALOSS")
    assert found["TWISTED_DNS_RESOLVER"] == "crawler.netguard.GuardedResolver"
    assert found.getint("DOWNLOAD_MAXSIZE") == LIMITS.max_sitemap_bytes


def test_only_http_and_https_have_a_handler() -> None:
    found = project().getwithbase("DOWNLOAD_HANDLERS")
    assert {scheme for scheme, handler in found.items() if handler} == {"http", "https"}


def test_every_limit_is_positive_and_documented() -> None:
    assert vars(LIMITS).keys() == {limit.name for limit in LIMIT_TABLE}
    for limit in LIMIT_TABLE:
        assert limit.value > 0, limit.name
        assert limit.unit and limit.reason, limit.name


def test_every_limit_is_used() -> None:
    from pathlib import Path

    code = "".join(path.read_text("utf-8") for path in Path(settings.__file__).parent.parent.glob("[cpsw]*/**/*.py"))
    code += "".join(path.read_text("utf-8") for path in Path(settings.__file__).parent.parent.glob("*.py"))
    unused = {limit.name for limit in LIMIT_TABLE if f"LIMITS.{limit.name}" not in code}
    assert unused <= {"max_body_chars"}  # pipelines may not import this table, and name it themselves


def test_limits_that_depend_on_each_other_do() -> None:
    assert LIMITS.max_robots_bytes <= LIMITS.max_feed_bytes
    assert LIMITS.heartbeat_s * 5 < LIMITS.hang_s < LIMITS.poll_timeout_s
    assert LIMITS.sitemap_timeout_s * LIMITS.fetch_attempts + LIMITS.wait_in_poll_s < LIMITS.poll_timeout_s
    assert LIMITS.max_worker_mib < LIMITS.kill_worker_mib
    pause_s = sum(
        min(LIMITS.attempt_base_s * 2**n, LIMITS.max_retry_after_s) for n in range(int(LIMITS.max_attempts) - 1)
    )
    assert pause_s >= 36 * 3600  # "a day and a half"
