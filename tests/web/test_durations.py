import pytest
from django.utils import translation

from glassbed.web.templatetags.durations import duration, hours, metres, whole_metres


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 0 min"),
        (11_760, "3 h 16 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 d 0 h"),
        (183_600, "2 d 3 h"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(("millimetres", "said"), [(None, "–"), (0, "0.00 m"), (8423.6, "8.42 m")])
def test_a_length_of_filament_is_said_in_metres(millimetres, said):
    assert metres(millimetres) == said


@pytest.mark.parametrize(("seconds", "figure"), [(None, "0.0"), (0, "0.0"), (149_400, "41.5")])
def test_a_figure_of_hours_has_one_decimal(seconds, figure):
    assert hours(seconds) == figure


@pytest.mark.parametrize(
    ("millimetres", "figure"),
    [(None, "0.0"), (9_940, "9.9"), (9_999, "10.0"), (10_000, "10"), (128_400, "128")],
)
def test_a_figure_of_metres_has_a_decimal_below_ten(millimetres, figure):
    assert whole_metres(millimetres) == figure


def test_figures_are_written_as_the_language_does():
    with translation.override("de"):
        assert (hours(149_400), whole_metres(8_400)) == ("41,5", "8,4")
