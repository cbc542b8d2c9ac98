import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from accounts.models import User

pytestmark = pytest.mark.django_db


def test_finds_a_user_whatever_the_case(user):
    assert User.objects.get(email="ANN@Example.com") == user


def test_is_unique_whatever_the_case(user):
    with pytest.raises(IntegrityError):
        User.objects.create_user("ANN@example.com", "secret")


def test_the_database_itself_refuses_upper_case(user):
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_user SET email = 'Ann@example.com'")


def test_needs_an_address():
    with pytest.raises(ValueError, match="address"):
        User.objects.create_user("")


def test_createsuperuser_makes_one_who_may_sign_in_to_the_admin(monkeypatch, client):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "secret")
    call_command("createsuperuser", email="Root@example.com", interactive=False, verbosity=0)
    assert client.login(email="root@example.com", password="secret")
    assert client.get("/admin/").status_code == 200
