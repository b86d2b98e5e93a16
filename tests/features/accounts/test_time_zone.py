"""The time zone as a person types it."""

import people
import pytest

from glassbed.features.accounts.forms import ProfileForm
from glassbed.features.accounts.models import Profile
from glassbed.foundation.purpose import purpose

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Berlin", "Europe/Berlin"),
        (" europe/berlin ", "Europe/Berlin"),
        ("America/New_York", "America/New_York"),
        ("new york", "America/New_York"),
        ("UTC", ""),
        ("utc", ""),
        ("", ""),
    ],
)
def test_a_city_is_enough(typed, zone):
    person = people.make_person()
    browser = people.browser_of(person)
    response = browser.post("/settings/", {"time_zone": typed, "units": "metric"})
    assert response.status_code == 302
    with purpose("sign_in"):
        assert Profile.objects.get(person=person.pk).time_zone == zone


@pytest.mark.parametrize("typed", ["Atlantis", "Istanbul", "/", "erlin", "Europe/"])
def test_what_names_no_zone_or_several_is_asked_for_again(typed):
    form = ProfileForm({"time_zone": typed, "units": "metric"})
    assert list(form.errors) == ["time_zone"]
    assert f'value="{typed}"' in str(form["time_zone"])  # stays to be corrected
