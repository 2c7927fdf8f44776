"""Which work is done beside the service: queued in the store, done by processes of its own, once?"""

from __future__ import annotations

from service.jobs.queue import JobQueue

__all__ = ["JobQueue"]
