"""Indexes that are made while people go on working."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations


@contextmanager
def without_lock_timeout(schema_editor: Any) -> Iterator[None]:
    """For what keeps nobody waiting: it may wait itself, for the end of older transactions."""
    schema_editor.execute("SET lock_timeout = 0")
    yield
    schema_editor.execute("RESET lock_timeout")


class AddIndexOnline(AddIndexConcurrently):
    """Locks no table on PostgreSQL. Needs `atomic = False`; can be run again if interrupted."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            schema_editor.execute(f"DROP INDEX IF EXISTS {self.index.name}")
            migrations.AddIndex.database_forwards(self, app_label, schema_editor, *states)
            return
        with without_lock_timeout(schema_editor):
            # An interrupted one leaves an invalid index of that name.
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {self.index.name}")
            super().database_forwards(app_label, schema_editor, *states)

    def database_backwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            migrations.AddIndex.database_backwards(self, app_label, schema_editor, *states)
            return
        super().database_backwards(app_label, schema_editor, *states)


class RemoveIndexOnline(RemoveIndexConcurrently):
    """Locks no table on PostgreSQL. Needs `atomic = False`."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            migrations.RemoveIndex.database_forwards(self, app_label, schema_editor, *states)
            return
        with without_lock_timeout(schema_editor):
            super().database_forwards(app_label, schema_editor, *states)

    def database_backwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            migrations.RemoveIndex.database_backwards(self, app_label, schema_editor, *states)
            return
        super().database_backwards(app_label, schema_editor, *states)
