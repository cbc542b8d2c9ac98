"""Statements of every claim and commit, as plain SQL: the ORM compiles them anew each time.

Table and column names stand in the code; whatever comes from outside is a parameter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any, cast

from django.db import connection as database
from django.db.models import Field, Model


def read(models: Sequence[type[Model]], source: str, *given: Any) -> list[tuple[Any, ...]]:
    """Each row as a whole instance of each model, None where an outer join found none.

    `source`: what follows FROM; its tables have no other names. `given`: its parameters.
    """
    readers = [*map(_reader_of, models)]
    chosen = ", ".join(reader.columns for reader in readers)
    rows = execute(f"SELECT {chosen} FROM {source}", *given)  # noqa: S608
    return [_instances(readers, row) for row in rows]


def insert(instance: Model) -> None:
    """Sets its primary key, too."""
    ((instance.pk,),) = execute(*_insertion_of([instance], "RETURNING id"))
    instance._state.adding = False


def upsert(instances: Sequence[Model], unique: Sequence[str], changing: Sequence[str]) -> None:
    """Where a row has the same `unique` columns, its columns `changing` change."""
    if instances:
        changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in changing)
        resolving = f"ON CONFLICT ({', '.join(unique)}) DO UPDATE SET {changes} RETURNING id"
        execute(*_insertion_of(instances, resolving))


def update(
    model: type[Model],
    where: str,
    *given: Any,
    source: str = "",
    increment: Sequence[str] = (),
    returning: Sequence[str] = ("id",),
    **values: Any,
) -> list[tuple[Any, ...]]:
    """Returns `returning` of the rows that it changed.

    `source`: a subquery that must find something, too. `given`: the parameters of `source`, of
    `where`, and of `returning`.
    """
    changes = [f"{name} = {name} + 1" for name in increment]
    changes += [f"{name} = %s" for name in values]
    sql = (
        f"UPDATE {model._meta.db_table} SET {', '.join(changes)}"  # noqa: S608
        f"{source and f' FROM ({source}) AS source'}"
        f" WHERE {where} RETURNING {', '.join(returning)}"
    )
    prepared = [_prepare(model, name, value) for name, value in values.items()]
    return execute(sql, *prepared, *given)


def execute(sql: str, *given: Any) -> list[tuple[Any, ...]]:
    with database.cursor() as cursor:
        cursor.execute(sql, [*map(_adapt, given)])
        return cursor.fetchall()


def lock_of(*tables: str) -> str:
    """The end of a SELECT that locks its rows, as far as the database locks rows."""
    has_it = database.features.has_select_for_no_key_update
    return f" FOR NO KEY UPDATE OF {', '.join(tables)}" if has_it else ""


def _insertion_of(instances: Sequence[Model], ending: str) -> tuple[Any, ...]:
    """The statement, then its parameters."""
    meta = instances[0]._meta
    fields = [field for field in meta.concrete_fields if not field.primary_key]
    names = ", ".join(str(field.column) for field in fields)
    places = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * len(instances))
    values = (
        field.get_db_prep_save(field.pre_save(instance, add=True), connection=database)
        for instance in instances
        for field in fields
    )
    return f"INSERT INTO {meta.db_table} ({names}) VALUES {places} {ending}", *values  # noqa: S608


@dataclass(frozen=True)
class _Reader:
    """How a row becomes an instance. `converters`: of a column, by its place."""

    model: type[Model]
    names: Sequence[str]
    columns: str
    converters: Sequence[tuple[int, Callable[[Any], Any]]]

    def instance(self, values: list[Any]) -> Model | None:
        if values[0] is None:  # The primary key.
            return None
        for place, convert in self.converters:
            values[place] = convert(values[place])
        return self.model.from_db(database.alias, self.names, values)


@cache
def _reader_of(model: type[Model]) -> _Reader:
    fields = model._meta.concrete_fields
    assert fields[0].primary_key
    table = model._meta.db_table
    columns = [field.get_col(table) for field in fields]
    return _Reader(
        model,
        [field.attname for field in fields],
        ", ".join(f"{table}.{field.column}" for field in fields),
        [
            (place, _bind(convert, column))
            for place, column in enumerate(columns)
            for convert in (
                *database.ops.get_db_converters(column),
                *column.get_db_converters(database),
            )
        ],
    )


def _bind(convert: Callable[..., Any], column: Any) -> Callable[[Any], Any]:
    return lambda value: convert(value, column, database)


def _instances(readers: Sequence[_Reader], row: tuple[Any, ...]) -> tuple[Any, ...]:
    values = iter(row)
    return tuple(reader.instance([*islice(values, len(reader.names))]) for reader in readers)


def _prepare(model: type[Model], name: str, value: Any) -> Any:
    field = cast("Field[Any, Any]", model._meta.get_field(name))
    return field.get_db_prep_save(value, connection=database)


def _adapt(value: Any) -> Any:
    is_moment = isinstance(value, datetime)
    return database.ops.adapt_datetimefield_value(value) if is_moment else value
