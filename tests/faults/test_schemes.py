"""No file is opened and nothing but http and https is asked for, whatever an address says (GUARANTEES A2)."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path

import pytest

from crawler.discovery import read_listing
from crawler.identity import canonical_url
from crawler.items import CrawlSettings, Discover
from tests import servers
from tests.faults.crawling import HTML, ROOT, article, audited, crawl, open_ports, rss, source
from tests.servers import HostileServer, Reply

CANARY = "rahasia-kenari"
# {} is the path of a file with the canary in it, "/…" and all.
FORMS = (
    *("file://{}", "file:{}", "file:/{}", "file:///{}", "file:////{}", "FILE://{}", "FiLe:{}", "file://localhost{}"),
    *(
        "file://127.0.0.1{}",
        "file:\\\\{}",
        "source:file:{}",
        "source:file://{}",
        "view-source:file://{}",
        "url:file://{}",
    ),
    *("feed:file://{}", "jar:file://{}!/x", "netdoc:{}", "local_file:{}", " file://{}", "\tfile://{}", "fi\nle://{}"),
    *("\x00file://{}", "file%3A//{}", "file&#58;//{}", "{}", "//{}", "data:text/xml,<rss/>", "data:;base64,PHJzcy8+"),
    *("ftp://outlet.test{}", "ftps://outlet.test{}", "sftp://outlet.test{}", "s3://bucket{}", "gs://bucket{}"),
    *("gopher://127.0.0.1:70/1{}", "dict://127.0.0.1:11211/stats", "ldap://127.0.0.1/o=x", "tftp://127.0.0.1{}"),
    *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "vbscript:msgbox(1)", "unix://{}", "http+unix://%2Ftmp%2Fx{}"),
    *("about:blank", "mailto:a@b.id", "whatsapp://send?text=x", "intent://x#Intent;end"),
)


def test_the_table_is_as_long_as_promised() -> None:
    assert len(set(FORMS)) >= 40


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    (tmp_path / "kenari").mkdir()
    path = tmp_path / "kenari" / "rahasia.xml"
    path.write_text(f"<rss><channel><item><title>{CANARY}</title><link>https://o.id/a</link></item></channel></rss>")
    return path


@pytest.mark.parametrize("form", FORMS)
def test_no_reader_of_listings_takes_it_for_an_article(form: str, canary: Path) -> None:
    link = form.format(canary)
    listings = {
        "feed": rss(link.replace("&", "&amp;").replace("<", "&lt;").replace("\x00", "")).content,
        "sitemap": f"<urlset><url><loc><![CDATA[{link}]]></loc></url></urlset>".encode(),
        "wordpress": json.dumps([{"link": link, "title": {"rendered": "Judul"}}]).encode(),
        "blogger": json.dumps({"feed": {"entry": [{"link": [{"rel": "alternate", "href": link}]}]}}).encode(),
        "page": f"<!doctype html><a href='{link}'>ASN wajib netral kata bupati Lahat</a>".encode(),
    }
    for kind, body in listings.items():
        found = read_listing(Discover(kind, "https://o.id/x", links="a"), body, "https://o.id/x", "", "Asia/Jakarta")  # type: ignore[arg-type]
        for entry in found.entries:
            assert entry.url.startswith(("http://", "https://")), kind
            assert canonical_url(entry.url).startswith(("http://", "https://"))


def test_no_file_is_opened_and_nothing_of_it_is_stored(canary: Path, tmp_path: Path) -> None:
    """Each form as a redirect of a listing and of a page, as a further page, as a canonical link and as a picture."""
    forms = [form.format(canary) for form in FORMS]
    with HostileServer() as server:
        names = [f"s{n}" for n in range(len(forms))]
        for n, link in enumerate(forms):
            told = link.replace("\n", "").replace("\x00", "").replace("\t", "")  # a header has no such characters
            server.at(f"s{n}.test/listing", servers.redirect(told))
            server.at(f"/r-{n}", servers.redirect(told))
            quoted = link.replace('"', "&quot;").replace("<", "&lt;")
            head = f'<link rel="canonical" href="{quoted}"><meta property="og:image" content="{quoted}">'
            head += f'<link rel="next" href="{quoted}"><meta property="og:url" content="{quoted}">'
            server.at(f"/p-{n}", Reply(article(f"ASN Wajib Netral {n}", head), headers=HTML))
        server.at("pages.test/listing", rss(*(f"/p-{n}" for n in range(len(forms)))))
        server.at("moved.test/listing", rss(*(f"/r-{n}" for n in range(len(forms)))))
        hosts = [*names, "pages", "moved"]
        settings = CrawlSettings(
            delay_s=0.0, topic="ASN", ports=open_ports(server, *(f"{name}.test" for name in hosts), "outlet.test")
        )
        audit = tmp_path / "audit"
        found = crawl(settings, [source(server, name) for name in hosts], audit=audit, reader="")
        home = f"127.0.0.1:{server.port}"
    for name in names:
        # A bare path is an address of the outlet itself: asked for there, and not found.
        assert set(found.kinds(name)) <= {"refused_scheme", "refused_address", "gone", "dns", "http"}, name
    assert len(found.reports["pages"].articles) == len(forms)
    for one in found.reports["pages"].articles:
        assert one.url.startswith("http://pages.test:")
        assert one.image is None or one.image.startswith("http")
    assert not found.reports["moved"].articles
    assert CANARY not in repr(found.reports)
    assert set(audited(audit, "connect")) == {home}
    _only_our_files(audit, tmp_path)


def _only_our_files(audit: Path, folder: Path) -> None:
    """What Python opened is Python, this project, or what the system tells programs."""
    ours = {str(ROOT), sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), "/proc", "/dev", "/sys", "/usr"}
    opened = audited(audit, "open")
    assert len(opened) > 10  # the notes work
    assert not [path for path in opened if path.startswith(str(folder))]
    system = ("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/mime.types", "/etc/ssl", "/etc/localtime")
    foreign = [path for path in opened if path.startswith("/") and not path.startswith((*ours, *system))]
    assert not foreign
