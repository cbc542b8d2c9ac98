"""Commits in a test that is itself a transaction, which Django rolls back at its end.

What waits for a commit would wait for ever in such a test. Here it runs as in production: when the
code under test leaves its outermost atomic block, or at once when it is in none.
"""

from contextlib import nullcontext, suppress
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import Atomic, get_connection


def run_commit_hooks_in_tests(patch: pytest.MonkeyPatch) -> None:
    leave, on_commit = Atomic.__exit__, BaseDatabaseWrapper.on_commit

    def leave_and_run(self: Atomic, *error: Any) -> None:
        leave(self, *error)
        _run_hooks(get_connection(self.using))

    def note_and_run(self: BaseDatabaseWrapper, *args: Any, **options: Any) -> None:
        on_commit(self, *args, **options)
        _run_hooks(self)

    patch.setattr(Atomic, "__exit__", leave_and_run)
    patch.setattr(BaseDatabaseWrapper, "on_commit", note_and_run)


def _run_hooks(connection: BaseDatabaseWrapper) -> None:
    while _would_commit(connection) and connection.run_on_commit:
        _, hook, robust = connection.run_on_commit.pop(0)
        with suppress(Exception) if robust else nullcontext():
            hook()


def _would_commit(connection: BaseDatabaseWrapper) -> bool:
    """Only the test's own blocks are open. Django marks them, so that durable ones may follow."""
    blocks = connection.atomic_blocks
    return bool(blocks) and blocks[-1]._from_testcase and not connection.needs_rollback
