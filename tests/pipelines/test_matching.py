import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import ExpressionError
from pipelines.folding import words_of
from pipelines.matching import MAX_HITS, Matcher


def texts(expression: object, body: str, title: str = "") -> list[str]:
    """What the expression hits, or ["-"] where it does not match."""
    found = Matcher({"x": expression}).find(title, body)
    return [match.text for match in found["x"]] if "x" in found else ["-"]


@pytest.mark.parametrize(
    ("term", "body", "hits"),
    [
        ("ASN", "asn, ASN. (Asn) “ASN”", ["asn", "ASN", "Asn", "ASN"]),
        ("ASN", "Hasnah ASNya KASN asnawi basnas", ["-"]),
        ("ASN", "non-ASN dan ASN/PPPK", ["ASN", "ASN"]),
        ("ASN", "A\u200bSN A\xadSN ＡＳＮ ÁSN", ["A\u200bSN", "A\xadSN", "ＡＳＮ", "ÁSN"]),
        ("politik praktis", "politik   praktis politik\npraktis politik\xa0praktis Politik-Praktis", None),
        ("politik praktis", "politik. Praktis politik, praktis politik dan praktis", ["-"]),
        ("politik praktis", "“politik” praktis", ["politik” praktis"]),
        ("Pj Gubernur", "Pj. Gubernur Pj Gubernur", ["Pj. Gubernur", "Pj Gubernur"]),
        ("Pj. Gubernur", "Pj Gubernur Pj. Gubernur", ["Pj Gubernur", "Pj. Gubernur"]),
        ("dukung-mendukung", "dukung mendukung, dukung–mendukung", ["dukung mendukung", "dukung–mendukung"]),
        ("mendukung", "dukung-mendukung", ["mendukung"]),
        ("Jum'at", "Jum’at Jum'at", ["Jum’at", "Jum'at"]),
        ("netral*", "netralitas, netral, senetral", ["netralitas", "netral"]),
        ("politik prakt*", "politik praktisnya", ["politik praktisnya"]),
        ("~netral", "netral ketidaknetralan menetralkan netralitasnya mineral", None),
        ("~pihak", "pihaknya memihak, keberpihakan", ["pihaknya", "memihak", "keberpihakan"]),
        ("~cawe-cawe", "cawe-cawenya, bercawe-cawe, cawe", ["cawe-cawenya", "bercawe-cawe"]),
        ('"politik praktis"', "politik praktis", ["politik praktis"]),
        ("TNI/Polri", "TNI/Polri, TNI-Polri, TNI Polri", ["TNI/Polri", "TNI-Polri", "TNI Polri"]),
        ("pasal 71 ayat (2)", "Pasal 71 ayat 2", ["Pasal 71 ayat 2"]),
        ("ﬁnal", "FINAL", ["FINAL"]),
        ("2024", "Pilkada 2024, pilkada2024", ["2024"]),
    ],
)
def test_terms_hit_what_readers_take_for_them(term: str, body: str, hits: list[str] | None) -> None:
    found = texts(term, body)
    assert found == hits if hits is not None else len(found) == 4


@pytest.mark.parametrize(
    ("expression", "body", "title", "matches"),
    [
        ({"all": ["ASN", "netral"]}, "ASN netral", "", True),
        ({"all": ["ASN", "netral"]}, "ASN", "", False),
        ({"all": ["ASN", "netral"]}, "netral", "ASN", True),
        ({"any": ["ASN", "PNS"]}, "PNS", "", True),
        ({"none": ["kades"]}, "camat", "", True),
        ({"none": ["kades"]}, "kades", "", False),
        ({"all": ["ASN", {"none": ["togel", {"all": ["a1", "b1"]}]}]}, "ASN a1", "", True),
        ({"all": ["ASN", {"none": ["togel", {"all": ["a1", "b1"]}]}]}, "ASN a1 b1", "", False),
        ({"any": ["ASN"], "none": ["togel"]}, "ASN togel", "", False),
        ("title:netralitas", "netralitas", "", False),
        ("title:netralitas", "", "Netralitas", True),
        ("title:~netral", "", "Kenetralan", True),
        ("title:netral*", "", "Netralis", True),
        ({"title": {"all": ["ASN", "netral"]}}, "netral", "ASN", False),
        ({"title": {"near": ["ASN", "netral"], "within": 3}}, "", "ASN tetap netral", True),
        ({"near": ["camat", "kampanye"], "within": 4}, "kampanye dihadiri para camat", "", True),
        ({"near": ["camat", "kampanye"], "within": 3}, "kampanye dihadiri para camat", "", False),
        ({"near": ["camat", "kampanye"], "within": 50}, "camat", "kampanye", False),
        ({"near": ["a1", "b1", "c1"], "within": 3}, "c1 a1 b1", "", True),
        ({"near": ["a1", "b1", "c1"], "within": 3}, "c1 x a1 b1", "", False),
        ({"near": ["a1", "b1"], "within": 2}, "a1 x x x a1 b1", "", True),
        ({"near": [{"any": ["camat", "lurah"]}, "~kampanye"], "within": 5}, "lurah ikut berkampanye", "", True),
        (
            {"near": ["Bawaslu Kota", {"regex": "pasal \\d+"}], "within": 5},
            "Bawaslu Kota menerapkan Pasal 71",
            "",
            True,
        ),
        (
            {"near": ["Bawaslu Kota", {"regex": "pasal \\d+"}], "within": 4},
            "Bawaslu Kota menerapkan Pasal 71",
            "",
            False,
        ),
        ({"near": ["camat", "title:kampanye"], "within": 5}, "camat kampanye", "", False),
        ({"regex": "pasal \\d+"}, "PASAL\n\n71", "", True),
        ({"regex": "\\bcam.t\\b"}, "para camát", "", True),
        ({"regex": "(?-i:ASN)"}, "asn", "", False),
        ({"preset": "netralitas-asn"}, "", "Sekda Minta ASN Netral", True),
        ({"all": [{"preset": "netralitas-asn"}], "none": ["Palembang"]}, "Palembang", "Sekda Minta ASN Netral", False),
        (2024, "Pilkada 2024", "", True),
    ],
)
def test_expressions_mean_what_the_manual_says(expression: object, body: str, title: str, matches: bool) -> None:
    assert ("x" in Matcher({"x": expression}).find(title, body)) is matches


def test_evidence_has_its_term_and_place_title_first_and_nothing_twice() -> None:
    found = Matcher({"topic": {"all": [{"any": ["ASN", "netral*"]}, {"any": ["ASN"]}]}}).find("ASN Netral", "Para ASN.")
    assert [(m.term, m.text, m.start, m.end, m.field) for m in found["topic"]] == [
        ("ASN", "ASN", 0, 3, "title"),
        ("netral*", "Netral", 4, 10, "title"),
        ("ASN", "ASN", 5, 8, "body"),
    ]


def test_only_the_branch_that_holds_is_evidence() -> None:
    expression = {"any": [{"all": ["ASN", "netral"]}, {"all": ["ASN", "sanksi"]}], "none": ["kades"]}
    assert texts(expression, "ASN netral camat") == ["ASN", "netral"]


def test_near_is_witnessed_by_the_hits_that_are_near() -> None:
    found = texts({"near": ["camat", "kampanye"], "within": 3}, "Camat A. " + "x " * 20 + "camat ikut kampanye")
    assert found == ["camat", "kampanye"]


def test_many_expressions_share_one_pass_and_do_not_mix() -> None:
    matcher = Matcher({f"rule-{i}": f"kata{i}" for i in range(300)} | {"topic": {"any": ["kata7", "~kata"]}})
    assert sorted(matcher.find("", "kata7 katanya kata12")) == ["rule-12", "rule-7", "topic"]


def test_no_expressions_and_regular_expressions_alone_work() -> None:
    assert Matcher({}).find("a", "b") == {}
    assert list(Matcher({"x": {"regex": "b+"}}).find("a", "b")) == ["x"]


def test_an_expression_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ExpressionError):
        Matcher({"x": {"any": []}})


SEPARATORS = st.sampled_from(
    [" ", "  ", "\n", "\xa0", "-", ". ", ", ", " (", ") ", "\u200b", "\xad", "", "’", "/", " … ", "½", "\x00"]
)
WORDS = st.sampled_from(
    ["asn", "ASN", "Netral", "netralitas", "politik", "praktis", "Pj", "gubernur", "é", "ﬁ", "x", "ketidaknetralan"]
)
TEXT = st.lists(st.tuples(WORDS, SEPARATORS), max_size=25).map(lambda pairs: "".join(w + s for w, s in pairs))
TERMS = ["ASN", "politik praktis", "netral*", "~netral", "Pj Gubernur", "fi", "e", "x asn", {"regex": "x\\s+asn"}]


def reference(text: str) -> list[str]:
    """The words of a text, one character at a time: slow, and written without the module under test."""
    words = [""]
    for character in text:
        if unicodedata.category(character) in ("Cf", "Cc", "Mn") and not character.isspace():
            continue
        for part in unicodedata.normalize("NFKD", character):
            if part.isalnum():
                words[-1] += part.lower()
            elif unicodedata.category(part) != "Mn":
                words += ["", ""] if part.isspace() or part in "-()’'/" else ["", ".", ""]
    return [word for word in words if word]


@given(TEXT, TEXT)
def test_offsets_are_of_the_original_and_a_slow_reference_agrees(title: str, body: str) -> None:
    found = Matcher({str(term): term for term in TERMS}).find(title, body)
    for matches in found.values():
        for match in matches:
            text = title if match.field == "title" else body
            assert text[match.start : match.end] == match.text != ""
    for term in ("ASN", "politik praktis", "x asn", "e"):
        wanted = term.lower().split()
        count = 0
        for text in (title, body):
            words = reference(text)
            count += sum(words[i : i + len(wanted)] == wanted for i in range(len(words)))
        assert len(found.get(term, ())) == min(count, 2 * MAX_HITS), (term, title, body)
        for match in found.get(term, ()):
            assert "½" in match.text or words_of(match.text) == term.lower()


@given(
    st.lists(st.lists(st.sampled_from(["a1", "b1", "c1", "X", "A1 b1"]), min_size=1, max_size=8), max_size=5),
    st.integers(1, 12),
)
def test_near_agrees_with_trying_every_stretch(paragraphs: list[list[str]], within: int) -> None:
    body = ".\n\n".join(" ".join(words) for words in paragraphs)
    flat = body.lower().replace(".", "").split()
    expected = any({"a1", "b1", "c1"} <= set(flat[i : i + within]) for i in range(len(flat)))
    assert ("x" in Matcher({"x": {"near": ["a1", "b1", "c1"], "within": within}}).find("", body)) is expected


@pytest.mark.parametrize("gap", [" ", ". ", "\n\n", ".\n\n", "! “", " Hujan.\n\nReda. "])
def test_near_counts_words_and_not_what_stands_between_them(gap: str) -> None:
    assert Matcher({"x": {"near": ["camat", "kampanye"], "within": 4}}).find("", f"Camat{gap}Kampanye usai.")


def test_a_part_that_was_asked_first_by_none_keeps_its_evidence() -> None:
    shared = {"any": ["camat", "lurah"]}
    found = Matcher({"a": {"none": [shared]}, "b": shared}).find("Camat", "lurah")
    assert {match.text for match in found["b"]} == {"Camat", "lurah"}
    assert "a" not in found


@given(st.text(max_size=200))
def test_no_text_makes_it_fail(text: str) -> None:
    Matcher({"x": {"all": ["~netral", {"regex": "\\w+"}, {"none": ["a"]}]}}).find(text, text)


@pytest.mark.parametrize(
    "body",
    [
        *(
            "netral" * 200_000,
            "a " * 500_000,
            "politik " * 150_000,
            " " * 1_000_000,
            "." * 1_000_000,
            "\u200b" * 300_000,
        ),
        *("camat kampanye " * 70_000, "é" * 200_000, "aaaa" * 100_000 + "!"),
    ],
    ids=lambda body: repr(body[:9]),
)
def test_pathological_texts_end_and_their_evidence_is_bounded(body: str) -> None:
    matcher = Matcher(
        {
            "a": {"any": ["~netral", "politik politik praktis", "netral*", "a"]},
            "b": {"near": ["camat", "kampanye"], "within": 100},
            "c": {"regex": "(a+)+$"},
        }
    )
    for matches in matcher.find("", body).values():
        assert len(matches) <= 4 * MAX_HITS


SAID_OTHERWISE = [
    ("Bupati Minta Pegawai Jaga Jarak", "Harga cabai naik menjelang pilkada."),
    ("Warna Netral untuk Ruang Tamu ASN", "Guru memilih cat dengan warna netral."),
    ("Tim Tamu Menang di Tempat Netral", "Laga netral itu dipimpin wasit asal Jepang."),
    ("Pemkot Buka Seleksi PPPK", "ASN dan honorer ikut seleksi PPPK. Formasi guru paling banyak."),
    ("TNI Tegaskan Netralitas", "Pangdam menyatakan prajurit netral pada pilkada."),
    ("Larutan Netral dan Asam", "Guru kimia menjelaskan pH netral kepada siswa."),
    ("Guru Harus Berpihak pada Murid", "Kepala dinas meminta guru berpihak pada murid."),
    ("Kadis: Bau Limbah Sudah Dinetralisir", "Kepala dinas menyebut limbah itu dinetralkan."),
    ("Menuju Netralitas Karbon", "Pemerintah daerah dan ASN mengejar netralitas karbon pada 2060."),
]
OURS = [
    ("Camat Diperiksa Bawaslu", "Seorang camat diperiksa Bawaslu karena diduga ikut kampanye calon bupati."),
    ("Foto Bareng Caleg, Lurah Dipanggil", "Lurah itu berfoto dengan caleg, Bawaslu menelusuri."),
    ("ASN Diingatkan Tetap Netral", ""),
    ("Kades Wajib Netral", "Kepala desa harus netral dalam pilkada, kata Bawaslu."),
    ("Pegawai Diminta Tak Memihak", "ASN tidak boleh memihak pasangan calon mana pun."),
    ("Apel Pagi", "Sekda meminta seluruh ASN menjaga kenetralan selama kampanye berlangsung."),
    ("BKN Terima Rekomendasi", "BKN menerima rekomendasi Bawaslu atas dua pegawai."),
]


@pytest.mark.parametrize(("title", "body"), OURS)
def test_the_preset_finds_our_subject(title: str, body: str) -> None:
    assert Matcher({"topic": {"preset": "netralitas-asn"}}).find(title, body)


@pytest.mark.parametrize(("title", "body"), SAID_OTHERWISE)
def test_the_preset_leaves_false_friends_out(title: str, body: str) -> None:
    assert not Matcher({"topic": {"preset": "netralitas-asn"}}).find(title, body)


def test_a_site_that_copies_news_to_sell_gambling_is_left_out() -> None:
    matcher = Matcher({"topic": {"preset": "netralitas-asn"}})
    assert not matcher.find("Bawaslu Tekankan Netralitas ASN", "Situs slot gacor. ASN harus netral di pilkada.")


def test_every_root_is_found_where_its_letters_are_searched() -> None:
    assert re.fullmatch("keberpihakan", texts("~pihak", "keberpihakan")[0])
