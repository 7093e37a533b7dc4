"""WebSub (https://www.w3.org/TR/websub/): hubs tell us when a feed has changed, so that its source is polled at once.

    poll ─► PollReport.hubs ─► subscriber ─► hub      "call https://…/websub/TOKEN when TOPIC changes", by POST, through the guard
    hub ─► callback (HTTP) ─► subscriber              "did you ask for that?": only what we asked for is confirmed; leases are renewed
    hub ─► callback (HTTP) ─► pushes ─► scheduler     a signed notice makes its source due now; what it carries is thrown away

Nothing that a hub sends is stored, parsed or shown: the poll asks the outlet itself, by all its guards, so that a hub can neither forge
an article nor hide one. The worst that a hub can do is to cause polls (bounded by `pushes`) or to be silent (then the source is polled
by its rhythm, as without it). Part of the daemon alone. Imports the crawler's guard and pauses and, for SQL, the store handed in.

    callback.py    the server: HTTP, signatures, limits; knows neither sources nor hubs
    subscriber.py  what is asked of hubs and when, what is confirmed
    pushes.py      when a source of which a hub told something is polled; pure
    service.py     the three together under one configuration; what the scheduler sees
"""

from websub.service import WebSubService

__all__ = ["WebSubService"]
