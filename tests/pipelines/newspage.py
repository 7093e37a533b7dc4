"""A news page around a body of our own: menus, ticker, sidebar that speaks of the same subject, comments, footer."""

from __future__ import annotations

TITLE = "Camat Muara Beliung Dipanggil Bawaslu soal Foto Bersama Calon"
URL = "https://www.kabarbeliung.example/berita/1203/camat-muara-beliung-dipanggil-bawaslu"

LEAD = "MUARA BELIUNG, KABARBELIUNG – Badan Pengawas Pemilu memanggil seorang camat karena fotonya bersama calon bupati beredar."
SECOND = "Camat itu datang pukul sembilan pagi dan diperiksa selama tiga jam di ruang sidang lantai dua, kata ketua panitia pengawas."
THIRD = "“Kami menanyakan kapan foto dibuat, siapa yang mengundang, dan apakah ia memakai seragam dinas,” ujarnya kepada wartawan."
FOURTH = "Hasil pemeriksaan akan dikirim ke pemerintah kabupaten paling lambat pekan depan, menurut jadwal yang dibacakan panitia."
PARAGRAPHS = (LEAD, SECOND, THIRD, FOURTH)

MENU = "".join(f'<li><a href="/rubrik/{n}">{n}</a></li>' for n in ("Beranda", "Daerah", "Politik", "Olahraga", "Hukum"))
OTHER_STORIES = (
    "Bupati Ingatkan Pegawai Tidak Ikut Kampanye di Alun-Alun",
    "Sepuluh Kepala Desa Menandatangani Ikrar Netralitas di Balai Kota",
    "Harga Cabai di Pasar Beliung Naik Menjelang Akhir Tahun",
    "Jembatan Gantung Desa Sungai Rotan Selesai Diperbaiki",
    "Pegawai Honorer Diminta Tidak Menyukai Unggahan Calon",
)


def sidebar() -> str:
    """Headlines and teasers of other stories, some of them on our subject."""
    items = "".join(
        f'<li><a href="/berita/{1300 + i}/lain">{t}</a><p>{t} menjadi perhatian warga pekan ini dan dibahas di kantor bupati.</p></li>'
        for i, t in enumerate(OTHER_STORIES)
    )
    return f'<aside class="widget sidebar"><h3>Terpopuler</h3><ul>{items}</ul></aside>'


def page(
    body: str,
    *,
    title: str = TITLE,
    head: str = "",
    above: str = '<div class="tanggal">Rabu, 13 November 2024 | 08:04 WIB</div>',
    below: str = "",
    body_class: str = "isi-artikel",
) -> str:
    """Return a whole page of about 20 kB with `body` as its article."""
    script = "<script>var pegawai = 'netralitas ASN '; " + "x = 1;" * 500 + "</script>"
    more = "".join(f'<h4><a href="/berita/{1400 + i}/x">{t}</a></h4>' for i, t in enumerate(OTHER_STORIES))
    return f"""<!DOCTYPE html><html lang="id"><head><meta charset="utf-8"><title>{title} - Kabar Beliung</title>
<meta property="og:site_name" content="Kabar Beliung">{head}<style>p {{color: red}}</style></head><body class="single">
<header><nav><ul>{MENU}</ul></nav><div class="newsticker"><span>Terkini</span> <a href="/berita/1/a">{OTHER_STORIES[0]}</a></div></header>
<div class="wrap"><div class="kolom-utama"><ul class="breadcrumb"><li><a href="/">Beranda</a></li><li>Politik</li></ul>
<h1 class="judul">{title}</h1>{above}<div class="bagikan share-box"><a>Facebook</a> <a>WhatsApp</a> <a>Salin Tautan</a></div>
<div class="{body_class}">{body}</div>{below}
<div class="berita-terkait"><h3>Berita Terkait</h3>{more}</div>
<div id="komentar" class="comments"><h3>Komentar</h3><p>Pembaca satu menulis bahwa camat seharusnya tidak hadir sama sekali di sana.</p></div>
</div>{sidebar()}</div>{script}<footer><p>Hak Cipta © 2024 Kabar Beliung. Pedoman media siber dan alamat redaksi ada di sini.</p></footer></body></html>"""


def paragraphs(*texts: str) -> str:
    """Return the texts as <p> elements."""
    return "".join(f"<p>{text}</p>" for text in texts)
