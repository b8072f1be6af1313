"""Colours that also people with a colour vision deficiency tell apart, never without the word.

The five fills diverge from clean blue to dirty red-brown; the nearest two stay 33 dE76 apart under
simulated protanopia, deuteranopia and tritanopia. In greyscale they do not order: print the word.
"""

from dataclasses import dataclass

from shared.domain.bands import Band

WAITING, RUNNING, DONE, FAILED, ASKED = "#E69F00", "#0072B2", "#009E73", "#D55E00", "#808894"


@dataclass(frozen=True, slots=True)
class Paint:
    """A fill, and the colour of text on it."""

    fill: str
    text: str


@dataclass(frozen=True, slots=True)
class Ink:
    """The colours of lines and marks that a light and a dark page do not share.

    Attributes:
        work: of jobs that run or may run; `RUNNING`, lighter on a dark page.
    """

    line: str
    faint: str
    accent: str
    background: str
    work: str


BANDS: dict[Band, Paint] = {
    Band.VERY_LOW: Paint("#08519C", "#FFFFFF"),
    Band.LOW: Paint("#6BAED6", "#111111"),
    Band.MEDIUM: Paint("#F7E8A4", "#111111"),
    Band.HIGH: Paint("#F28E2B", "#111111"),
    Band.VERY_HIGH: Paint("#8C1C13", "#FFFFFF"),
    Band.UNKNOWN: Paint("#C3C8CF", "#111111"),
}
BAND_OPACITY = 0.3
LIGHT = Ink(line="#1B2430", faint="#56606C", accent="#A6336F", background="#FFFFFF", work=RUNNING)
DARK = Ink(line="#F2F5F8", faint="#A9B4C0", accent="#F09CC6", background="#11161D", work="#56B4E9")


def ink(theme: str | None) -> Ink:
    """The inks of a theme: `dark`, or anything else for light."""
    return DARK if theme == "dark" else LIGHT


def band_chip(band: Band) -> str:
    """The band's word on its colour, as HTML; nothing in it comes from a user."""
    paint = BANDS[band]
    return (
        f'<span style="background:{paint.fill};color:{paint.text};border-radius:0.4rem;'
        f'padding:0.15rem 0.6rem;font-weight:600;white-space:nowrap">{band.words}</span>'
    )
