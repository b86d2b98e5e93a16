from django.db import migrations

# A print's file is its person's: a bridge fetches it, so nobody may name somebody else's. And a file that is
# removed leaves prints that its person may no longer change, on a printer that was shared with them.
FORWARD = (
    "ALTER TABLE library_file ADD CONSTRAINT library_file_of_owner UNIQUE (id, owner_id)",
    "ALTER TABLE jobs_print ADD CONSTRAINT jobs_print_file_of_person FOREIGN KEY (file_id, person_id) "
    "REFERENCES library_file (id, owner_id) ON DELETE SET NULL (file_id) DEFERRABLE INITIALLY DEFERRED",
)
BACKWARD = (
    "ALTER TABLE library_file DROP CONSTRAINT library_file_of_owner",
    "ALTER TABLE jobs_print DROP CONSTRAINT jobs_print_file_of_person",
)


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial"), ("library", "0001_initial")]
    operations = [migrations.RunSQL(*pair) for pair in zip(FORWARD, BACKWARD, strict=True)]
