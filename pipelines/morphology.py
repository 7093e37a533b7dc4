"""Every Indonesian form of a root: which letters may stand before and after it in one word.

A form is left + stem + right. The stem is the root, or the root with its first letter turned into a nasal (pihak:
me-mihak). `Root.stems` are what to search for; `accepts` judges the word that a stem was found in. Nothing is looked
up in a dictionary: affixes, stacked affixes, nasal mutation and clitics are rules, and PySastrawi is their oracle in
tests/pipelines/test_morphology.py. Colloquial forms without a standard prefix (nyoblos, milih, netralin) are no forms.

Imports nothing of ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# Clitics after any form: possessive, then particle (netralnya, netralnyalah, sanksimu, ASNpun).
_CLITICS = tuple(whose + particle for whose in ("", "nya", "ku", "mu") for particle in ("", "lah", "kah", "pun", "tah"))

# What may follow the stem, by what stands before it.
_LOAN = ("itas", "isasi", "isme", "isir")  # netralitas, netralisasi, netralisme, netralisir
_SHORTEST_LOAN = 5  # "persis" has nothing to do with pers
_RIGHTS = {
    "bare": ("", "an", "kan", "i"),
    "loan": ("is", "isasikan", *_LOAN),
    "verb": ("", "kan", "i", "isasi", "isasikan", "isir", "isirkan"),
    "ber": ("", "an", "kan", "itas", "isasi", "isme"),
    "noun": ("", "an", "kan", "i", "isasi", "isasian", "isir", "isiran"),
    "ke": ("an", "i", "itas", "itasan"),  # ke- needs its -an: "ketua" is no form of tua
    "se": ("", "an"),
    "not": ("", "itas"),
}
_RIGHTS_WITH_CLITICS = {kind: frozenset(r + c for r in rights for c in _CLITICS) for kind, rights in _RIGHTS.items()}

# What may precede a stem whose first letter is whole. {me} and {pe} stand for the nasal prefixes that fit it.
_LEFTS = {
    "bare": ("",),
    "verb": (
        *("{me}", "di", "ter", "ku", "kau", "memper", "diper", "terper", "teper"),
        *("member", "diber", "menge", "dike", "terke", "menye", "dise", "memperse", "diperse"),
    ),
    "ber": ("ber", "ber{pe}", "berper", "berse"),
    "noun": ("{pe}", "pe", "per", "pember", "penge", "penye", "perse", "keber{pe}", "penter"),
    "ke": (
        *("ke", "keber", "keter", "kese", "ke{pe}", "keper", "berke", "berketidak", "seke", "ke{me}"),
        *("ketidak", "ketidakber", "ketidakter", "ketidak{me}", "ketidakse", "ketak", "ketakber", "ketakter"),
    ),
    "se": ("se", "se{pe}", "seper", "sepenge", "sepenye", "sepember"),
    "not": ("tidak", "tak"),  # written together by mistake: "tidaknetral"
}
# The same for a stem that carries its nasal (mihak): only the nasal prefixes can be there.
_NASAL_LEFTS = {
    "verb": ("me", "ketidakme"),
    "ber": ("berpe",),
    "noun": ("pe", "keberpe"),
    "ke": ("kepe", "ketidakme", "ketidakpe"),
    "se": ("sepe",),
}
_NASAL_OF = {"p": "m", "t": "n", "k": "ng", "s": "ny"}
_PREFIX_BY_INITIAL = {
    **dict.fromkeys("bpfv", ("mem", "pem")),
    **dict.fromkeys("dtcjzs", ("men", "pen")),
    **dict.fromkeys("lmnrwy", ("me", "pe")),
}
_BY_DEFAULT = ("meng", "peng")  # vowels, g, h, k, q, x

# ajar alone takes bel- and pel-.
_IRREGULAR = {
    "ajar": {"verb": ("bel", "mempel", "dipel", "terpel", "membel"), "noun": ("pel", "pembel"), "ber": ("berpel",)}
}
# Words that the rules would build from a root that they do not come from; found by comparing all roots of PySastrawi's
# dictionary with each other, and kept where somebody may watch for the root.
_UNRELATED = {
    "bang": frozenset({"bangku", "terbang"}),
    "bela": frozenset({"belai"}),
    "gawai": frozenset({"pegawai"}),
    "lajar": frozenset({"pelajar", "pelajaran"}),
    "lian": frozenset({"berlian"}),
    "libat": frozenset({"selibat"}),
    "matang": frozenset({"pematang"}),
    "misi": frozenset({"permisi"}),
    "mutasi": frozenset({"permutasi"}),
    "rangga": frozenset({"serangga"}),
    "rangkap": frozenset({"perangkap"}),
    "reses": frozenset({"resesi"}),
    "rintah": frozenset({"perintah"}),
}


@dataclass(frozen=True, slots=True)
class Root:
    """One root, folded to lower case. `stems` are the strings of which each of its forms contains one."""

    text: str
    stems: tuple[str, ...]
    _rights_by_left: tuple[dict[str, frozenset[str]], ...] = field(repr=False, compare=False)
    _unrelated: frozenset[str] = field(repr=False, compare=False)

    def accepts(self, stem: int, left: str, right: str) -> bool:
        """Say whether left + stems[stem] + right is a form of the root. All in lower case."""
        rights = self._rights_by_left[stem].get(left)
        if rights is None or right not in rights:
            return False
        return not self._unrelated or _strip_clitics(left + self.stems[stem] + right) not in self._unrelated


LONGEST_LEFT = max(len(left) for lefts in _LEFTS.values() for left in lefts) + 4
LONGEST_RIGHT = max(len(right) for rights in _RIGHTS_WITH_CLITICS.values() for right in rights)


def parse_root(text: str) -> Root:
    """Return the root written `text`: one word of three letters or more, or a doubled one ("cawe cawe")."""
    initial = text[0]
    stems, rights = [text], [_lefts_of_whole(text)]
    if initial in _NASAL_OF and text[1:2] not in ("", " "):
        stems.append(_NASAL_OF[initial] + text[1:])
        rights.append(_rights_by_left(_NASAL_LEFTS, "", ""))
    return Root(text, tuple(stems), tuple(rights), _UNRELATED.get(text, frozenset()))


def _lefts_of_whole(text: str) -> dict[str, frozenset[str]]:
    me, pe = _PREFIX_BY_INITIAL.get(text[0], _BY_DEFAULT)
    lefts = _rights_by_left(_LEFTS, me, pe)
    if len(text) >= _SHORTEST_LOAN:
        lefts[""] |= _RIGHTS_WITH_CLITICS["loan"]
    if text[0] == "r" or text[1:3] == "er":
        # ber-, ter- and per- lose their r before r and before a syllable in -er: berencana, bekerja, terasa.
        lefts |= {"be": _RIGHTS_WITH_CLITICS["ber"], "te": _RIGHTS_WITH_CLITICS["verb"]}
        lefts |= dict.fromkeys(("membe", "dibe", "mempe", "dipe", "tepe"), _RIGHTS_WITH_CLITICS["verb"])
        lefts |= dict.fromkeys(("kebe", "kete", "ketidakbe", "ketidakte"), _RIGHTS_WITH_CLITICS["ke"])
    return lefts | _rights_by_left(_IRREGULAR.get(text, {}), me, pe)


def _rights_by_left(table: dict[str, tuple[str, ...]], me: str, pe: str) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for kind, lefts in table.items():
        for left in lefts:
            written = left.format(me=me, pe=pe)
            found[written] = found.get(written, frozenset()) | _RIGHTS_WITH_CLITICS[kind]
    return found


def _strip_clitics(word: str) -> str:
    for clitic in sorted(_CLITICS, key=len, reverse=True):
        if clitic and word.endswith(clitic):
            return word[: -len(clitic)]
    return word
