"""Workers of the release before may still run while a migration does: it must not break them."""

import pytest
from django.db.migrations import AddField, AddIndex, RenameField, RenameModel
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED

from meetings.indexes import AddIndexOnline

OURS = {"accounts", "meetings", "crmsync"}
BEFORE_THE_FIRST_RELEASE = {("crmsync", "0009_plainer_names")}  # No old code could be running.
LARGE = {"meeting", "attendee", "syncrun", "syncattempt", "remoterecord"}
BEFORE_ROWS = {"0003_support_desk_indexes", "0005_support_desk"}  # Before the first release.
OPERATIONS = [
    pytest.param(operation, id=f"{app}.{name}-{number}")
    for (app, name), migration in sorted(MigrationLoader(None).disk_migrations.items())
    for number, operation in enumerate(migration.operations)
    if app in OURS and (app, name) not in BEFORE_THE_FIRST_RELEASE
]


def _indexes_of_large_tables():
    for (app, name), migration in sorted(MigrationLoader(None).disk_migrations.items()):
        if name.startswith("0001") or name in BEFORE_ROWS:
            continue
        for operation in migration.operations:
            if isinstance(operation, AddIndex) and operation.model_name_lower in LARGE:
                yield f"{app}.{name}", operation


def test_making_an_index_keeps_nobody_from_writing():
    added = dict(_indexes_of_large_tables())
    assert added
    assert all(isinstance(it, AddIndexOnline) for it in added.values())


@pytest.mark.parametrize("operation", OPERATIONS)
def test_old_code_can_still_write_rows(operation):
    if isinstance(operation, AddField) and not operation.field.many_to_many:
        field = operation.field
        assert field.null or field.db_default is not NOT_PROVIDED


@pytest.mark.parametrize("operation", OPERATIONS)
def test_old_code_finds_what_it_knows(operation):
    assert not isinstance(operation, RenameField | RenameModel)
