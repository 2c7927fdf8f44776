"""What do channels of alerts look like, and who is told nothing of what?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from service.alerts.forms import FORMS
from service.alerts.kinds import KINDS
from service.schemas.base import AnswerWarning, ModelInfo

Form = Literal["mail", "webhook", "slack", "teams", "chatwork"]
assert set(Form.__args__) == set(FORMS)  # type: ignore[attr-defined]  # noqa: S101 - one list, said twice


class _Answer(BaseModel):
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]


class ChannelRequest(BaseModel):
    """Where alerts are to go, and about whom: a person, or a scope."""

    model_config = ConfigDict(extra="forbid")

    form: Form
    address: str | None = Field(
        None,
        max_length=2_000,
        description="An e-mail address, the webhook's URL, or the number of a Chatwork room; a person's mail "
        "goes to the address in the table of people",
        examples=["https://hooks.slack.com/services/T000/B000/XXXX"],
    )
    person_id: str | None = Field(
        None,
        max_length=500,
        description="Who reads it: told about what that person may see (company, the team led, own deals)",
    )
    scope: str | None = Field(None, max_length=500, examples=["team:T01"])
    kinds: list[str] = Field(
        default_factory=list, max_length=20, description=f"Of {', '.join(KINDS)}; none = all of them"
    )
    language: Literal["ja", "en"] | None = Field(None, description="Default: the installation's")
    token: str | None = Field(None, max_length=200, description="API token, for Chatwork")


class ChannelState(BaseModel):
    """A channel; what is secret of its address is not shown."""

    channel_id: str = Field(examples=["al_3f9c2a1b7d5e6f80"])
    form: Form
    address: str = Field(examples=["https://hooks.slack.com/…"])
    person_id: str | None
    scope: str | None
    kinds: list[str]
    language: str | None
    requested_by: str | None = Field(description="Name of the key that asked for it")
    created_at: str
    sent: int = Field(description="Alerts that have arrived")
    waiting: int = Field(description="Alerts that are still to be sent")
    given_up: int = Field(description="Alerts that did not get through")
    unsure: int = Field(description="Alerts that may have arrived: they are not sent again")


class NewChannel(_Answer, ChannelState):
    """A new channel; `secret` proves to the receiver of a webhook who calls, and is shown only now."""

    secret: str | None = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class AlertKind(BaseModel):
    """A kind of alert, and what it says."""

    kind: str
    label: str


class Mute(BaseModel):
    """Who is told nothing of a kind; null: of any."""

    who: str
    kind: str | None


class ChannelList(_Answer):
    """All channels, who is muted, and which kinds of alert there are."""

    channels: list[ChannelState]
    mutes: list[Mute]
    kinds: list[AlertKind]


class ChannelTold(_Answer):
    """A channel that was removed, or is tried out."""

    channel_id: str


class MuteRequest(BaseModel):
    """Who (a person's id, or a channel's) is told nothing more, or again."""

    model_config = ConfigDict(extra="forbid")

    who: str = Field(min_length=1, max_length=500)
    kinds: list[str] = Field(default_factory=list, max_length=20, description="None = any")
    muted: StrictBool = True


class Muted(_Answer):
    """Of which kinds somebody is told nothing; null: of any."""

    who: str
    muted: list[str | None]
