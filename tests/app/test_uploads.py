"""What visitors hand over is counted at the server, and nobody's files push out another's."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.dropped import KeptFiles
from app.uploads import Uploads

MEBIBYTE = 2**20


@pytest.fixture
def visitor(monkeypatch):
    """Uploads so many bytes in a session; the status and the words of the answer."""
    monkeypatch.setenv("DEFORMVIZ_UPLOADS_MIB", "2")
    taken = []

    async def take(request):
        taken.append(len(await request.body()))
        return PlainTextResponse("taken")

    path = "/viz/_stcore/upload_file/{session}/{file}"
    routes = [Route(path, take, methods=["PUT"])]
    client = TestClient(Starlette(routes=routes, middleware=[Middleware(Uploads)]))

    def upload(session, size):
        answer = client.put(path.format(session=session, file="f"), content=bytes(size))
        return answer.status_code, answer.text

    upload.taken, upload.client = taken, client
    return upload


def test_a_visitor_has_a_quota_and_another_one_their_own(visitor):
    assert visitor("anna", MEBIBYTE)[0] == 200 == visitor("anna", MEBIBYTE)[0]
    status, words = visitor("anna", MEBIBYTE // 2)
    assert status == 413 and "takes 2 MiB of one visitor in ten minutes" in words
    assert visitor("ben", MEBIBYTE)[0] == 200
    assert visitor.taken == [MEBIBYTE] * 3  # what is refused is not read


def test_what_was_uploaded_ten_minutes_ago_counts_no_more(visitor, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("app.uploads.monotonic", lambda: clock[0])
    for clock[0] in (0.0, 500.0, 900.0, 1400.0):
        assert visitor("anna", MEBIBYTE - 2**16)[0] == 200
    clock[0] = 1499.0  # what came at 900 and 1400 counts, and what comes now
    assert visitor("anna", MEBIBYTE)[0] == 413
    clock[0] = 1500.0
    assert visitor("anna", MEBIBYTE)[0] == 200


def test_a_flood_of_empty_files_has_an_end(visitor):
    answers = [visitor("anna", 0)[0] for _ in range(2 * MEBIBYTE // 2**16 + 1)]
    assert answers == [200] * 32 + [413]


def test_many_sessions_of_one_person_are_held_together(visitor):
    sizes = [visitor(f"session {number}", 2 * MEBIBYTE)[0] for number in range(10)]
    assert sizes == [200] * 10
    status, words = visitor("the eleventh", 1)
    assert status == 413 and "takes 20 MiB of all visitors together in ten minutes" in words


def test_a_file_of_unknown_length_is_refused(visitor):
    def pieces():
        yield b"endless"

    path = "/viz/_stcore/upload_file/anna/f"
    assert visitor.client.put(path, content=pieces()).status_code == 411


def test_whoever_drops_much_makes_room_by_their_own_files(tmp_path):
    files = KeptFiles(lambda: tmp_path, budget_bytes=400)
    anna = files.keep(b"a" * 90, "a.png", "anna")
    flood = [files.keep(bytes([n]) * 40, f"{n}.png", "ben") for n in range(9)]
    assert anna.exists()
    assert [path.exists() for path in flood] == [False] * 7 + [True] * 2
    assert files.keep(b"x" * 900, "x.png", "cleo").exists()  # the newest always stays
