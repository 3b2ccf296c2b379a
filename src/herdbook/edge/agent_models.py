"""What the agent's API says, as it stands in its OpenAPI document."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from herdbook.contracts.identifiers import Sha256, Slug


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Health(_Answer):
    """The device is up."""

    device_id: Slug
    software_version: str
    now: datetime
    """The device's clock, UTC."""
    free_bytes: Annotated[int, Field(ge=0)]
    """Space left for footage."""
    status: Literal["ok"]


class Day(_Answer):
    """The newest revision of one farm-local day."""

    day: date
    revision: Annotated[int, Field(ge=1)]
    final: bool
    """False while more may come."""
    manifest_sha256: Sha256
    acknowledged: bool


class AcknowledgementRequest(BaseModel):
    """The platform says that it has a revision, durably."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    revision: Annotated[int, Field(ge=1)]
    manifest_sha256: Sha256


class Problem(_Answer):
    """Why a request was refused."""

    detail: str
