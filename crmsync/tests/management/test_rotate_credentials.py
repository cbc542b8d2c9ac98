import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError

from conftest import run_command

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(settings):
    older, newest = settings.CREDENTIALS_KEYS[0], Fernet.generate_key().decode()
    settings.CREDENTIALS_KEYS = [newest, older]
    return settings, newest, older


def test_gives_every_credential_the_newest_key(connection, keys):
    settings, newest, _ = keys
    assert run_command("rotate_credentials") == (
        "1 credentials were encrypted with the newest key, 0 had it already.\n"
    )
    settings.CREDENTIALS_KEYS = [newest]
    connection.refresh_from_db()
    assert connection.credentials.open() == {}
    assert "0 credentials were encrypted" in run_command("rotate_credentials")


def test_only_counts_in_a_dry_run(connection, keys):
    settings, newest, _ = keys
    assert run_command("rotate_credentials", "--dry-run") == (
        "1 credentials need an older key, 0 had it already.\n"
    )
    settings.CREDENTIALS_KEYS = [newest]
    with pytest.raises(CommandError, match="1 open with none of the CREDENTIALS_KEYS"):
        run_command("rotate_credentials")


def test_leaves_out_who_is_not_connected(connection, own_api, keys):
    own_api.delete("/connection")
    assert run_command("rotate_credentials").startswith("0 credentials")
