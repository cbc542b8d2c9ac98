"""Statements of every claim and commit, as plain SQL: the ORM compiles them anew each time.

Table and column names stand in the code; whatever comes from outside is a parameter.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from django.db import connection as database
from django.db.models import Field, Model


def update(
    model: type[Model],
    where: str,
    *given: Any,
    increment: Sequence[str] = (),
    returning: Sequence[str] = ("id",),
    **values: Any,
) -> list[tuple[Any, ...]]:
    """Returns `returning` of the rows that it changed. `given`: the parameters of `where`."""
    changes = [f"{name} = {name} + 1" for name in increment]
    changes += [f"{name} = %s" for name in values]
    sql = (
        f"UPDATE {model._meta.db_table} SET {', '.join(changes)} WHERE {where}"  # noqa: S608
        f" RETURNING {', '.join(returning)}"
    )
    prepared = [_prepare(model, name, value) for name, value in values.items()]
    return execute(sql, *prepared, *given)


def execute(sql: str, *given: Any) -> list[tuple[Any, ...]]:
    with database.cursor() as cursor:
        cursor.execute(sql, [*map(_adapt, given)])
        return cursor.fetchall()


def lock_of(table: str) -> str:
    """The end of a SELECT that locks its rows, as far as the database locks rows."""
    has_it = database.features.has_select_for_no_key_update
    return f" FOR NO KEY UPDATE OF {table}" if has_it else ""


def _prepare(model: type[Model], name: str, value: Any) -> Any:
    field = cast("Field[Any, Any]", model._meta.get_field(name))
    return field.get_db_prep_save(value, connection=database)


def _adapt(value: Any) -> Any:
    is_moment = isinstance(value, datetime)
    return database.ops.adapt_datetimefield_value(value) if is_moment else value
