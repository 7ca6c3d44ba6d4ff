"""Money as whole minor units of one currency: cents, pence, yen. Never a binary fraction.

Conventions
-----------
``amount_minor`` is an integer; how many digits of it lie behind the point is ISO 4217's exponent of the
currency. Text uses a point, no thousands separators: ``1000.00EUR``, ``EUR 1000.00``, ``1000 JPY``.

References
----------
ISO 4217:2015, list one.

Known limits
------------
The table holds currencies in wide use, not all of ISO 4217. One statement has one currency; nothing
here converts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from linernotes.errors import InputError

NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
TWO_DECIMALS = (
    "AED ALL AMD ARS AUD AZN BAM BDT BGN BOB BRL CAD CHF CNY COP CRC CZK DKK DOP DZD EGP ETB EUR GBP GEL "
    "GHS GTQ HKD HNL HUF IDR ILS INR JMD KES KZT LKR MAD MDL MKD MXN MYR NGN NIO NOK NPR NZD PAB PEN PHP "
    "PKR PLN QAR RON RSD SAR SEK SGD THB TRY TTD TWD TZS UAH USD UYU UZS ZAR ZMW"
)
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
EXPONENTS: dict[str, int] = {
    code: exponent
    for exponent, codes in ((0, NO_DECIMALS), (2, TWO_DECIMALS), (3, THREE_DECIMALS))
    for code in codes.split()
}
MAX_MINOR = 2**53 - 1  # the largest whole number that every JSON reader keeps exact (RFC 8785)
_AMOUNT = r"(?P<amount>-?[0-9]{1,20}(?:\.[0-9]{1,20})?)"
_FORMS = (
    re.compile(_AMOUNT + r" ?(?P<currency>[A-Z]{3})"),
    re.compile(r"(?P<currency>[A-Z]{3}) ?" + _AMOUNT),
)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency.

    Parameters
    ----------
    amount_minor : int
        Minor units; at most 2**53 - 1.
    currency : str
        ISO 4217 code.

    Raises
    ------
    InputError
        If the amount is not a whole number in range or the currency is not in the table.

    Examples
    --------
    >>> str(Money(100000, "EUR")), str(Money(5, "KWD")), str(Money(700, "JPY"))
    ('1000.00 EUR', '0.005 KWD', '700 JPY')
    """

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in EXPONENTS:
            raise InputError(
                f"currency {self.currency!r}: not known here; expected one of {', '.join(sorted(EXPONENTS))}"
            )
        if type(self.amount_minor) is not int or abs(self.amount_minor) > MAX_MINOR:
            raise InputError(f"amount {self.amount_minor!r}: expected whole minor units up to {MAX_MINOR}")

    @property
    def decimal(self) -> str:
        """The amount in major units, with exactly the digits that the currency has."""
        exponent = EXPONENTS[self.currency]
        digits = f"{abs(self.amount_minor):0{exponent + 1}d}"
        sign = "-" if self.amount_minor < 0 else ""
        return sign + (f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits)

    def __str__(self) -> str:
        return f"{self.decimal} {self.currency}"


def parse_money(text: str) -> Money:
    """Read an amount such as ``1000.00EUR`` or ``EUR 1000.00``.

    Raises
    ------
    InputError
        If the text has another form, the currency is unknown, or there are more decimals than it has.

    Examples
    --------
    >>> parse_money("1000.00EUR")
    Money(amount_minor=100000, currency='EUR')
    >>> parse_money("JPY 1000").amount_minor
    1000
    """
    match = next((found for form in _FORMS if (found := form.fullmatch(text.strip()))), None)
    if match is None:
        raise InputError(f"amount {text!r}: expected a number and a currency code, such as 1000.00EUR")
    return Money(to_minor(Fraction(Decimal(match["amount"])), match["currency"], text), match["currency"])


def to_minor(amount: Fraction, currency: str, as_written: str = "") -> int:
    """Return *amount*, in major units, as whole minor units.

    Raises
    ------
    InputError
        If the currency is unknown or *amount* is not a whole number of its minor units.
    """
    exponent = EXPONENTS[Money(0, currency).currency]
    minor: Fraction = amount * 10**exponent
    if minor.denominator != 1:
        raise InputError(
            f"amount {as_written or amount!s}: {currency} has {exponent} decimals, expected no more"
        )
    return int(minor)
