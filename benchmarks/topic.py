"""What those that pantau is measured against go by, and where they put what they keep; imports nothing but the standard library."""

from __future__ import annotations

import re

TOPIC = (
    re.compile(r"\b(ASN|PNS|PPPK|aparatur sipil negara|pegawai negeri)\b", re.I),
    re.compile(r"netral|politik praktis|keberpihakan", re.I),
)
TABLE = "CREATE TABLE articles (url TEXT PRIMARY KEY, title TEXT, author TEXT, date TEXT, body TEXT)"
