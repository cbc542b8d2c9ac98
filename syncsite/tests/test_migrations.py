"""Workers of the release before may still run while a migration does: it must not break them."""

import pytest
from django.db.migrations import AddField, RenameField, RenameModel
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED

OURS = {"accounts", "meetings", "crmsync"}
BEFORE_THE_FIRST_RELEASE = {("crmsync", "0009_plainer_names")}  # No old code could be running.
OPERATIONS = [
    pytest.param(operation, id=f"{app}.{name}-{number}")
    for (app, name), migration in sorted(MigrationLoader(None).disk_migrations.items())
    for number, operation in enumerate(migration.operations)
    if app in OURS and (app, name) not in BEFORE_THE_FIRST_RELEASE
]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_old_code_can_still_write_rows(operation):
    if isinstance(operation, AddField) and not operation.field.many_to_many:
        field = operation.field
        assert field.null or field.db_default is not NOT_PROVIDED


@pytest.mark.parametrize("operation", OPERATIONS)
def test_old_code_finds_what_it_knows(operation):
    assert not isinstance(operation, RenameField | RenameModel)
