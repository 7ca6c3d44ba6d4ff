"""What every model of a dossier shares: no unknown field, no NaN, and the kinds of value that recur."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Said = Annotated[str, Field(min_length=1, pattern=r"\S")]
Fraction01 = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Interval = tuple[float, float]


class Facts(BaseModel):
    """Base of all models: unknown fields, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
