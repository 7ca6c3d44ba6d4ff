"""What every model of a dossier shares: no unknown field, no NaN, and the kinds of value that recur."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from linernotes.errors import InputError

Said = Annotated[str, Field(min_length=1, pattern=r"\S")]
Fraction01 = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Interval = tuple[float, float]


class Facts(BaseModel):
    """Base of all models: unknown fields, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def checked_by(model: type[Facts], facts: Mapping[str, Any], what: str, needs: str) -> dict[str, Any]:
    """Return *facts* as plain JSON values, after checking every field.

    Parameters
    ----------
    model : type of Facts
        What is expected.
    facts : mapping
        What there is.
    what, needs : str
        Name of the document, and what each of its figures has to carry; for the message.

    Raises
    ------
    InputError
        Naming the first field that is missing, unknown or out of range.

    Examples
    --------
    >>> class Chance(Facts):
    ...     probability: Fraction01
    >>> checked_by(Chance, {"probability": 2.0}, "page", "its words")
    Traceback (most recent call last):
        ...
    linernotes.errors.InputError: page field 'probability': Input should be less than or equal to 1, got '2.0'; every \
figure needs its words
    """
    try:
        return model.model_validate(facts).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or what.split()[-1]
        raise InputError(
            f"{what} field '{place}': {first['msg']}, got {str(first.get('input'))[:80]!r}; every figure needs {needs}"
        ) from error
