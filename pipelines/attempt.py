"""What an attempt to deliver came to: the word that senders and relay share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an attempt came to. `error` is for people and holds no secret; `wait_s` is what the receiver asked for."""

    result: Literal["sent", "retry", "final"]
    error: str = ""
    wait_s: float | None = None
