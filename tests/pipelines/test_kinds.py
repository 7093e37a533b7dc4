"""What is no article is named as what it is, through the article step; reporting about such things stays an article."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.items import Article, CrawlSettings, Entry, Page, ReadRequest, Rejection, Source
from pipelines import article as step
from pipelines.clean import clean_page
from tests.pipelines.newspage import FOURTH, LEAD, OTHER_STORIES, PARAGRAPHS, SECOND, THIRD, URL, page, paragraphs

NOW = datetime(2024, 11, 20, 3, 0, tzinfo=UTC)
SITE = "https://www.kabarbeliung.example"
SHORT = "Kabar Beliung mencatat peristiwa itu terjadi pada Rabu pagi di Muara Beliung."
DECLARED = '<meta property="og:type" content="article"><meta property="article:published_time" content="2024-11-13T08:04:00+07:00">'


def read(html: str, url: str) -> Article | Rejection:
    step.set_up(CrawlSettings(topic={"any": ["camat"]}, rules={}, keep="all"))
    source = Source("beliung", "Kabar Beliung", SITE)
    found = step.read_article(ReadRequest(source, Entry(url=url), (Page(url, html.encode(), "text/html", NOW),), NOW))
    assert isinstance(found, Article | Rejection)
    return found


def notice(title: str, *lines: str, heading: str = "", head: str = "", body: str = "") -> str:
    """A page with a title and a few lines, as servers and themes show instead of an article."""
    return (
        f"<!DOCTYPE html><html><head><title>{title}</title>{head}</head><body><h1>{heading or title}</h1>"
        + paragraphs(*lines)
        + f"{body}</body></html>"
    )


def themed(title: str, *lines: str, head: str = "") -> str:
    """The same inside the outlet's own frame, with its menus and lists of other stories."""
    return page(paragraphs(*lines), title=title, head=head, above="")


TEASERS = "".join(
    f'<div class="item"><h2><a href="/berita/{i}/x">{t} bagian {i}</a></h2><span>13 November 2024</span><p>{t} dan dibahas warga.</p></div>'
    for i, t in enumerate(OTHER_STORIES * 3)
)
LINKS = "".join(f'<li><a href="/berita/{i}/x">{t} bagian {i}</a></li>' for i, t in enumerate(OTHER_STORIES * 4))
SPAM = (
    "Situs slot gacor dengan bonus new member dan link alternatif terpercaya, rtp live tertinggi hari ini, gampang menang. "
    "Mahjong ways dan scatter hitam menunggu, deposit pulsa tanpa potongan, maxwin setiap hari, daftar sekarang juga."
)
TOGEL = (
    "Prediksi togel hongkong malam ini disusun dari data keluaran lengkap, lengkap dengan bocoran sgp dan toto macau. "
    "Bandar togel terpercaya ini memberi diskon besar, link alternatif cepat, deposit dana 24 jam dan jackpot harian."
)
CASINO = (
    "Pasar malam boleh tutup, tetapi live casino tetap buka: sbobet, poker online, dan baccarat dengan freebet mingguan. "
    "Agen judi resmi ini memberi bonus new member, minimal depo 10 ribu, dan jackpot progresif yang mudah menang."
)

NOT_ARTICLES = {
    "soft_404": [
        (notice("404 Not Found", "nginx"), "/berita/1/camat"),
        (
            themed("Halaman Tidak Ditemukan", "Maaf, halaman yang Anda cari tidak ada atau sudah dipindahkan."),
            "/berita/2/x",
        ),
        (
            themed("Kabar Beliung", "Ups! Artikel yang Anda cari tidak ditemukan. Coba gunakan kolom pencarian."),
            "/b/3/x",
        ),
        (themed("Konten Telah Dihapus", "Berita ini sudah dihapus oleh redaksi."), "/berita/4/x"),
        (notice("Page not found - Kabar Beliung", "It looks like nothing was found at this location."), "/berita/5/x"),
        (themed("Oops! That page can’t be found.", "Maybe try one of the links below or a search?"), "/berita/6/x"),
    ],
    "blocked": [
        (notice("Just a moment...", "Verifying you are human. This may take a few seconds."), "/berita/1/x"),
        (
            notice("Attention Required! | Cloudflare", "Sorry, you have been blocked", "Why have I been blocked?"),
            "/b/2/x",
        ),
        (notice("Internet Positif", "Situs yang Anda tuju tidak dapat diakses melalui jaringan ini."), "/berita/3/x"),
        (notice("Trust Positif", "Maaf, akses ke situs ini diblokir sesuai peraturan perundangan."), "/berita/4/x"),
        (notice("Access Denied", "You don't have permission to access this page on this server."), "/berita/5/x"),
        (notice("403 Forbidden", "Request blocked."), "/berita/6/x"),
        (notice("Kabar Beliung", "Situs sedang dalam pemeliharaan. Silakan kembali nanti."), "/berita/7/x"),
        (notice("DDoS-Guard", "Checking your browser before accessing kabarbeliung.example"), "/berita/8/x"),
    ],
    "login": [
        (notice("Masuk - Kabar Beliung", "Silakan masuk dengan akun Anda untuk melanjutkan."), "/masuk?next=/berita/1"),
        (themed("Camat Dipanggil Bawaslu", SHORT, "Silakan login untuk membaca artikel ini.", head=DECLARED), "/b/2/x"),
        (themed("Rapat Camat Ditunda", "Anda harus login untuk membaca kelanjutannya.", head=DECLARED), "/berita/3/x"),
        (notice("Log in", "Please log in to continue reading.", body="<form><input name=user></form>"), "/berita/4/x"),
    ],
    "paywall": [
        (
            themed(
                "Camat Dipanggil", SHORT, "Artikel ini khusus pelanggan. Berlangganan untuk membaca.", head=DECLARED
            ),
            "/b/1",
        ),
        (
            themed("Rapat Ditunda", f"{SHORT} {SHORT[:70]}", "Berlangganan untuk melanjutkan membaca.", head=DECLARED),
            "/b/2",
        ),
        (
            themed(
                "Arah Birokrasi di Daerah",
                SHORT + " Warga menunggu keputusan bupati yang dijanjikan keluar pekan ini di pendopo.",
                "Sudah berlangganan? Masuk di sini.",
                head=DECLARED
                + '<script type="application/ld+json">{"@type": "NewsArticle", "headline": "Arah Birokrasi di Daerah", "isAccessibleForFree": "False"}</script>',
            ),
            "/berita/3/x",
        ),
        (
            themed("Premium: Anggaran", "Konten ini khusus premium, mulai Rp 9.900 per bulan.", head=DECLARED),
            "/berita/4",
        ),
    ],
    "video": [
        (themed("Video Camat Dipanggil", "Tonton rekaman pemanggilan itu."), "/video/12/camat-dipanggil"),
        (themed("Camat Dipanggil", SHORT, head='<meta property="og:type" content="video.other">'), "/tonton/12/camat"),
        (
            themed(
                "Rekaman Apel Pagi",
                SHORT,
                head='<script type="application/ld+json">{"@type": "VideoObject", "name": "Rekaman Apel Pagi", "uploadDate": "2024-11-13"}</script>',
            ),
            "/play/77/rekaman-apel",
        ),
        (themed("Apel Pagi", SHORT), "/20detik/apel-pagi"),
    ],
    "photo": [
        (themed("Foto: Rapat Camat dalam Gambar", "Rapat itu berlangsung tertib sampai sore."), "/foto/12/rapat-camat"),
        (themed("Potret Apel Senin Pagi", SHORT), "/galeri/77/potret-apel"),
        (
            themed(
                "Rapat dalam Bingkai",
                SHORT,
                head='<script type="application/ld+json">{"@type": "ImageGallery", "name": "Rapat dalam Bingkai"}</script>',
            ),
            "/b/77/rapat-dalam-bingkai",
        ),
        (themed("Lomba Perahu", SHORT), "/photostory/5/lomba-perahu"),
    ],
    "listing": [
        (page(TEASERS, title="netralitas asn", above=""), "/tag/netralitas-asn"),
        (page(TEASERS, title="Politik", above=""), "/politik"),
        (page(f"<ul>{LINKS}</ul>", title="Indeks Berita", above=""), "/indeks"),
        (page(f"<ul>{LINKS}</ul>", title="Kabar Beliung", above=""), "/"),
        ('<?xml version="1.0"?><rss><channel><item><title>x</title></item></channel></rss>', "/feed"),
    ],
    "gambling": [
        (notice("Slot Gacor Hari Ini RTP Live Tertinggi", SPAM, SPAM), "/berita/1/slot"),
        (themed("Prediksi Togel Hongkong dan Bocoran SGP Malam Ini", TOGEL, SPAM, head=DECLARED), "/berita/2/x"),
        (themed("Live Casino dan Poker Online Terpercaya 2024", CASINO, SPAM, head=DECLARED), "/berita/3/x"),
    ],
}

ABOUT = {
    "a raid on gambling": (
        "Polisi Gerebek Rumah Judi Slot Online, Dua Pegawai Kecamatan Ditangkap",
        [
            "Polisi menggerebek sebuah rumah kontrakan di Muara Beliung yang dipakai mengelola situs slot gacor, Rabu malam.",
            "Dua dari lima orang yang ditangkap adalah pegawai kecamatan. Mereka bertugas menjawab pesan calon pemain.",
            "Kepala polisi setempat mengatakan perputaran uang judi slot itu mencapai ratusan juta rupiah dalam sebulan.",
            "Camat mengaku terkejut dan menyerahkan perkara itu kepada penyidik serta inspektorat kabupaten.",
        ],
    ),
    "warnings against gambling words": (
        "Diskominfo Blokir Ratusan Laman Slot Gacor di Situs Pemerintah Desa",
        [
            "Dinas komunikasi membersihkan ratusan halaman bertuliskan slot gacor, togel online, dan maxwin dari situs pemerintah desa.",
            "Halaman itu disusupkan lewat celah perangkat lunak yang tidak diperbarui selama tiga tahun, kata kepala bidang persandian.",
            "Sedikitnya 41 situs desa terkena. Sebagian memuat tautan bonus new member yang mengarah ke luar negeri.",
            "Pemerintah kabupaten akan memindahkan semua situs desa ke satu peladen dan melatih operatornya bulan depan.",
            "Warga yang menemukan halaman serupa diminta melapor kepada dinas melalui nomor aduan yang tersedia.",
        ],
    ),
    "a website that is blocked": (
        "Situs Ini Diblokir, Warga Muncul dengan Keluhan Internet Positif",
        [
            "Sejumlah warga mengeluh tidak dapat membuka situs desa dan hanya menemukan halaman internet positif sejak Senin.",
            "Kepala dinas komunikasi menjelaskan situs itu diblokir karena pernah disusupi iklan perjudian pada bulan September.",
            "Permintaan pembukaan sudah dikirim ke kementerian, dan jawabannya dijanjikan keluar paling lambat akhir pekan.",
            "Selama menunggu, layanan surat pengantar dilakukan di balai desa dengan antrean yang cukup panjang.",
        ],
    ),
    "an exhibition of photographs": (
        "Pameran Foto Sungai Beliung Dibuka, 40 Gambar dari 12 Pewarta",
        [
            "Empat puluh foto karya dua belas pewarta dipamerkan di aula kantor bupati mulai Rabu pagi.",
            "Sebagian besar gambar menampilkan kehidupan di tepi sungai sebelum jembatan dibangun lima tahun lalu.",
            "Pengunjung pertama adalah rombongan murid sekolah dasar yang datang dengan perahu dari seberang.",
            "Pameran berlangsung sepuluh hari dan tidak dipungut biaya, kata ketua panitianya menutup sambutan.",
        ],
    ),
    "an exhibition named 404": (
        "Pameran “404: Halaman Tidak Ditemukan” Mengingat Situs yang Hilang",
        [
            "Seniman muda memamerkan sisa halaman dari situs berita lokal yang sudah tidak dapat dibuka lagi.",
            "Judulnya diambil dari pesan yang muncul ketika alamat tidak ditemukan, kata penggagas pameran itu.",
            "Di dinding aula tergantung cetakan halaman muka koran daring yang tutup antara 2009 dan 2019.",
            "Panitia menyediakan kotak bagi pengunjung yang ingin menuliskan berita yang mereka rindukan.",
        ],
    ),
    "a video that went round": (
        "Video Camat Bernyanyi Beredar, Inspektorat Turun Tangan",
        [
            "Video seorang camat yang bernyanyi bersama rombongan calon beredar di percakapan warga sejak Senin malam.",
            "Inspektorat memanggil camat itu pada Rabu pagi untuk menjelaskan kapan dan di mana gambar diambil.",
            "Menurut dia, acara itu pesta pernikahan kerabat dan calon datang tanpa diundang oleh tuan rumah.",
            "Panitia pengawas masih memeriksa rekaman lengkap yang diserahkan penyewa alat pengeras suara.",
        ],
    ),
    "a service that asks for log in": (
        "Pegawai Wajib Login Presensi Baru, Ratusan Gagal Masuk",
        [
            "Ratusan pegawai gagal masuk ke aplikasi presensi baru pada hari pertama pemakaiannya, Rabu pagi.",
            "Aplikasi meminta pegawai login untuk melanjutkan, tetapi kata sandi lama mereka ternyata ditolak.",
            "Kepala badan kepegawaian meminta maaf dan memperpanjang presensi kertas sampai akhir pekan.",
            "Tidak ada potongan tunjangan bagi pegawai yang terlambat karena gangguan itu, katanya menegaskan.",
        ],
    ),
    "paid news": (
        "Koran Lokal Mulai Berbayar, Pembaca Diminta Berlangganan",
        [
            "Satu-satunya koran daring di kabupaten ini mulai meminta pembaca berlangganan untuk membaca laporan khusus.",
            "Pemimpin redaksinya mengatakan pendapatan iklan turun sepertiga sejak awal tahun ini.",
            "Artikel premium akan dibuka gratis setelah tujuh hari agar warga tetap memperoleh kabar penting.",
            "Dinas komunikasi berencana membelikan langganan bagi perpustakaan desa di semua kecamatan.",
        ],
    ),
}


CASES = [(kind, number) for kind, made in NOT_ARTICLES.items() for number in range(len(made))]


@pytest.mark.parametrize(("kind", "number"), CASES)
def test_what_is_no_article_is_named(kind: str, number: int) -> None:
    html, path = NOT_ARTICLES[kind][number]
    assert read(html, f"{SITE}{path}") == Rejection("not_an_article", kind)


def test_every_kind_has_three_pages() -> None:
    assert min(len(made) for made in NOT_ARTICLES.values()) >= 3


@pytest.mark.parametrize("about", ABOUT)
@pytest.mark.parametrize("head", ["", DECLARED])
def test_reporting_about_such_things_is_an_article(about: str, head: str) -> None:
    title, texts = ABOUT[about]
    found = read(page(paragraphs(*texts), title=title, head=head), f"{SITE}/berita/1203/laporan")
    assert isinstance(found, Article), found
    assert found.body == "\n\n".join(texts)


def test_a_free_lead_above_a_wall_is_no_article_and_a_whole_article_marked_as_paid_is() -> None:
    paid = DECLARED + (
        '<script type="application/ld+json">{"@type": "NewsArticle", "headline": "Camat", "isAccessibleForFree": false}</script>'
    )
    wall = '<div class="paywall"><p>Berlangganan untuk melanjutkan membaca.</p></div>'
    stub = page(paragraphs(LEAD, SECOND) + wall, head=paid)
    assert read(stub, f"{SITE}/berita/9/x") == Rejection("not_an_article", "paywall")
    whole = read(page(paragraphs(LEAD, SECOND, THIRD, *ABOUT["paid news"][1]) + wall, head=paid), f"{SITE}/berita/9/x")
    assert isinstance(whole, Article)


# ---- what is no article


def stub(title: str, text: str) -> str:
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>"


@pytest.mark.parametrize(
    ("html", "url", "kind"),
    [
        (stub("Halaman tidak ditemukan", "Maaf, halaman yang Anda cari tidak ada."), URL, "soft_404"),
        (stub("404", "Ups! Berita ini sudah dihapus."), URL, "soft_404"),
        (stub("Kabar Beliung", "Maaf, artikel yang Anda cari tidak ditemukan."), URL, "soft_404"),
        (stub("Just a moment...", "Checking your browser before accessing this site."), URL, "blocked"),
        (stub("Attention Required! | Cloudflare", "Sorry, you have been blocked."), URL, "blocked"),
        (stub("Internet Positif", "Situs ini tidak dapat diakses sesuai peraturan."), URL, "blocked"),
        (stub("Camat Dipanggil", "Silakan login untuk membaca artikel ini selengkapnya."), URL, "login"),
        (stub("Rapat Camat dalam Gambar", "Rapat itu berlangsung tertib."), "https://x.example/foto/12/rapat", "photo"),
        (stub("Video Rapat Camat", "Tonton rekaman rapat itu."), "https://x.example/video/12/rapat", "video"),
        (page("", title="Indeks Berita"), "https://x.example/indeks", "listing"),
        ("<rss><channel><item><title>x</title></item></channel></rss>", "https://x.example/rss", "listing"),
        ('<?xml version="1.0"?><urlset><url/></urlset>', "https://x.example/s.xml", "listing"),
        ("", URL, "empty"),
        ("<html></html>", URL, "empty"),
        ("<p>.</p>", URL, "empty"),
    ],
)
def test_a_page_that_is_no_article_is_named(html: str, url: str, kind: str) -> None:
    assert clean_page(html, url).kind == kind


def test_a_gambling_page_in_news_dress_is_named_and_news_about_gambling_is_not() -> None:
    spam = (
        "Situs slot gacor dengan bonus new member dan link alternatif terpercaya, rtp live tertinggi hari ini, gampang menang. "
        "Mahjong ways dan scatter hitam menunggu, deposit pulsa tanpa potongan, maxwin setiap hari, daftar sekarang juga."
    )
    assert clean_page(stub("Slot Gacor Hari Ini RTP Live", f"{spam}</p><p>{spam}"), URL).kind == "gambling"
    news = [
        "Polisi menangkap tiga orang yang mengelola situs judi slot di sebuah rumah kontrakan di Muara Beliung, Rabu malam.",
        "Dua di antaranya pegawai honorer kantor camat, dan inspektorat sedang memeriksa apakah mereka memakai jaringan kantor.",
        "Kepala dinas mengatakan pegawai yang terbukti berjudi akan dikenai hukuman disiplin sesuai peraturan pemerintah.",
    ]
    assert (
        clean_page(page(paragraphs(*news), title="Pegawai Honorer Ditangkap Mengelola Judi Slot"), URL).kind
        == "article"
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "Berkas yang dicari tidak ditemukan di kantor camat, kata penyidik, sehingga pemeriksaan ditunda sampai Senin depan.",
        "Akses ditolak, kata petugas, ketika wartawan hendak masuk ke ruang sidang panitia pengawas pada Rabu pagi itu.",
        "Peserta diminta login untuk mengisi daftar hadir, dan pegawai yang tidak masuk akan diberi teguran tertulis.",
    ],
)
def test_words_of_a_notice_do_not_condemn_an_article(sentence: str) -> None:
    assert clean_page(page(paragraphs(LEAD, sentence, SECOND, THIRD, FOURTH)), URL).kind == "article"


def test_a_short_article_on_a_page_full_of_links_is_an_article() -> None:
    many = "".join(f'<p><a href="/b/{i}">{OTHER_STORIES[i % 5]} bagian {i}</a></p>' for i in range(40))
    assert clean_page(page(paragraphs(LEAD, SECOND), below=f"<div>{many}</div>"), URL).kind == "article"


@pytest.mark.parametrize(
    "path",
    [
        "/kanal/politik/2024/camat-dipanggil-bawaslu",
        "/?p=31228",
        "/tag-asn/camat-dipanggil",
        "/page/camat-dipanggil-bawaslu-soal-foto",
    ],
)
def test_an_address_alone_makes_no_listing(path: str) -> None:
    assert clean_page(page(paragraphs(*PARAGRAPHS)), f"https://www.kabarbeliung.example{path}").kind == "article"


def test_a_page_of_teasers_is_a_listing() -> None:
    teasers = "".join(
        f'<div class="item"><h3><a href="/berita/{i}/x">{t} bagian {i}</a></h3><p>{t} menjadi perhatian warga dan pejabat.</p></div>'
        for i, t in enumerate(OTHER_STORIES * 4)
    )
    for path in ("/tag/netralitas-asn", "/politik", "/", "/indeks"):
        assert (
            clean_page(page(teasers, title="Politik", above=""), f"https://www.kabarbeliung.example{path}").kind
            == "listing"
        )
