import json

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core import serializers
from django.db import connection as database

from crmsync.fields import Sealed
from crmsync.models import Connection

SECRET = {"token": "pat-na1-secret"}


@pytest.fixture
def sealed(connection):
    Connection.objects.update(credentials=Sealed.seal(SECRET))
    return Connection.objects.get()


def test_gives_back_what_was_sealed(sealed):
    assert sealed.credentials.open() == SECRET


def test_stores_nothing_readable(sealed):
    with database.cursor() as cursor:
        cursor.execute("SELECT credentials FROM crmsync_connection")
        (stored,) = cursor.fetchone()
    assert "secret" not in stored


def test_shows_nothing_when_printed(sealed):
    assert "secret" not in f"{sealed.credentials} {sealed.credentials!r} {sealed.credentials.token}"


def test_reads_with_an_older_key_and_writes_with_the_newest(sealed, settings):
    newest = Fernet.generate_key().decode()
    settings.CREDENTIALS_KEYS = [newest, *settings.CREDENTIALS_KEYS]
    assert sealed.credentials.open() == SECRET
    settings.CREDENTIALS_KEYS = [newest]
    assert Sealed.seal(SECRET).open() == SECRET


def test_reads_rows_without_a_fitting_key_but_does_not_open_them(sealed, settings):
    settings.CREDENTIALS_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(InvalidToken):
        Connection.objects.get().credentials.open()


def test_survives_a_dump(sealed):
    dump = serializers.serialize("json", [sealed])
    assert "secret" not in dump
    assert json.loads(dump)[0]["fields"]["credentials"] == sealed.credentials.token
    (loaded,) = serializers.deserialize("json", dump)
    assert loaded.object.credentials.open() == SECRET
