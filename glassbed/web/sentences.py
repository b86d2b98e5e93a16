"""Sentences that stand in modules which know no Django, named here so that translators find them.

`SENTENCES` are the docstrings of the errors (`glassbed.protocol.errors`), `REFUSALS` what `acceptance` says of a
file, `OF_BRIDGES` the reasons that bridges return. Tests compare them.
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

REFUSALS = (
    _("This file is empty. Slice the model again and upload the new file."),
    _(
        "This file has %(size)s and the limit is %(limit)s. Use a larger layer height or split the "
        "plate, or ask the operator for a higher limit."
    ),
    _(
        "A line of this file is longer than %(limit)s, which no printer reads. Export it again as "
        "G-code text with line breaks."
    ),
    _("The name must end in .gcode, .gco or .g. Choose the file that the slicer exported."),
    _(
        "This is binary G-code (.bgcode), which not every printer host can read. Switch off “Supports "
        "binary G-code” in the printer settings of PrusaSlicer, export again and upload the .gcode "
        "file."
    ),
    _("This file is cut short: its end is missing. Export it again and upload the whole file."),
    _("This file is damaged: there are bytes in it that no text has. Export it again and upload that."),
    _(
        "This is a 3MF or zip file, not G-code. Export the plate as a plain .gcode file from the slicer "
        "and upload that."
    ),
    _("This is a compressed file, not G-code. Unpack it and upload the .gcode file in it."),
    _("This is a model (STL), not G-code. Open it in a slicer, slice it and upload the G-code file."),
    _("This is a model (PLY), not G-code. Open it in a slicer, slice it and upload the G-code file."),
    _(
        "This is a FlashPrint file (.gx), not G-code. Export the plate as a plain .gcode file from the "
        "slicer and upload that."
    ),
    _(
        "This is a web page or XML, not G-code. Export the plate as a plain .gcode file from the slicer "
        "and upload that."
    ),
    _("This is a picture, not G-code. Choose the file that the slicer exported."),
    _("This is a PDF, not G-code. Choose the file that the slicer exported."),
    _("This file is text in UTF-16. Save it as UTF-8 or plain text and upload it again."),
    _(
        "There is no G-code command in this file, so a printer could do nothing with it. Choose the "
        "file that the slicer exported; its name ends in .gcode."
    ),
)

OF_BRIDGES = (
    _("This printer is not bound to this bridge."),
    _("The bridge's network does not allow looking around (no multicast). Enter the address."),
    _("The bridge failed at this; see its log."),
    _("The host's answer makes no sense."),
    _("The printer was just removed."),
    _("This command was received before. It is not carried out twice."),
    _("This print was started before. It is not started twice."),
    _("The command claims to hold for longer than commands may. It was not carried out."),
    _("The printer is offline by now. The command was not carried out."),
    _("The printer is refused by now. The command was not carried out."),
    _("The printer is starting by now. The command was not carried out."),
    _("The printer is ready by now. The command was not carried out."),
    _("The printer is sending by now. The command was not carried out."),
    _("The printer is printing by now. The command was not carried out."),
    _("The printer is pausing by now. The command was not carried out."),
    _("The printer is paused by now. The command was not carried out."),
    _("The printer is resuming by now. The command was not carried out."),
    _("The printer is cancelling by now. The command was not carried out."),
    _("The printer is error by now. The command was not carried out."),
    _("The printer is stopped by now. The command was not carried out."),
    _("This bridge does not know this kind of printer. Update the bridge."),
    _("Nobody has granted the key yet. Answer the question at the printer's host."),
    _("The host was asked again meanwhile."),
    _("Taken back before it began."),
    _("Another print is under way."),
    _("The printer's host does not answer in time."),
    _("The host ended the connection."),
    _("The file was damaged on its way from the server. Nothing was printed."),
    _("The server sent more than the file's size. Nothing was printed."),
    _("The file could not be fetched from the server. Try the print again."),
    _("The bridge was restarted while it handed over the file."),
    _("The end was not seen: the printer was out of reach."),
    _("The host could not do what was asked; the text is for the person."),
    _("The printer's host does not answer. Is it switched on, and is the address right?"),
    _("The host does not accept the key. Enter a new one on the printer's page."),
    _("The printer can't do that in its present state."),
    _("The host reported an error, in its own words."),
    _("This host has no emergency stop that can be reached from here."),
    _("This host can't be restarted from here."),
    _("This host does not hand out keys."),
    _("OctoPrint does not answer in time."),
    _("OctoPrint has closed the connection."),
    _("OctoPrint knows nobody by this key. Enter a new one."),
    _("OctoPrint took the file, but did not start it: the printer was not ready any more."),
    _("A print is under way. Cancel it first."),
    _("Nobody has decided in time. Ask again."),
    _("The person at OctoPrint said no."),
    _("OctoPrint does not accept the session that it gave."),
    _("OctoPrint does not accept the key for this. Enter a new one on the printer's page."),
    _("OctoPrint is not up yet, or no more."),
    _("Moonraker does not answer in time."),
    _("Moonraker has closed the connection."),
    _("The printer is printing already."),
    _("Moonraker took the file, but Klipper did not start it."),
    _("Klipper, the program that drives the printer, is not ready."),
    _("Klipper, the program that drives the printer, is not running."),
    _("Klipper, the program that drives the printer, is starting."),
    _("Klipper, the program that drives the printer, ended in the middle of the print."),
    _("Moonraker answers, but does not say how the printer is."),
    _("Moonraker is not up yet, or no more."),
    _("Moonraker does not accept the key. Enter a new one on the printer's page."),
    _("Moonraker does not say how it is."),
    _("The file arrived other than it was sent. Send it again."),
    _("The address of a simulated printer is like simulated://demo?speed=60."),
    _("Emergency stop. Restart the firmware to go on."),
    _("Emergency stop (M112 in the file). Restart the firmware to go on."),
    _("Nothing is printing that could be paused."),
    _("The print is not paused."),
    _("Nothing is printing that could be cancelled."),
)
