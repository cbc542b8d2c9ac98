from crmsync.errors import CATALOGUE


def test_lists_every_cause(client):
    page = client.get("/help").content.decode()
    for code in CATALOGUE:
        assert f"/help/{code}" in page


def test_knows_no_other_cause(client):
    assert client.get("/help/nonsense").status_code == 404
