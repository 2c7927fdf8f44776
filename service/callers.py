"""Who asks? A program by its key, or a person who has signed in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who makes a call, as the service knows it: never a secret, never an e-mail address.

    `name` is what logs and audits call it: the name of a key, or a person's id. `person_id` and `role`
    (seller, manager, admin) are those of a person who has signed in, None for a program. `team_id`: the team
    to which a key is limited, None: the key is not limited to one.
    """

    name: str
    rights: tuple[str, ...]
    person_id: str | None = None
    role: str | None = None
    team_id: str | None = None
