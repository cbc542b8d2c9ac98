from django.core.mail import EmailMessage
from django.core.mail.backends.filebased import EmailBackend
from environ import Env

from syncsite.demo.mails import END, Mails


def send(mails, subject):
    config = Env.email_url_config(mails.url)
    assert config["EMAIL_BACKEND"] == f"{EmailBackend.__module__}.EmailBackend"
    backend = EmailBackend(file_path=config["EMAIL_FILE_PATH"])
    body = "Wählen Sie: https://example.com/" + "x" * 200
    EmailMessage(subject, body, to=["ann@example.com"], connection=backend).send()
    return body


def test_are_shown_once_and_whole(tmp_path):
    folder = tmp_path / "a folder"
    mails = Mails(folder)
    body = send(mails, "Grüße")
    assert list(mails.new()) == [f"\nMail to ann@example.com: Grüße\n{body}\n"]
    assert list(mails.new()) == []
    send(mails, "Second")
    assert len(list(mails.new())) == 1
    assert list(Mails(folder).new()) == []  # Those of an earlier demo.


def test_are_shown_though_two_share_a_file(tmp_path):
    mails = Mails(tmp_path)
    whole = b"Subject: One\n\nText\n" + END
    (tmp_path / "1.log").write_bytes(whole)
    assert len(list(mails.new())) == 1
    (tmp_path / "1.log").write_bytes(whole * 3)
    assert len(list(mails.new())) == 2


def test_are_not_shown_while_they_are_written(tmp_path):
    mails = Mails(tmp_path)
    (tmp_path / "1.log").write_bytes(b"Subject: Half")
    assert list(mails.new()) == []
