"""Sentences that stand in modules which know no Django, named here so that translators find them.

Each is the docstring of an error (`glassbed.protocol.errors`); a test compares them.
"""

from django.utils.translation import gettext_noop as _

SENTENCES = (
    _("Something went wrong. Try again; if it stays, tell the operator."),
    _("There is nothing here that you may see. It may have been deleted, or was never yours."),
    _("You may see this, but not do this. Ask the owner for a higher level."),
    _("This does not fit the present state any more. Reload the page and look again."),
    _("That can't be accepted as it is. Correct what is named and send it again."),
    _("The other side does not answer at the moment. Nothing was lost; try again in a while."),
    _("The privacy policy does not allow this. The operator can see which rule in the log."),
)
