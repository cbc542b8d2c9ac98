import pytest

from crmsync.errors import CrmError
from crmsync.providers.parsing import as_object, as_objects, require_id


@pytest.mark.parametrize("given", [None, [], "x", 7])
def test_take_for_an_object_only_what_is_one(given):
    assert as_object(given) == {}


@pytest.mark.parametrize(
    ("given", "taken"), [(None, []), ({"a": 1}, []), ([{"a": 1}, 7], [{"a": 1}, {}])]
)
def test_take_for_objects_only_a_list(given, taken):
    assert as_objects(given) == taken


@pytest.mark.parametrize(("given", "taken"), [("003-A", "003-A"), (51, "51")])
def test_take_an_id_as_text(given, taken):
    assert require_id({"id": given}) == taken


@pytest.mark.parametrize(
    "given", [None, "", ".", "..", "../users", "a b", "1\0", "7" * 256, [1], 1.5]
)
def test_refuse_what_is_no_id(given):
    with pytest.raises(CrmError) as refused:
        require_id({"id": given})
    assert refused.value.code == "unexpected_error"
    assert refused.value.outcome_unknown
