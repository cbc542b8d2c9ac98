"""How the tests of the support desk open its pages and act on them."""

RUNS = "/admin/crmsync/syncrun/"
PAGES = [
    "/admin/",
    RUNS,
    "/admin/crmsync/connection/",
    "/admin/crmsync/customer/",
    "/admin/crmsync/incident/",
    "/admin/crmsync/supportaction/",
    "/admin/crmsync/remoterecord/",
    "/admin/meetings/meeting/",
]


def read(client, path, **query):
    response = client.get(path, query)
    assert response.status_code == 200
    return response.content.decode()


def start(client, kind, target, reason="The customer called."):
    form = {"kind": kind, "targets": str(target), "reason": reason}
    return client.post("/admin/crmsync/supportaction/start/", form, follow=True)
