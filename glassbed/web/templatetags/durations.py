"""Durations and lengths as a person says them."""

from django import template
from django.utils.formats import localize
from django.utils.translation import gettext as _

register = template.Library()
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
ROUND_FROM_M = 10


@register.filter
def duration(seconds: float | None) -> str:
    """Return "3 h 16 min", and a dash where it is not known."""
    if seconds is None:
        return "–"
    if seconds < MINUTE_S:
        return _("%(s)d s") % {"s": seconds}
    if seconds < HOUR_S:
        return _("%(min)d min") % {"min": seconds // MINUTE_S}
    if seconds < DAY_S:
        return _("%(h)d h %(min)d min") % {"h": seconds // HOUR_S, "min": seconds % HOUR_S // MINUTE_S}
    return _("%(d)d d %(h)d h") % {"d": seconds // DAY_S, "h": seconds % DAY_S // HOUR_S}


@register.filter
def metres(millimetres: float | None) -> str:
    """Return "8.42 m", and a dash where it is not known."""
    return "–" if millimetres is None else _("%(m).2f m") % {"m": millimetres / 1000}


@register.filter
def hours(seconds: float | None) -> str:
    """Return "41.5", in the language's own digits, for a figure with its unit beside it."""
    return localize(round((seconds or 0) / HOUR_S, 1))


@register.filter
def whole_metres(millimetres: float | None) -> str:
    """Return "128" for a figure; below ten metres with one decimal."""
    metres_ = (millimetres or 0) / 1000
    return localize(round(metres_) if metres_ >= ROUND_FROM_M else round(metres_, 1))
