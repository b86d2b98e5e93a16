"""Every address of the site. The sweep in tests/web walks this table."""

from django.urls import include, path
from django.views.i18n import set_language

from glassbed.features.accounts import views as accounts
from glassbed.features.jobs import views as jobs
from glassbed.features.library import views as library
from glassbed.features.printers import bridge_api, link_views
from glassbed.features.printers import views as printers
from glassbed.web import demo, pages

urlpatterns = [
    path("", pages.home, name="printers"),
    path("welcome/<str:token>/", accounts.open_first_link, name="first_link"),
    path("accounts/", include("allauth.account.urls")),
    path("settings/", accounts.settings, name="settings"),
    path("settings/sessions/<uuid:session_id>/end/", accounts.end_session, name="session_end"),
    path("language/", set_language, name="set_language"),
    # printers
    path("printers/add/", printers.add, name="printer_add"),
    path("printers/add/key/", printers.ask_key, name="printer_ask_key"),
    path("printers/demo/", demo.start_demo, name="demo"),
    path("printers/<uuid:printer_id>/", pages.printer, name="printer"),
    path("printers/<uuid:printer_id>/prints/", pages.printer_prints, name="printer_prints"),
    path("printers/<uuid:printer_id>/control/<slug:kind>/", printers.control, name="printer_control"),
    path("printers/<uuid:printer_id>/settings/", printers.edit, name="printer_edit"),
    path("printers/<uuid:printer_id>/bind/", printers.bind_again, name="printer_bind_again"),
    path("printers/<uuid:printer_id>/remove/", printers.remove, name="printer_remove"),
    path("printers/<uuid:printer_id>/invite/", printers.invite, name="printer_invite"),
    path("printers/<uuid:printer_id>/leave/", printers.leave, name="printer_leave"),
    path("printers/<uuid:printer_id>/queue/", jobs.add, name="queue_add"),
    path("shares/<uuid:share_id>/end/", printers.end_share, name="share_end"),
    path(
        "invitations/<uuid:invitation_id>/withdraw/", printers.withdraw_invitation, name="invitation_withdraw"
    ),
    path("invitations/<str:token>/", link_views.invitation, name="invitation"),
    # bridges
    path("bridges/", link_views.bridges, name="bridges"),
    path("bridges/pair/", link_views.pair, name="pair"),
    path("bridges/local/", link_views.adopt_local, name="adopt_local"),
    path("bridges/<uuid:bridge_id>/revoke/", link_views.revoke, name="bridge_revoke"),
    path("bridges/<uuid:bridge_id>/discover/", printers.discover, name="bridge_discover"),
    path("bridge/pair", bridge_api.ask, name="bridge_ask"),
    path("bridge/pair/<uuid:pairing_id>", bridge_api.answer, name="bridge_answer"),
    path("bridge/ticket", bridge_api.ticket, name="bridge_ticket"),
    path("bridge/files/<uuid:print_id>", jobs.bridge_file, name="bridge_file"),
    path("live/ticket", printers.live_ticket, name="live_ticket"),
    # files and prints
    path("files/", library.files, name="files"),
    path("files/upload/", library.upload, name="file_upload"),
    path("files/<uuid:file_id>/", pages.file_page, name="file"),
    path("files/<uuid:file_id>/picture", library.picture, name="file_picture"),
    path("files/<uuid:file_id>/download", library.download, name="file_download"),
    path("files/<uuid:file_id>/remove/", library.remove, name="file_remove"),
    path("history/", jobs.history, name="history"),
    path("prints/recent/", pages.recent_prints, name="recent_prints"),
    path("prints/<uuid:print_id>/", pages.print_page, name="print"),
    path("prints/<uuid:print_id>/trace.json", pages.print_trace, name="print_trace"),
    path("prints/<uuid:print_id>/start/", jobs.start, name="print_start"),
    path("prints/<uuid:print_id>/move/", jobs.move, name="print_move"),
    path("prints/<uuid:print_id>/take/", jobs.take, name="print_take"),
    path("prints/<uuid:print_id>/again/", jobs.again, name="print_again"),
    path("prints/<uuid:print_id>/remove/", jobs.remove, name="print_remove"),
    # the instance
    path("privacy/", pages.privacy, name="privacy"),
    path("outbox/", pages.outbox, name="outbox"),
    path(".well-known/glassbed-ca.pem", pages.authority, name="authority"),
    path(".well-known/glassbed-ledger.json", pages.ledger_head, name="ledger_head"),
]

handler404 = "glassbed.web.errors.not_found"
handler500 = "glassbed.web.errors.server_error"
