"""A language is a file: every text that is marked has a translation, and the compiled file fits."""

import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings

from crmsync.errors import CATALOGUE
from crmsync.status.messages import ATTEMPT_RESULTS, MESSAGES, RUN_RESULTS
from meetings.models import SyncStep
from syncsite.retranslated import TEXTS

FOLDER = Path(settings.BASE_DIR) / "syncsite" / "locale"
LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
PLACE = re.compile(r"\{\w+\}")


@pytest.fixture(params=LANGUAGES)
def catalogue(request):
    with (FOLDER / request.param / "LC_MESSAGES" / "django.mo").open("rb") as compiled:
        return gettext.GNUTranslations(compiled)._catalog


@pytest.fixture(params=LANGUAGES)
def source(request):
    return (FOLDER / request.param / "LC_MESSAGES" / "django.po").read_text()


def marked_texts():
    for kind in CATALOGUE.values():
        yield from (kind.title, kind.message, kind.remedy)
    for words in MESSAGES.values():
        yield from (words.headline, words.headline_when_due, words.detail, words.text)
    yield from [*RUN_RESULTS.values(), *ATTEMPT_RESULTS.values()]
    yield from (step.label for step in SyncStep)


def test_translates_every_text_of_a_sync(catalogue):
    missing = {str(text) for text in marked_texts() if text} - set(catalogue)
    assert not missing


def test_translates_again_what_others_translate_badly(catalogue):
    assert set(TEXTS) <= set(catalogue)


@pytest.mark.django_db
def test_says_sie_to_everybody(api):
    answer = api.post("/users", {"email": "no"}, headers={"Accept-Language": "de"}).json()
    assert answer["email"] == ["Bitte geben Sie eine gültige E-Mail-Adresse ein."]


def test_names_what_the_original_names(catalogue):
    for original, translated in catalogue.items():
        assert set(PLACE.findall(translated)) == set(PLACE.findall(original)), original


def test_has_no_empty_or_doubtful_entry(source):
    assert "fuzzy" not in source
    assert not re.search(r'msgstr ""\n(?!")', source)


def test_was_compiled_from_its_source(catalogue, source):
    entries = re.split(r"\n\n", source.strip())[1:]
    assert len(entries) == len([original for original in catalogue if original])


@pytest.mark.parametrize("code", CATALOGUE)
def test_help_pages_speak_it(client, code):
    english = client.get(f"/help/{code}").content.decode()
    german = client.get(f"/help/{code}", headers={"Accept-Language": "de"}).content.decode()
    assert '<html lang="de">' in german
    assert "Wie es weitergeht" in german
    assert english != german


@pytest.mark.django_db
def test_refusals_speak_it(client, own_api, meeting):
    headers = {"Accept-Language": "de"}
    answer = own_api.post(f"/meetings/{meeting.pk}/sync", headers=headers)
    assert answer.json() == {"detail": "Verbinden Sie zuerst ein CRM.", "code": "not_connected"}
