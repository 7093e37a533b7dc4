"""The web page: a Datasette plugin over a read-only connection. Writes nothing but the copy that `--public` serves.

    serving.py     a Datasette with our plugin, the guard in front of it, a socket
    plugin.py      what Datasette calls: our routes, the connection's authorizer, errors
    pages.py       one function a page: filters and rows in, a template's words out
    filters.py     the address: region, category, period, outlet, text
    queries.py     all SQL that reads for the pages
    publishing.py  the copy without recipients, rules and errors
    telling.py     the sentence with its hit, what articles say differently, edits as a diff
    drawing.py     map and timeline as shapes for SVG
    trying.py      a rule over what is stored
    formats.py     the same rows as Atom, CSV, JSON
    words.py       Indonesian and English

Imports of ours: what reads, labels and matches in `pipelines`, and the error tree; nothing else of the crawler (tests/test_layers.py).
"""
