"""What an amount of CO2 is comparable to: every factor with its source and date, in this one file.

Trees are left out on purpose: the widely quoted 60 kg is what a seedling takes up in ten years,
and is usually told as if it were one.
"""

from dataclasses import dataclass

EPA = "US EPA, Greenhouse Gas Equivalencies Calculator, Calculations and References"
EPA_DATE = "as of August 2026"
KM_PER_MILE = 1.609344
CAR_G_PER_KM = 393.0 / KM_PER_MILE
"""An average US petrol car, 393 g CO2e per mile; the conversion to kilometres is ours."""
PHONE_G_PER_CHARGE = 12.4


@dataclass(frozen=True, slots=True)
class Equivalent:
    """An amount of something that causes as much CO2.

    Attributes:
        amount: how much of it.
        words: what it is, to be read after the amount.
        source: where the factor comes from, and of when it is.
    """

    amount: float
    words: str
    source: str


def equivalents(grams: float) -> tuple[Equivalent, ...]:
    """What some grams of CO2 are comparable to."""
    return (
        Equivalent(
            grams / CAR_G_PER_KM,
            "km in an average US petrol car",
            f"{CAR_G_PER_KM:.0f} g CO\u2082e per km (393 g per mile). {EPA}, {EPA_DATE}.",
        ),
        Equivalent(
            grams / PHONE_G_PER_CHARGE,
            "charges of a smartphone",
            f"{PHONE_G_PER_CHARGE} g CO\u2082 per charge on the US grid. {EPA}, {EPA_DATE}.",
        ),
    )
