"""The screen may only say no where nothing cleaned from the page can match: proved with pages that hide their words."""

import html as html_module
import json
import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from lxml import html

from pipelines.matching import Matcher
from pipelines.screen import Screen, required_literals, search_words

SIMPLE = {
    "all": [
        {"any": ["ASN", "PNS", "aparatur sipil negara", "pegawai neg*"]},
        {"any": ["~netral", "politik praktis", "keberpihakan", "~pihak"]},
    ]
}
TOPICS: list[object] = [
    SIMPLE,
    {"preset": "netralitas-asn"},
    {"near": [{"any": ["camat", "lurah"]}, "~kampanye"], "within": 12},
    {"all": ["ASN", {"none": ["togel"]}]},
    {"all": ["title:netralitas", {"regex": r"pasal \d+"}]},
    {"any": ["cawe-cawe", "~cawe-cawe", {"regex": "(?:ikut|hadiri) kampanye"}]},
    {"none": ["togel"]},
    "Pj. Gubernur",
]
SCREENS = [Screen(topic) for topic in TOPICS]
MATCHERS = [Matcher({"topic": topic}) for topic in TOPICS]

SENTENCES = [
    "Sekda meminta ASN menjaga netralitas di Pilkada 2024",
    "Aparatur sipil negara dilarang ikut kampanye dan politik praktis",
    "Camat dan lurah hadiri kampanye paslon menurut Bawaslu",
    "Seorang PNS diduga memihak, pegawai negeri itu diperiksa Bawaslu sesuai pasal 71",
    "Pj. Gubernur melarang cawe-cawe dan keberpihakan",
    "Persib menang di laga tandang malam ini",
    "Harga cabai naik menjelang Lebaran",
    "Netralitas guru dan kepala dinas disorot",
]

INVISIBLE = ["\u200b", "\xad", "\u2060", "&shy;", "&#8203;", "&zwnj;", "<wbr>", "<!-- x -->", "<b></b>", "<!---->"]
TAGS = [
    "<b>",
    "</b>",
    "<em class='a>b'>",
    "</em>",
    '<span title="x > y">',
    "</span>",
    "<i data-x='<p>'>",
    "</i>",
    "<u>",
    "</u>",
]


def as_entity(character: str, how: int) -> str:
    if how == 0:
        return f"&#{ord(character)};"
    if how == 1:
        return f"&#x{ord(character):X};"
    if how == 2 and character.isalpha():
        return (
            chr(ord("Ａ") + ord(character) - ord("A"))
            if character.isupper()
            else chr(ord("ａ") + ord(character) - ord("a"))
        )
    if how == 3 and character in "aeiou":
        return character + "\u0301"
    if how == 4:
        return character.swapcase()
    if how == 5 and character == " ":
        return "&nbsp;"
    if how == 6 and character == " ":
        return "\n\t "
    return character if character not in "<&" else html_module.escape(character)


@st.composite
def hidden(draw: st.DrawFn, text: str) -> str:
    """The text in markup that a reader sees as the text."""
    how = draw(st.lists(st.integers(0, 30), min_size=len(text), max_size=len(text)))
    between = draw(st.lists(st.integers(0, 60), min_size=len(text), max_size=len(text)))
    opened = 0
    parts = []
    for character, disguise, gap in zip(text, how, between, strict=True):
        parts.append(as_entity(character, disguise))
        if gap < len(INVISIBLE):
            parts.append(INVISIBLE[gap])
        elif gap == 11:
            parts.append(draw(st.sampled_from([tag for tag in TAGS if not tag.startswith("</")])))
            opened += 1
        elif gap == 12:
            parts.append('<a href="/tag/asn" title="a > b">' + "</a>")
    return "".join(parts)


JUNK = st.lists(
    st.sampled_from(
        [
            "<script>if (a < b && c > d) { document.write('<p>x</p>') }</script>",
            "<style>a > b { content: '<' }</style>",
            "<!-- <script> <p>lama --> ",
            "<p>1 < 2 dan 3 > 2</p>",
            '<div data-x="<script>">iklan</div>',
            "<img alt='Jum\\'at > Sabtu' src=x>",
            "<ul><li><a href='/1'>Tag</a></li><li><a href='/2'>Berita lain</a></li></ul>",
            "<h3><a href=/3>Kabar olahraga</a></h3>",
            "<textarea><b>x</textarea>",
            "<svg><title>ikon</title></svg>",
            "<![CDATA[ data ]]>",
            "<p><a href='/4'>Baca juga: cuaca</a></p>",
            "</3 <3",
            "<br/>",
            "<!doctype html>",
        ]
    ),
    max_size=6,
).map("".join)


@st.composite
def pages(draw: st.DrawFn) -> tuple[str, str]:
    """A page that cleaning can read, and where its text stands: in the markup or in JSON."""
    chosen = draw(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=3))
    title = draw(st.sampled_from(SENTENCES))
    place = draw(st.sampled_from(["p", "div", "li", "link in prose", "json", "json html", "td", "h1", "meta"]))
    body = ". ".join(chosen)
    if place in ("json", "json html"):
        inner = draw(hidden(body)) if place == "json html" else body
        escaped = draw(st.sets(st.sampled_from("ASNPetralkmpih<")))
        value = "".join(f"\\u{ord(c):04x}" if c in escaped else json.dumps(c, ensure_ascii=False)[1:-1] for c in inner)
        text = f'{{"@type": "NewsArticle", "articleBody": "{value}"}}'
        text = text.replace("</", "<\\/")
        block = f'<script type="application/ld+json">{text}</script>'
    elif place == "link in prose":
        block = f"<p>Menurut kami, <a href='/x'>{draw(hidden(body))}</a> demikian.</p>"
    elif place == "meta":
        block = f'<meta property="og:description" content="{html_module.escape(body)}">'
    else:
        block = f"<{place}>{draw(hidden(body))} </{place}>"
    junk = [draw(JUNK) for _ in range(3)]
    page = (
        f"<html><head><title>{html_module.escape(title)}</title>{junk[0]}</head>"
        f"<body>{junk[1]}<article>{block}</article>{junk[2]}</body></html>"
    )
    return page, place


def cleaned(page: str, place: str) -> tuple[str, str]:
    """Title and body as a generous cleaner takes them: every text but scripts, style and links alone in their block."""
    tree = html.fromstring(page)
    title = (tree.findtext(".//title") or "").strip()
    if place.startswith("json"):
        data = json.loads(tree.xpath("//script[@type]")[0].text)["articleBody"]
        return title, html.fromstring(f"<div>{data}</div>").text_content() if place == "json html" else data
    if place == "meta":
        return title, tree.xpath("//meta[@content]/@content")[0]
    for element in tree.xpath("//script | //style | //head | //comment() | //li[a] | //h3[a]"):
        element.drop_tree()
    for element in tree.iter("p", "div", "li", "td", "h1", "article", "br"):
        element.tail = "\n\n" + (element.tail or "")
    return title, tree.text_content()


@given(pages())
@settings(max_examples=400, deadline=None)
def test_a_page_whose_cleaned_text_matches_is_never_screened_out(case: tuple[str, str]) -> None:
    page, place = case
    title, body = cleaned(page, place)
    for screen, matcher in zip(SCREENS, MATCHERS, strict=True):
        if matcher.find(title, body):
            assert screen.may_match(page)


@given(pages(), pages(), st.sampled_from(SENTENCES))
@settings(max_examples=100, deadline=None)
def test_halves_of_the_topic_on_two_pages_and_in_the_listing_are_found(
    a: tuple[str, str], b: tuple[str, str], title: str
) -> None:
    body = "\n\n".join(cleaned(*case)[1] for case in (a, b))
    for screen, matcher in zip(SCREENS, MATCHERS, strict=True):
        if matcher.find(title, body):
            assert screen.may_match_any([a[0], b[0], title])


@given(
    st.text(max_size=60),
    st.lists(st.sampled_from(["<", ">", '"', "'", "<!--", "-->", "<a ", "=", "asn ", "netral"]), max_size=40),
)
@example("", ["<!--", "asn ", "netral"])
@example("", ["<a ", "=", '"', "asn ", "netral"])
def test_broken_markup_never_raises(text: str, parts: list[str]) -> None:
    SCREENS[0].may_match(text + "".join(parts))


@pytest.mark.parametrize(
    "page",
    [
        "<p>A<b>S</b>N tidak net<i>ral</i></p>",
        "<p>&#65;SN tidak net&shy;ral</p>",
        "<p>ASN&amp;nbsp;tidak n&amp;shy;etral</p>",
        '<script type="application/ld+json">{"articleBody":"\\u0041SN tidak \\u006eetral"}</script>',
        '<script type="application/ld+json">{"text":"\\u003cp\\u003eA\\u003cb\\u003eSN\\u003c/b\\u003e netral"}</script>',
        '<script id="__NEXT_DATA__">{"body":"&lt;p&gt;A&lt;b&gt;SN&lt;/b&gt; netral"}</script>',
        '<meta property="og:title" content="ASN netral">',
        "<title>ASN <netral> </title>",
        "<p>ASN 1 < 2 netral</p>",
        "<!-- > -->ASN<!--> netral -->",
        "<p>ASN netral<!-- nie geschlossen",
        '<a title="<script>">ASN</a> netral <script>x</script>',
        "<p title='Jum'at'>ASN netral",
        "<p>Kata <a href=/x>ASN</a> harus <a href=/y>netral</a> ya</p>",
        "<div><a href=/x>ASN</a> harus <a href=/y>netral</a></div>",
        "<p><a href=/x>ASN netral</a></p>",
        "<h1><a href=/x>ASN netral</a></h1>",
        "<div><a name=top>ASN netral</a></div>",
        f"<div><a href=/x>ASN netral {'kata ' * 80}</a></div>",
    ],
)
def test_a_page_that_says_it_in_some_way_stays(page: str) -> None:
    assert Screen(SIMPLE).may_match(page + " " * 5000)


@pytest.mark.parametrize(
    "page",
    [
        "<p>Persib menang lawan Arema</p>",
        "<p>ASN menerima gaji ke-13</p>",
        "<script>var sidebar = 'ASN netral'</script><p>Harga cabai naik</p>",
        "<style>/* ASN netral */</style><p>Harga cabai naik</p>",
        "<!-- ASN netral --><p>Harga cabai naik</p>",
        "<p title='ASN netral'>Harga cabai naik</p>",
        "<ul><li><a href=/1>ASN diminta netral</a></li></ul><p>Harga cabai naik</p>",
        "<div><h3><a href=/1><img src=x><span>ASN diminta netral</span></a></h3></div><p>Harga cabai naik</p>",
        "<p>Hasnah di pasnis, senetralan di sentralkan</p>",
    ],
)
def test_a_page_about_something_else_goes(page: str) -> None:
    assert not Screen(SIMPLE).may_match(page + " " * 5000)


def test_a_title_is_plain_text() -> None:
    assert Screen(SIMPLE).may_match("ASN <netral>")


def test_links_count_where_they_are_not_to_be_cut() -> None:
    page = "<ul><li><a href=/1>ASN diminta netral</a></li></ul>" + " " * 5000
    assert Screen(SIMPLE, cut_links=False).may_match(page)


def test_what_cannot_be_said_as_words_lets_everything_through() -> None:
    for topic in ({"none": ["x1"]}, {"regex": "a|b"}, {"any": ["ASN", {"regex": "[a-z]+ netral"}]}):
        assert Screen(topic).may_match("<p>apa saja</p>")


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        (r"pasal \d+", ["pasal"]),
        (r"nomor\s+urut \d{1,2}", ["nomor", "urut"]),
        ("colou?r", ["colo"]),
        ("asn+", ["asn"]),
        ("abc*de", ["ab", "de"]),
        ("abx{0,2}cd", ["ab", "cd"]),
        ("a|b", []),
        ("(asn)?", []),
        ("(?i)asn", []),
        (r"\x41sn", []),
        (r"\pLsn", []),
        (r"\QASN\E", []),
        ("[aA]sn", []),
        ("nétral", []),
    ],
)
def test_only_plain_patterns_promise_letters(pattern: str, literals: list[str]) -> None:
    assert required_literals(pattern) == literals


@given(st.from_regex(re.compile(r"(?:[a-c]{1,3}[?*+]?|\\d|[ .,]|[a-c]\{0,2\}){1,5}"), fullmatch=True), st.data())
@settings(max_examples=200, deadline=None)
def test_letters_that_a_pattern_promises_are_in_all_it_matches(pattern: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
    assume(text.isascii())
    for literal in required_literals(pattern):
        assert literal in text


@pytest.mark.parametrize(
    "unit",
    ["<", "<a", "<a ='", '<a ="x', "<!--", "<script>", "<title>", "&amp;", "&", "<div><a href=x>", "</a>", "\\u0041"],
)
def test_hostile_pages_take_time_in_proportion(unit: str) -> None:
    """Ten times the page may not cost a hundred times; steps are counted by a page that would run for minutes."""
    Screen(SIMPLE).may_match(unit * (400_000 // len(unit)))


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        (SIMPLE, ("asn", "aparatur sipil negara", "pegawai neg", "pns")),
        ({"all": ["ASN", "~pihak"]}, ("asn",)),
        ({"any": ["Pj. Gubernur", "~netral"]}, ("netral", "pj gubernur")),
        ({"near": [{"any": ["a1", "b1"]}, "c1"], "within": 5}, ("c1",)),
        ({"any": ["a1", {"none": ["b1"]}]}, ()),
        ({"all": ["a1", {"none": ["b1"]}]}, ("a1",)),
        ({"regex": "pasal \\d+"}, ("pasal",)),
        ({"any": ["a1", {"regex": "a|b"}]}, ()),
    ],
)
def test_search_words_are_the_fewest_that_every_match_needs(topic: object, words: tuple[str, ...]) -> None:
    assert search_words(topic) == tuple(sorted(words))
