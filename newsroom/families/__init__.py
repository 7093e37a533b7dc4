"""The CMS families: how each builds a page and lists its articles. One module a family, named in `FAMILIES`."""

from newsroom.families.antara import Antara
from newsroom.families.base import Family
from newsroom.families.blogger import Blogger
from newsroom.families.disway import Disway
from newsroom.families.idn import Idn
from newsroom.families.jnews import Jnews
from newsroom.families.rmol import Rmol
from newsroom.families.tribun import Tribun
from newsroom.families.wordpress import Wordpress

FAMILIES: dict[str, Family] = {
    family.kind: family for family in (Disway(), Idn(), Rmol(), Blogger(), Wordpress(), Tribun(), Antara(), Jnews())
}
