from __future__ import annotations

from pipelines.dedupe import sign
from pipelines.stories import Candidate, decide_story
from tests.pipelines.conftest import BODY

OWN = bytes.fromhex(sign(BODY))
EDITED = bytes.fromhex(sign(BODY.replace("Alinea ke-3", "Sementara itu alinea ketiga")))
OTHER = bytes.fromhex(sign(" ".join(f"lain{n} cerita{n}" for n in range(100))))


def test_without_candidates_it_is_a_new_story() -> None:
    assert decide_story(OWN, []) is None


def test_a_copy_joins_and_an_unrelated_text_does_not() -> None:
    assert decide_story(OWN, [Candidate(4, OTHER), Candidate(7, EDITED)]) == 7
    assert decide_story(OWN, [Candidate(4, OTHER)]) is None


def test_the_most_similar_wins_and_the_older_story_on_a_tie() -> None:
    assert decide_story(OWN, [Candidate(3, EDITED), Candidate(9, OWN)]) == 9
    assert decide_story(OWN, [Candidate(9, OWN), Candidate(3, OWN)]) == 3
