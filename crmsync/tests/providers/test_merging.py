import pytest

from crmsync.providers.hubspot_links import _is_company, link
from crmsync.providers.hubspot_payloads import FORMS, NOTES
from crmsync.providers.merging import digests_of, merge

OURS = digests_of({NOTES: "Ours"}, FORMS)


@pytest.mark.parametrize(
    "theirs",
    [
        '<p>Ours</p><img src="https://acme.example/whiteboard.png">',
        '<a href="https://acme.example/offer">Ours</a>',
        "<table><tr><td>Ours</td></tr></table>",
    ],
)
@pytest.mark.parametrize("wanted", ["Ours two", ""])
def test_keeps_what_somebody_put_beside_our_text(theirs, wanted):
    merged = merge({NOTES: wanted}, {NOTES: theirs}, OURS, FORMS)
    assert theirs in merged.changes.get(NOTES, theirs)


def test_takes_a_picture_for_no_empty_note():
    theirs = '<p><img src="https://acme.example/whiteboard.png"></p>'
    assert theirs in merge({NOTES: "Ours"}, {NOTES: theirs}, {}, FORMS).changes[NOTES]


@pytest.mark.parametrize("theirs", ["<p>Ours</p>", "Ours<br>", " Ours\n", "<div>Ours</div>"])
def test_takes_its_own_text_in_other_markup_for_its_own(theirs):
    assert merge({NOTES: "Two"}, {NOTES: theirs}, OURS, FORMS).changes == {NOTES: "Two"}


def test_takes_no_address_for_a_company(content):
    assert not _is_company(link(content, "ann@company-one.example", "1"))
    assert _is_company(link(content, "company-7", "7"))
