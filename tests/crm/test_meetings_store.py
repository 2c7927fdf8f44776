"""Do notes, agreements and calls stay as they were saved, whoever saves at once, in both databases?"""

from __future__ import annotations

from dataclasses import replace

from crm.store import Store, StoredAgreement, StoredCall, StoredNotes

NOTES = StoredNotes(notes='{"decisions": "同行する"}', saved_at=1, saved_by="P1")
AGREED = StoredAgreement(
    agreement_id="a1",
    person_id="P1",
    what="訪問する",
    due="2026-12-04",
    scope="team:T1",
    meeting="2026-W48",
    made_at=5,
    made_by="P0",
)
CALL = StoredCall(
    call_id="c1",
    scope="company",
    period="2026-10-01..2026-12-31",
    amount=2e8,
    confidence="medium",
    made_at=5,
    made_by="P0",
    p10=1e8,
    p50=1.9e8,
    p90=3e8,
    model_version="1",
)


def test_notes_are_saved_in_the_place_of_the_version_that_was_read_alone(store: Store) -> None:
    kept = store.meetings
    assert kept.review("company", "2026-W48") is None
    assert kept.save_review("company", "2026-W48", NOTES, 0)
    assert not kept.save_review("company", "2026-W48", replace(NOTES, notes="{}"), 0)
    assert kept.review("company", "2026-W48") == replace(NOTES, version=1)
    assert kept.save_review("company", "2026-W48", replace(NOTES, notes="{}"), 1)
    assert kept.review("company", "2026-W48") == replace(NOTES, notes="{}", version=2)
    assert kept.review("company", "2026-W47") is None


def test_the_days_of_one_on_ones_are_those_of_notes_and_of_agreements(store: Store) -> None:
    kept = store.meetings
    assert kept.save_one_on_one("P1", "2026-11-20", NOTES, 0)
    kept.add_agreement(replace(AGREED, scope="person:P1", meeting="2026-11-27"))
    kept.add_agreement(replace(AGREED, agreement_id="a2", scope="person:P1"))
    kept.add_agreement(replace(AGREED, agreement_id="a3", scope="person:P2", meeting="2026-11-28"))
    assert kept.one_on_one_days("P1") == ["2026-11-27", "2026-11-20"]
    assert kept.one_on_one("P1", "2026-11-20") == replace(NOTES, version=1)


def test_an_agreement_is_added_once_and_changed_from_the_version_that_was_read(store: Store) -> None:
    kept = store.meetings
    assert kept.add_agreement(AGREED) == AGREED
    assert kept.add_agreement(replace(AGREED, what="別のこと")) == AGREED
    done = replace(AGREED, result="done", result_at=9, result_by="P0", version=2)
    assert kept.change_agreement(done)
    assert not kept.change_agreement(replace(done, result="not_done"))
    assert kept.agreement("a1") == done
    assert kept.agreements(scope="team:T1") == kept.agreements(person_id="P1") == kept.agreements() == [done]
    assert kept.agreements(scope="team:T2") == []


def test_calls_stay_as_they_were_made_and_the_same_said_again_is_no_other_one(store: Store) -> None:
    kept = store.meetings
    assert kept.add_call(CALL) == CALL
    assert kept.add_call(replace(CALL, call_id="c2", made_at=6)) == CALL
    higher = replace(CALL, call_id="c3", amount=2.1e8, made_at=7)
    assert kept.add_call(higher) == higher
    assert kept.add_call(replace(CALL, call_id="c3", made_at=8)) == higher
    back = replace(CALL, call_id="c4", made_at=9)
    assert kept.add_call(back) == back, "a call that goes back is one of its own"
    assert kept.calls("company", CALL.period) == [CALL, higher, back]
    assert kept.calls("team:T1", CALL.period) == []
