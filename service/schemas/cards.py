"""What do a request for a card's token and its answer look like?"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class CardTokenRequest(BaseModel):
    """Which deal's card is to be shown to whom."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"deal_id": "D-1", "person_id": "P01"}]}
    )

    deal_id: str = Field(min_length=1, max_length=500)
    person_id: str | None = Field(
        None, max_length=500, description="Who will see the card; needed from a key, else who asks"
    )


class CardToken(BaseModel):
    """A token that the card sends in the header X-Sancho-Card."""

    token: str
    ends_at: str = Field(description="From when on it counts no more")
