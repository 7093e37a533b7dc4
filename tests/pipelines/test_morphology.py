import re
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from Sastrawi.Stemmer.StemmerFactory import StemmerFactory

from pipelines.morphology import LONGEST_LEFT, LONGEST_RIGHT, parse_root


def is_form(root: str, word: str) -> bool:
    parsed = parse_root(root)
    return any(
        parsed.accepts(index, word[: hit.start()], word[hit.start() + len(stem) :])
        for index, stem in enumerate(parsed.stems)
        for hit in re.finditer(f"(?={stem})", word)
    )


FORMS = {
    "netral": "netral netralitas kenetralan menetralkan dinetralkan ketidaknetralan ketidaknetralitas netralnya "
    "netralisasi menetralisir dinetralisir penetral penetralan senetral netralkah netrallah netralpun netralitasnya tidaknetral",
    "pihak": "pihak memihak pemihakan keberpihakan berpihak pihaknya sepihak ketidakberpihakan keberpihakannya",
    "langgar": "melanggar pelanggaran pelanggar dilanggar terlanggar melanggarnya pelanggarannya langgarlah",
    "sanksi": "sanksi disanksi menyanksi mensanksi sanksinya disanksikan sanksimu",
    "dukung": "mendukung dukungan pendukung didukung terdukung pendukungnyalah kudukung kaudukung mendukungnya",
    "kerja": "bekerja pekerja pekerjaan mempekerjakan dipekerjakan kerjanya",
    "rencana": "berencana merencanakan perencanaan terencana",
    "pilih": "memilih pemilih pemilihan terpilih dipilih pilihan pilihlah keterpilihan",
    "kampanye": "berkampanye mengampanyekan mengkampanyekan dikampanyekan kampanyenya pengampanye",
    "tuduh": "menuduh tuduhan penuduh dituduh tertuduh menuduhkan",
    "politik": "berpolitik politiknya memolitikkan perpolitikan",
    "henti": "berhenti diberhentikan pemberhentian memberhentikan menghentikan terhenti penghentian",
    "libat": "terlibat keterlibatan melibatkan pelibatan dilibatkan ketidakterlibatan",
    "tahu": "mengetahui diketahui pengetahuan ketahui sepengetahuan",
    "setuju": "menyetujui disetujui persetujuan menyetujuinya",
    "ajar": "belajar pelajar pelajaran mengajar pengajar pembelajaran mempelajari diajarkan",
    "ubah": "mengubah perubahan berubah diubah pengubahan",
    "laku": "melakukan berlaku memberlakukan diberlakukan pemberlakuan perlakuan",
    "sosialisasi": "menyosialisasikan mensosialisasikan disosialisasikan sosialisasinya",
    "cawe cawe": "cawe cawenya bercawe",
}
NOT_FORMS = {
    "netral": "mineral sentral netralin netron",
    "pihak": "pihaka lihak sepihaknyaan",
    "tua": "ketua ketuanya",
    "gawai": "pegawai pegawainya",
    "asn": "basnang hasnah asnawi pasni",
    "camat": "selamat cermat",
    "langgar": "langgaran1 anggar",
    "sanksi": "saksi sangsi menyaksikan",
    "dukung": "dukun kandungan",
    "uji": "puji ujit",
    "pers": "persis",
    "libat": "selibat selibatnya",
    "mutasi": "permutasi",
}


@pytest.mark.parametrize(
    ("root", "form"), [(r, f) for r, forms in FORMS.items() if " " not in r for f in forms.split()]
)
def test_every_form_of_a_root_is_accepted(root: str, form: str) -> None:
    assert is_form(root, form)


@pytest.mark.parametrize(("root", "word"), [(r, w) for r, words in NOT_FORMS.items() for w in words.split()])
def test_words_that_only_look_like_the_root_are_not(root: str, word: str) -> None:
    assert not is_form(root, word)


def test_a_doubled_root_takes_its_prefix_before_and_its_clitic_after() -> None:
    for form in ("cawe cawe", "bercawe cawe", "cawe cawenya"):
        assert is_form("cawe cawe", form)


@cache
def stem(word: str) -> str:
    return str(StemmerFactory().create_stemmer().stem(word))


# Roots of our subject that PySastrawi knows; the oracle stems whatever the rules build from them.
ROOTS = [
    "netral",
    "pihak",
    "langgar",
    "dukung",
    "pilih",
    "kerja",
    "libat",
    "tuduh",
    "sanksi",
    "lapor",
    "periksa",
    "imbau",
]
COMMON_AFFIXES = [
    *(("", suffix) for suffix in ("", "kan", "an", "nya", "annya", "lah", "kah", "ku", "mu", "kannya")),
    *(("di", suffix) for suffix in ("", "kan", "kannya")),
    *(("ter", suffix) for suffix in ("", "kan")),
    *(("{me}", suffix) for suffix in ("", "kan", "kannya")),
    *(("{pe}", suffix) for suffix in ("", "an", "annya", "nya")),
    ("ke", "an"),
    ("keter", "an"),
]
NASAL = {"p": ("mem", "pem", 1), "t": ("men", "pen", 1), "k": ("meng", "peng", 1), "s": ("meny", "peny", 1)} | {
    **dict.fromkeys("lmnrwy", ("me", "pe", 0)),
    **dict.fromkeys("dcjz", ("men", "pen", 0)),
    **dict.fromkeys("bf", ("mem", "pem", 0)),
    **dict.fromkeys("aiueogh", ("meng", "peng", 0)),
}


@pytest.mark.parametrize("root", ROOTS)
def test_what_sastrawi_stems_to_the_root_is_a_form_of_it(root: str) -> None:
    me, pe, dropped = NASAL[root[0]]
    built = {
        prefix.format(me=me, pe=pe) + (root[dropped:] if prefix.startswith("{") else root) + suffix
        for prefix, suffix in COMMON_AFFIXES
    }
    judged = [word for word in built if stem(word) == root]
    assert len(judged) >= 12  # the oracle has to have an opinion, or this shows nothing
    assert [word for word in judged if not is_form(root, word)] == []


# Roots of the dictionary that come from one of ours nevertheless; each was looked at.
KNOWN_FORMS = {"petuduh", "selurah"}


@pytest.mark.parametrize(
    "root",
    [
        *ROOTS,
        "kampanye",
        "politik",
        "mutasi",
        "misi",
        "pers",
        "camat",
        "lurah",
        "partisan",
        "pilkada",
        "pemilu",
        "joget",
    ],
)
def test_no_other_root_of_the_dictionary_is_a_form(root: str) -> None:
    stems = parse_root(root).stems
    others = {word for word in dictionary() if word != root and any(s in word for s in stems) and is_form(root, word)}
    assert {word for word in others if not word.startswith(root)} <= KNOWN_FORMS


@cache
def dictionary() -> tuple[str, ...]:
    return tuple(StemmerFactory().get_words())


@given(st.sampled_from(sorted(set(FORMS) - {"cawe cawe"})), st.text("abcdefghijklmnopqrstuvwxyz", max_size=30))
def test_forms_stay_within_the_limits_that_the_matcher_looks(root: str, junk: str) -> None:
    parsed = parse_root(root)
    for index in range(len(parsed.stems)):
        if parsed.accepts(index, junk, ""):
            assert len(junk) <= LONGEST_LEFT
        if parsed.accepts(index, "", junk):
            assert len(junk) <= LONGEST_RIGHT
