"""Does the garbage collector leave alone what stays for good, once?"""

from __future__ import annotations

import gc

import pytest

from service.pauses import Settled


def test_what_is_there_once_the_service_is_warm_is_no_longer_looked_through(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Settled, "_done", False)
    before = gc.get_freeze_count()
    kept = [[n] for n in range(1_000)]
    try:
        Settled.settle()
        frozen = gc.get_freeze_count()
        assert frozen >= before + len(kept)
        later = [[n] for n in range(1_000)]
        Settled.settle()
        assert gc.get_freeze_count() <= frozen, "what comes later is looked at"
        assert len(later) == len(kept)
    finally:
        gc.unfreeze()
