"""What does a page send to sign somebody in, and what is it told of who is signed in?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

_PASSWORD = 256  # letters; the check of new ones says so in its own words
_Way = Literal["password", "link", "oidc"]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignInRequest(_Sent):
    """An e-mail address of `people`, and its password."""

    email: str = Field(min_length=1, max_length=320, examples=["anna.sato@example.com"])
    password: str = Field(min_length=1, max_length=_PASSWORD, examples=["four words in a row"], repr=False)


class LinkRequest(_Sent):
    """What a one-time link holds, and a password to set by it, or none to sign in this once."""

    link: str = Field(
        min_length=1,
        max_length=200,
        examples=["k3f9c2a1b7d5e6f80-Xq0ZJmM0u7l1i0oXyZ4dQ5e6f8"],
        repr=False,
    )
    new_password: str | None = Field(None, max_length=1_000, examples=["four words in a row"], repr=False)


class PasswordRequest(_Sent):
    """The present password, and the one to have from now on."""

    current_password: str = Field(min_length=1, max_length=_PASSWORD, repr=False)
    new_password: str = Field(max_length=1_000, examples=["four other words in a row"], repr=False)


class SessionState(BaseModel):
    """How somebody has signed in, and until when that lasts."""

    way: _Way
    created_at: str = Field(examples=["2026-11-20T09:00:00+09:00"])
    ends_at: str = Field(
        description="In any case; earlier where it is not used", examples=["2026-11-20T21:00:00+09:00"]
    )
    idle_minutes: float = Field(description="Minutes without a call after which it ends", examples=[120])


class Me(BaseModel):
    """Who makes the call, and what he may do."""

    kind: Literal["person", "key"] = Field(description="A person, also by a key of his; or a program's key")
    name: str = Field(description="Of the person or the key", examples=["佐藤 杏奈"])
    person_id: str | None = Field(examples=["P-12"])
    role: Literal["seller", "manager", "admin"] | None = Field(examples=["manager"])
    team_id: str | None = Field(examples=["T-3"])
    leads_team_id: str | None = Field(description="The team led, with all teams below", examples=["T-3"])
    rights: list[str] = Field(examples=[["score", "read", "recommend"]])
    csrf_token: str | None = Field(
        description="Send it as X-CSRF-Token with every call of this session that is not a GET; null where "
        "the call was made by a key or a token"
    )
    session: SessionState | None


class SignInWays(BaseModel):
    """How somebody can sign in here."""

    password: bool
    link: bool
    oidc: bool = Field(description="By GET /auth/oidc/start")


class SignedOut(BaseModel):
    """The session is over."""

    signed_out: bool


class ChangedPassword(BaseModel):
    """The new password holds; other sessions of the person are over."""

    person_id: str
