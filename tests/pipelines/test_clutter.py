"""Every hand-written form of a related link goes, in every place it stands; prose with the same words stays."""

from __future__ import annotations

import re

import pytest

from pipelines.blocks import Block
from pipelines.clean import clean_page
from pipelines.clutter import cut_related, is_label, is_tail_label, judge, line_rule, rules, without_sign_off
from tests.pipelines.newspage import FOURTH, LEAD, PARAGRAPHS, SECOND, THIRD, URL, page, paragraphs

A = '<a href="/berita/77/lain">Sekda Beliung Minta Pegawai Menjaga Jarak dari Calon</a>'
T = "Sekda Beliung Minta Pegawai Menjaga Jarak dari Calon"

FORMS = [
    f"<p><strong>Baca juga: {A}</strong></p>",
    f"<p><strong>Baca juga:</strong> {A}</p>",
    f"<p><strong>Baca juga : {A}</strong></p>",
    f"<p>Baca Juga : {A}</p>",
    f"<p>BACA JUGA: {A}</p>",
    f"<p>BACA JUGA:{A}</p>",
    f"<p>Baca juga {A}</p>",
    f"<p>Baca juga - {A}</p>",
    f"<p>Baca pula: {A}</p>",
    f"<p>Baca: {A}</p>",
    f"<p><b>Baca Selengkapnya:</b> {A}</p>",
    f"<p>BACA JUGA :  {T}</p>",
    f"<p><strong>Baca Juga: {T}</strong></p>",
    f'<blockquote class="wp-block-quote"><p>Baca Juga : {A}</p></blockquote>',
    f'<blockquote class="bacajuga"><p>{A}</p></blockquote>',
    f"<h3><strong>Baca Juga:</strong></h3><h3>{A}</h3>",
    f"<h4>Baca Juga</h4><ul><li>{A}</li><li>{A}</li></ul>",
    f"<p>Baca Juga:</p><ul><li>{A}</li></ul>",
    f"<div>(Baca juga : {A})</div>",
    f"<p>[Baca juga: {A}]</p>",
    f"<p>» Baca juga: {A}</p>",
    f"<p>➡️ Baca juga: {A}</p>",
    f"<p>Simak juga: {A}</p>",
    f"<p>Lihat juga: {A}</p>",
    f"<p>Tonton juga: {A}</p>",
    f"<p>Lihat juga Video: {A}</p>",
    f'<p>Simak Video "{T}"</p>',
    "<p>Yuk, Simak Juga Video ini!</p>",
    f"<p>Pilihan Editor: {A}</p>",
    f"<p>Artikel terkait: {A}</p>",
    f"<p>Berita lainnya: {A}</p>",
    f"<p>Rekomendasi: {A}</p>",
    f'<p><a href="/x">Baca juga: {T}</a></p>',
    f'<p><strong><a href="https://www.kabarbeliung.example/read/9">{T}</a></strong></p>',
    f'<table class="linksisip"><tr><td><div class="lihatjg"><strong>Baca juga:</strong>{A}</div></td></tr></table>',
    f"<table><tr><td><strong>Baca juga:</strong> {A}</td></tr></table>",
    f'<div class="inject-baca-juga">{A}</div>',
    f'<div class="item--baca-juga-inner"><p>{T}</p></div>',
    f'<a class="u0123456789abcdef0123456789abcdef" href="/x"><style>.u {{}}</style><div><span class="ctaText">Baca Juga:</span>&nbsp;'
    f'<span class="postTitle">{T}</span></div></a>',
    f'<div class="jnews_inline_related_post_wrapper"><h3>Terkait</h3><p>{T}</p></div>',
    f'<span class="baca-juga"><b>{A}</b></span>',
    f'<p class="related-news">Baca juga : {A}</p>',
    f"<p>Read also: {A}</p>",
    f"<p>Also read: {A}</p>",
    f"<p>Lee también: {A}</p>",
    f"<p>Leia também: {A}</p>",
    f"<p>À lire aussi : {A}</p>",
    f"<p>Lesen Sie auch: {A}</p>",
    f"<p>Читайте также: {A}</p>",
    f"<p>Zobacz też: {A}</p>",
    f"<p>اقرأ أيضا: {A}</p>",
    f"<p>यह भी पढ़ें: {A}</p>",
    f"<p>延伸閱讀：{A}</p>",
]

FRAMES = {
    "between paragraphs": lambda form: paragraphs(LEAD, SECOND) + form + paragraphs(THIRD, FOURTH),
    "after the lead": lambda form: paragraphs(LEAD) + form + paragraphs(SECOND, THIRD, FOURTH),
    "at the end": lambda form: paragraphs(*PARAGRAPHS) + form,
    "every other line": lambda form: form.join(f"<p>{p}</p>" for p in PARAGRAPHS),
}

INSIDE_A_PARAGRAPH = [
    f"{SECOND}<br />Baca Juga : {A}",
    f"{SECOND}<br><br><strong>Baca juga:</strong> {A}",
    f"{SECOND} Baca juga: {A}",
    f"{SECOND} <strong>(Baca juga: {A})</strong>",
    f"{SECOND} [Baca juga: {A}]",
    f"<strong>Baca juga: {A}</strong><br>{SECOND}",
]

PROSE = [
    "Baca juga pesan itu dengan tenang, kata bupati kepada para camat, sebelum menyimpulkan isinya.",
    "Ia meminta pegawai membaca juga surat edaran yang terbit pada bulan Oktober, agar tidak keliru.",
    "“Baca juga aturannya, jangan hanya judulnya,” kata ketua panitia pengawas kepada para lurah.",
    "Lihat juga bagaimana desa sebelah menanganinya, pesan sekretaris daerah dalam apel pagi itu.",
    "Simak juga penjelasan ahli hukum yang hadir, ujarnya, sebab pasal itu sering disalahpahami.",
    "Video itu sudah ditonton juga oleh penyidik, tetapi belum menjadi alat bukti yang cukup kuat.",
    "Berita terkait pemanggilan camat beredar sejak Senin malam di beberapa grup percakapan warga.",
    "Artikel itu ditulis seorang lurah dan dimuat tanpa izin atasannya, kata inspektur daerah.",
    "Editor sebuah buletin kantor kecamatan ikut diperiksa karena memuat gambar calon di sampul depan.",
    "Foto bersama itu diambil di halaman kantor camat pada Minggu sore, sebelum acara dimulai.",
    "Baca, pahami, dan patuhi surat edaran, begitu bunyi spanduk di depan kantor bupati sejak Senin.",
    "Selengkapnya akan dijelaskan panitia pengawas dalam sidang terbuka pekan depan, katanya lagi.",
    "Penulis laporan itu, menurut inspektorat, adalah seorang staf yang baru pindah dari dinas lain.",
    "Iklan calon di mobil dinas harus dicopot sebelum Jumat, perintah bupati dalam rapat tertutup.",
    "Ikuti aturan dan jangan mencari celah, pesan ketua Bawaslu kepada pegawai di lapangan upacara.",
    "Komentar pegawai di media sosial dihitung sebagai dukungan, kata komisioner itu mengingatkan.",
    "Bagikan tugas dengan adil, jangan ada lurah yang merangkap tim sukses, ujarnya menutup rapat.",
    'Rincian ada di <a href="/dok">lampiran surat edaran</a> yang dibagikan kepada semua camat kemarin.',
    'Menurut <a href="/tag/bawaslu">Bawaslu</a>, <a href="/tag/camat">camat</a> wajib melapor dalam tujuh hari kerja.',
]


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("form", FORMS)
def test_a_related_link_goes_and_every_sentence_stays(form: str, frame: str) -> None:
    found = clean_page(page(FRAMES[frame](form)), URL)
    assert found.paragraphs == PARAGRAPHS


@pytest.mark.parametrize("form", INSIDE_A_PARAGRAPH)
def test_a_related_link_inside_a_paragraph_goes_and_its_sentence_stays(form: str) -> None:
    found = clean_page(page(paragraphs(LEAD, form, THIRD, FOURTH)), URL)
    assert found.paragraphs == PARAGRAPHS


@pytest.mark.parametrize("sentence", PROSE)
@pytest.mark.parametrize("place", [1, 2, 4])
def test_prose_with_the_same_words_stays(sentence: str, place: int) -> None:
    texts = [*PARAGRAPHS[:place], sentence, *PARAGRAPHS[place:]]
    found = clean_page(page(paragraphs(*texts)), URL)
    assert found.paragraphs == tuple(re.sub(r"</?a[^>]*>", "", text) for text in texts)


LINES = [
    "ADVERTISEMENT",
    "ADVERTISEMENT SCROLL TO CONTINUE WITH CONTENT",
    "SCROLL TO RESUME CONTENT",
    "Scroll untuk melanjutkan membaca",
    "[Gambas:Video 20detik]",
    "[Gambas:Instagram]",
    "facebook twitter whatsapp telegram line copy",
    "URL berhasil dicopy",
    "Bagikan:",
    "- Editor",
    "Editor: Rahmat Hidayat",
    "Penulis: Siti Rahma | Editor: Rahmat Hidayat",
    "Pewarta: Siti Rahma",
    "Redaktur & Reporter : Budi",
    "Laporan Wartawan Kabar Beliung, Siti Rahma",
    "COPYRIGHT © KABAR BELIUNG 2024",
    "Hak Cipta © 2024",
    "FOTO: Camat Muara Beliung seusai diperiksa di kantor panitia pengawas",
    "Foto : Dokumentasi Kabar Beliung",
    "Simak breaking news dan berita pilihan kami langsung di ponsel lewat WhatsApp Channel Kabar Beliung",
    "Follow WhatsApp Channel Kabar Beliung untuk update berita terbaru setiap hari",
    "Jangan lupa ikuti update berita lainnya dan follow akun google news Kabar Beliung",
    "Cek Berita dan Artikel yang lain di Google News",
    "Dapatkan update berita pilihan setiap hari lewat kanal Telegram kami",
    "Baca berita tanpa iklan. Gabung Beliung Plus sekarang",
    "Telusuri berita politik lainnya di sini",
    "Artikel ini telah tayang di kabarbeliung.example dengan judul Camat Dipanggil Bawaslu",
    "Halaman: 1 2 3 Selanjutnya",
    "Halaman 1/2",
    "1 2 3 »",
    "#netralitas #bawaslu #beliung",
    "Tags: netralitas, bawaslu",
    "Dibaca: 1.203 kali",
    "2 menit membaca",
    "0 komentar",
    "(fyk/fay)",
    "***",
    "Tim Redaksi",
    "Baca 10 detik",
    "Ringkasan Berita:",
]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("place", [0, 4])
def test_a_line_of_clutter_goes_at_the_head_and_at_the_end(line: str, place: int) -> None:
    texts = [*PARAGRAPHS[:place], line, *PARAGRAPHS[place:]]
    found = clean_page(page(paragraphs(*texts)), URL)
    assert found.paragraphs == PARAGRAPHS
    assert any(line.split()[0] in cut for cut in found.cut)


@pytest.mark.parametrize(
    "ending", ["(fay)", "(fyk/fay)", "[ant]", "((ADN))", "(*)", "***", "(Siti Rahma)", "(red/adv)", "(hms)", "(*/dok)"]
)
def test_the_sign_off_of_the_last_paragraph_goes(ending: str) -> None:
    found = clean_page(page(paragraphs(LEAD, SECOND, THIRD, f"{FOURTH} {ending}")), URL)
    assert found.paragraphs == PARAGRAPHS


@pytest.mark.parametrize(
    "text",
    [
        "Laporan itu diterima Komisi Aparatur Sipil Negara (KASN).",
        "Pemilihan digelar pada Rabu (27/11/2024)",
        "Ia menjabat sejak dua tahun lalu. (2022)",
        "Putusan dibacakan oleh Mahkamah Konstitusi (MK)",
    ],
)
def test_brackets_of_the_sentence_are_no_sign_off(text: str) -> None:
    assert without_sign_off(text) == text


def test_a_bare_label_claims_links_but_no_sentence() -> None:
    found = clean_page(page(paragraphs(LEAD, SECOND, "Baca Juga", THIRD, FOURTH)), URL)
    assert found.paragraphs == PARAGRAPHS


@pytest.mark.parametrize(
    ("tag", "names", "verdict"),
    [
        ("div", "detail__body-text itp_bodycontent", "body"),
        ("div", "read__content", "body"),
        ("div", "td-post-content tagdiv-type", "body"),
        ("div", "entry-content entry-content-single", "body"),
        ("div", "elementor-widget elementor-widget-text-editor", "body"),
        ("div", "article-body__related", "related"),
        ("div", "relatedPosts", "related"),
        ("div", "bacaJugaBox", "related"),
        ("div", "gmr-related-post", "related"),
        ("div", "sharedaddy sd-sharing-enabled", "share"),
        ("div", "wp-caption-text", "caption"),
        ("div", "breadcrumbs", "meta"),
        ("div", "newsticker", "nav"),
        ("div", "flying-carpet", "ads"),
        ("article", "post-120 type-post category-politik tag-asn", None),
        ("div", "row", None),
        ("div", "uploads leads threads", None),
        ("body", "single has-sidebar", None),
        ("figcaption", "", "caption"),
        ("nav", "", "nav"),
    ],
)
def test_names_are_judged_word_by_word(tag: str, names: str, verdict: str | None) -> None:
    assert judge(tag, names) == verdict


def test_a_label_alone_is_told_from_a_sentence() -> None:
    assert is_label("BACA JUGA :")
    assert is_label("Baca Juga")
    assert not is_label("Baca juga surat edaran itu.")
    assert is_tail_label("Berita Terkini Lainnya")
    assert not is_tail_label("Berita terkini dari kantor bupati menyebut hal lain.")


def test_a_long_line_is_never_clutter() -> None:
    assert line_rule("Editor: " + "kata " * 200, "line") is None


def test_cutting_keeps_what_stands_around_the_link() -> None:
    text = "Begitu katanya. Baca juga: Judul Lain Rapat itu selesai sore hari."
    block = Block(text, "p", 0, [(27, 37, "/x")])
    assert text[27:37] == "Judul Lain"
    assert cut_related(block) == ("Baca juga: Judul Lain", "Begitu katanya. Rapat itu selesai sore hari.")
    assert block.text == text


def test_every_rule_says_where_it_was_seen_and_when() -> None:
    from importlib import resources

    from ruamel.yaml import YAML

    data = YAML(typ="safe").load(resources.files("pipelines").joinpath("data/clutter.yaml").read_text("utf-8"))
    for part in data.values():
        for entry in part:
            assert entry["source"]
            assert re.fullmatch(r"20\d\d-\d\d", str(entry["seen"]))
    assert len({rule.name for rule in rules().lines}) == len(rules().lines)
