import pytest

from crmsync.providers.formatting import split_name


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ann Lee", ("Ann", "Lee")),
        ("Lee, Ann", ("Ann", "Lee")),
        ("Lee, Ann Marie", ("Ann Marie", "Lee")),
        ('"Lee, Ann"', ("Ann", "Lee")),
        ("Ann\u00a0Lee", ("Ann", "Lee")),
        ("  Ann   Lee ", ("Ann", "Lee")),
        ("Ludwig van Beethoven", ("Ludwig", "van Beethoven")),
        ("Dr. Ann Lee", ("Ann", "Lee")),
        ("Madonna", ("", "Madonna")),
        ("\u738b\u5c0f\u660e", ("", "\u738b\u5c0f\u660e")),
        ("ann@acme.example", ("", "")),
        ("Ann Lee <ann@acme.example>", ("", "")),
        ("", ("", "")),
        (" ", ("", "")),
    ],
)
def test_tells_first_from_last_names(name, parts):
    assert split_name(name) == parts
