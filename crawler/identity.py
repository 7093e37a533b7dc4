"""Which article an address means: the canonical URL that is shown, and the key by which two addresses are one.

Owns the rules for tracking parameters, AMP and mobile twins, and paging parameters. Pure, never raises; imports nothing of ours.
Its test is tests/crawler/test_identity.py.
"""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

# Parameters that say where a reader came from, never which article it is (seen on Indonesian outlets, and the
# well-known ones of the mail, advertising and analytics services that add them).
_TRACKING = re.compile(
    r"^(utm_\w+|fbclid|gclid|gclsrc|dclid|wbraid|gbraid|msclkid|yclid|twclid|ttclid|igshid|igsh|mc_cid|mc_eid|_ga|_gl|"
    r"ref|ref_src|ref_url|referrer|source_medium|cmpid|ocid|spm|sfnsn|mibextid|share|shared|nr_email_referer|jnews|_hsenc|_hsmi|"
    r"replytocom|fb_action_ids|fb_action_types|amp_markup|amp_js_v|usqp|tag_from|related_from|tblci)$",
    re.I,
)
# Parameters that choose a page or a rendering of one article: the key is always the first page's plain address
# (paging rules of some 60 Indonesian domains: page, showpage, single, view=all; Blogger's m).
_VIEW = {
    "page": re.compile(r"^(all|\d{1,2}|semua)$", re.I),
    "showpage": re.compile(r"^all$", re.I),
    "single": re.compile(r"^1$"),
    "view": re.compile(r"^all$", re.I),
    "m": re.compile(r"^[01]$"),
    "amp": re.compile(r"^(1|true|)$", re.I),
    "outputtype": re.compile(r"^amp$", re.I),
    "print": re.compile(r"^(1|pdf|print|true|)$", re.I),
}
# Only on paths that look like an article is ?page=2 a part of one; on a listing it is another listing.
_LISTING_PATH = re.compile(
    r"/(tag|tags|topik|topic|indeks|index|search|kategori|category|kanal|rubrik|author|label)(/|$)", re.I
)


_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}|%")
_UNRESERVED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


def canonical_url(url: str) -> str:
    """Return the address without what does not choose the article: trackers, fragment, default port, view parameters.

    Host and scheme in lower case, percent-encoding normalised, parameter order kept. A working address stays one. Text that
    is no http(s) address comes back stripped but otherwise unchanged: the caller decides what is acceptable.
    """
    url = url.strip()
    parts = split(url)
    if parts is None or parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        return url
    path = re.sub(r"//+", "/", _normal(parts.path)) or "/"
    query = "&".join(_article_parameters(parts.query, path))
    return urlunsplit((parts.scheme.lower(), _host(parts.hostname, parts.port, parts.scheme), path, query, ""))


def entry_key(url: str) -> str:
    """Return 16 hex digits that are the same for all addresses of one article on one outlet.

    Scheme, "www.", AMP and mobile hosts, a trailing slash and the order of parameters make no difference.
    """
    canonical = canonical_url(url)
    parts = split(canonical) or SplitResult("", "", canonical, "", "")
    host = re.sub(r"^(www\d?|m|amp|beta)\.", "", parts.netloc)
    path = re.sub(r"^/amp(?=/.)|/amp/?$|\.amp$", "", parts.path).rstrip("/")
    query = urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    return hashlib.sha256(f"{host}{path}?{query}".encode("utf-8", "replace")).hexdigest()[:16]


def host_key(url: str) -> str:
    """Return "host:port", the unit of pacing, robots.txt and back-off; "" where there is no host."""
    parts = split(url)
    if parts is None or not parts.hostname:
        return ""
    return f"{parts.hostname.lower()}:{parts.port or (443 if parts.scheme.lower() == 'https' else 80)}"


def split(url: str) -> SplitResult | None:
    """Return the parts of an address, its port a number or None; None where it cannot be read ("http://[", port 99999)."""
    try:
        parts = urlsplit(url)
        return parts if parts.port is None or parts.port else None
    except ValueError:
        return None


def redacted(url: str) -> str:
    """Return the address as logs may show it: without user, password and the values of parameters."""
    parts = split(url)
    if parts is None:
        return "an address that cannot be read"
    netloc = parts.netloc.rpartition("@")[2]
    query = re.sub(r"=[^&]*", "=…", parts.query)
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def without_login(url: str) -> tuple[str, str | None]:
    """Return the address without user and password, and these as the value of an Authorization header (None without)."""
    parts = split(url)
    if parts is None or "@" not in parts.netloc:
        return url, None
    login, _, netloc = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    basic = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode("ascii")
    return urlunsplit(parts._replace(netloc=netloc)), f"Basic {basic}"


def _normal(text: str) -> str:
    """Return a path or query in one spelling: escapes of plain characters undone, the others in capitals, the rest escaped."""
    text = _ESCAPE.sub(lambda found: _unescaped(found.group(0)), text)
    return quote(text, safe="/%:@!$&'()*+,;=?-._~", errors="replace")


def _unescaped(escape: str) -> str:
    if len(escape) < 3:
        return "%25"
    character = chr(int(escape[1:], 16))
    return character if character in _UNRESERVED else escape.upper()


def _article_parameters(query: str, path: str) -> list[str]:
    kept = []
    listing = _LISTING_PATH.search(path) is not None
    for parameter in query.split("&"):
        name, _, value = parameter.partition("=")
        view = _VIEW.get(name.lower())
        if not parameter or _TRACKING.match(name) or (view and view.match(value) and not listing):
            continue
        kept.append(_normal(parameter))
    return kept


def _host(hostname: str, port: int | None, scheme: str) -> str:
    host = hostname.lower().rstrip(".")
    if ":" in host:
        host = f"[{host}]"
    default = 443 if scheme.lower() == "https" else 80
    return host if port in (None, default) else f"{host}:{port}"
