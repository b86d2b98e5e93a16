"""Every address of the site. The sweep in tests/web walks this table."""

from django.urls import include, path
from django.views.i18n import set_language

from glassbed.features.accounts import views as accounts
from glassbed.features.jobs import views as jobs
from glassbed.features.library import views as library
from glassbed.features.printers import bridge_api, link_views
from glassbed.features.printers import views as printers
from glassbed.features.trust import choices, own_data, unsubscribe, well_known
from glassbed.features.trust import record as trust_record
from glassbed.features.trust import views as trust
from glassbed.web import demo, operator, pages

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
    path("privacy/", trust.hub_page, name="privacy"),
    path("privacy/notice/", trust.notice_page, name="privacy_notice"),
    path("privacy/terms/", trust.terms_page, name="privacy_terms"),
    path("privacy/features/<slug:feature>/", trust.feature_page, name="privacy_feature"),
    path("privacy/activities/<slug:activity>/", trust.activity_page, name="privacy_activity"),
    path("privacy/activities/<slug:activity>.txt", trust.activity_text, name="privacy_activity_text"),
    path("privacy/cookies/", trust.cookies_page, name="privacy_cookies"),
    path("privacy/recipients/", trust.recipients_page, name="privacy_recipients"),
    path("privacy/transfers/", trust.transfers_page, name="privacy_transfers"),
    path("privacy/transfers/<slug:party>/", trust.safeguards, name="privacy_safeguards"),
    path("privacy/versions/", trust.versions_page, name="privacy_versions"),
    path("privacy/versions/<slug:digest>/", trust.version_page, name="privacy_version"),
    path("privacy/record/", trust.record_page, name="privacy_record"),
    path("privacy/record.csv", trust_record.as_csv, name="privacy_record_csv"),
    path("privacy/record.xlsx", trust_record.as_xlsx, name="privacy_record_xlsx"),
    path("privacy/record.json", trust_record.as_json, name="privacy_record_json"),
    path("privacy/data/", own_data.held, name="own_data"),
    path("privacy/data/happenings/", own_data.happenings, name="happenings"),
    path("privacy/choices/", choices.choices, name="choices"),
    path("privacy/choices/<slug:choice>/", choices.choose, name="choose"),
    path("privacy/unsubscribe/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
    path("privacy/receipts/<uuid:decision_id>.json", choices.download_receipt, name="receipt"),
    path("desk/", operator.desk, name="desk"),
    path("desk/news/", operator.send_news, name="send_news"),
    path("outbox/", pages.outbox, name="outbox"),
    path(".well-known/gpc.json", well_known.gpc, name="gpc"),
    path(".well-known/security.txt", well_known.security_txt, name="security_txt"),
    path(".well-known/change-password", well_known.change_password, name="change_password"),
    path(".well-known/policy.json", well_known.policy_json, name="policy_json"),
    path(".well-known/policy.jsonld", well_known.policy_jsonld, name="policy_jsonld"),
    path(".well-known/glassbed-ca.pem", pages.authority, name="authority"),
    path(".well-known/glassbed-ledger.json", pages.ledger_head, name="ledger_head"),
]

handler404 = "glassbed.web.errors.not_found"
handler500 = "glassbed.web.errors.server_error"
