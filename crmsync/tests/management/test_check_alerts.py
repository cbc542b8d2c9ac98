import smtplib

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from conftest import run_command


def test_says_that_nobody_gets_alerts():
    with pytest.raises(CommandError, match="Nobody gets an alert"):
        run_command("check_alerts")


def test_sends_to_each_address(settings):
    settings.SUPPORT_EMAILS = ["ann@acme.example", "bob@acme.example"]
    told = run_command("check_alerts")
    assert "ann@acme.example: accepted\nbob@acme.example: accepted\n" in told
    assert [message.to for message in mail.outbox] == [["ann@acme.example"], ["bob@acme.example"]]


def test_names_each_address_that_got_nothing(settings, monkeypatch, capsys):
    settings.SUPPORT_EMAILS = ["ann@acme.example"]
    settings.ALERT_URLS = ["nonsense://user:secret@chat.example"]

    def refuse(*_):
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    with pytest.raises(CommandError, match="2 of 2 did not arrive"):
        call_command("check_alerts")
    mailed, notified = capsys.readouterr().out.splitlines()
    assert mailed == "ann@acme.example: The mail server refused: SMTPServerDisconnected"
    assert notified.startswith("ALERT_URLS, number 1 (nonsense): Apprise does not understand")


def test_shows_no_password(settings, capsys):
    settings.ALERT_URLS = ["nonsense://user:secret@chat.example"]
    with pytest.raises(CommandError):
        call_command("check_alerts")
    told = capsys.readouterr().out
    assert "ALERT_URLS, number 1 (nonsense): " in told
    assert "secret" not in told
