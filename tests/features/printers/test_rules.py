import pytest

from glassbed.features.printers.rules import require
from glassbed.policy.binding import Level
from glassbed.protocol.errors import NotAllowed


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("needed", list(Level))
def test_a_level_is_enough_for_itself_and_for_what_is_below(level, needed):
    """The database refuses the same by itself, so a page's 403 does not show that this rule is there."""
    if level >= needed:
        require(level, needed)
    else:
        with pytest.raises(NotAllowed):
            require(level, needed)
