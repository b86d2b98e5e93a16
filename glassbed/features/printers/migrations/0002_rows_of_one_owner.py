from django.db import migrations

# A printer hangs on a bridge of the same owner, and shares and invitations on a printer of the same owner:
# what the row policies take from the column "owner_id" can't be claimed for somebody else's printer.
PARENTS = {
    "printers_printer": ("bridge_id", "printers_bridge"),
    "printers_share": ("printer_id", "printers_printer"),
    "printers_invitation": ("printer_id", "printers_printer"),
    "printers_connection": ("printer_id", "printers_printer"),
}
UNIQUE = [
    migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_of_owner UNIQUE (id, owner_id)",
        f"ALTER TABLE {table} DROP CONSTRAINT {table}_of_owner",
    )
    for table in ("printers_bridge", "printers_printer")
]
SAME_OWNER = [
    migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_same_owner FOREIGN KEY ({column}, owner_id) "
        f"REFERENCES {parent} (id, owner_id) DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE {table} DROP CONSTRAINT {table}_same_owner",
    )
    for table, (column, parent) in PARENTS.items()
]


class Migration(migrations.Migration):
    dependencies = [("printers", "0001_initial")]
    operations = [*UNIQUE, *SAME_OWNER]
