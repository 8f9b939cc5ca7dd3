"""The one door to work: shared, watched, stopped within a second, and nobody else's problem."""

import errno
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest

from app import work
from app.answers import Answers
from app.line import Line, QueueFull
from app.supervisor import Supervisor, _context, resident_bytes
from app.worker import ANSWER, GIBIBYTE, Limits, Order

SECONDS = 60
WORK = "tests.app.pieces_of_work"


@pytest.fixture(autouse=True)
def a_free_lane():
    yield
    for lane in work.LANES.values():
        lane.line.close()


def ask(key, name, *arguments, visitor="anna", **options):
    return work.ask(key, f"{WORK}:{name}", arguments, visitor=visitor, **options)


def until_running(key):
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if (now := work.progress(key)) is not None and now.state == "running" and now.count:
            return now
        time.sleep(0.01)
    raise AssertionError(f"{key} does not run: {work.progress(key)}")


def test_an_answer_comes_from_another_process_and_is_kept():
    ticket = ask("process", "process_id")
    assert work.wait("process", SECONDS).state == "done"
    assert ticket.answer not in (None, os.getpid())
    first = ticket.answer
    assert ask("process", "process_id").answer == first  # not asked a second time


def test_this_process_needs_no_torch_for_what_a_worker_computes_with_it():
    if "torch" in sys.modules:
        pytest.skip("another test of this process imported torch")
    ask("sum", "sum_with_torch", [1.5, 2.0])
    assert work.wait("sum", SECONDS).state == "done"
    assert work.kept("sum") == 3.5 and "torch" not in sys.modules


def test_who_waits_sees_the_stage_and_the_place_in_line():
    ask("first", "until_stopped")
    assert until_running("first").stage == "turning"
    ask("second", "process_id", visitor="ben")
    ask("third", "process_id", visitor="cleo")
    assert [work.progress(key).place for key in ("second", "third")] == [1, 2]


@pytest.mark.parametrize("name", ["until_stopped", "deaf"])
def test_a_job_stops_within_a_second_once_nobody_wants_it(name):
    key = f"stop {name}"
    ask(key, name)
    until_running(key)
    started = time.monotonic()
    work.leave(key, "anna")
    assert work.wait(key, SECONDS).state == "cancelled"
    assert time.monotonic() - started < 1.0


def test_a_long_job_does_not_keep_a_short_one_waiting():
    ask("survey", "until_stopped", lane=work.LONG)
    until_running("survey")
    ask("picture", "process_id")
    assert work.wait("picture", SECONDS).state == "done"
    assert work.progress("survey").state == "running"


@pytest.mark.parametrize("number", [signal.SIGBUS, signal.SIGSEGV, signal.SIGKILL])
def test_a_crash_ends_one_job_with_a_sentence_and_nothing_else(number):
    key = f"crash {number}"
    ask(key, "crash", int(number))
    ask(f"after {key}", "process_id", visitor="ben")
    ended = work.wait(key, SECONDS)
    assert ended.state == "failed" and number.name in ended.error and ended.error.endswith(".")
    assert work.wait(f"after {key}", SECONDS).state == "done"


def test_a_failure_is_told_in_its_own_words():
    ask("sheep", "refuse", "The picture is a drawing of a sheep.")
    assert work.wait("sheep", SECONDS).error == "The picture is a drawing of a sheep."
    work.forget("sheep")
    assert work.progress("sheep") is None


def test_what_is_not_complete_yet_can_be_seen_and_is_added_to():
    for expected in ([0, 1], [0, 1, 2, 3]):
        ask("growing", "two_more", again=True)
        assert work.wait("growing", SECONDS).state == "done"
        assert work.kept("growing") == expected


def test_files_of_an_answer_live_as_long_as_it():
    ask("with a file", "write_a_file", b"packed")
    work.wait("with a file", SECONDS)
    path = work.kept("with a file")
    assert path.read_bytes() == b"packed"
    work.ANSWERS.drop("with a file")
    assert not path.exists() and work.kept("with a file") is None


def test_whose_browser_is_gone_waits_no_longer():
    ask("abandoned", "until_stopped", lane=work.LONG, visitor="gone")
    until_running("abandoned")
    work.visitors_are_known_by(lambda visitor: visitor != "gone")
    try:
        work.send_away_the_absent(100.0)
        assert work.progress("abandoned").state == "running"  # a page that is loaded again
        work.send_away_the_absent(100.0 + work.ABSENT_AT_MOST_S)
    finally:
        work.visitors_are_known_by(lambda visitor: True)
    assert work.wait("abandoned", SECONDS).state == "cancelled"


def test_what_nobody_watches_any_more_ends():
    here, ended = {"anna", "ben"}, threading.Event()
    work.visitors_are_known_by(lambda visitor: visitor in here)
    try:
        for person in sorted(here):
            work.watch("a training", person, ended.set)
        here.remove("anna")
        work.end_what_nobody_watches(100.0)
        work.end_what_nobody_watches(100.0 + 2 * work.LASTS_UNWATCHED_S)
        assert not ended.is_set()  # ben still does
        here.clear()
        work.end_what_nobody_watches(300.0)
        work.end_what_nobody_watches(299.0 + work.LASTS_UNWATCHED_S)
        assert not ended.is_set()
        work.end_what_nobody_watches(300.0 + work.LASTS_UNWATCHED_S)
        assert ended.wait(SECONDS)
    finally:
        work.visitors_are_known_by(lambda visitor: True)
        work.unwatch("a training")


def test_the_line_has_an_end():
    ask("head", "until_stopped", visitor="first of all")
    until_running("head")
    for person in range(30):
        ask(f"job {person}", "process_id", visitor=f"person {person}")
    with pytest.raises(QueueFull, match="30 jobs wait already"):
        ask("one too many", "process_id", visitor="late")


def test_work_whose_answer_has_no_place_is_refused_and_done_once_there_is_room(monkeypatch):
    def refuse(*_args, **_more):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert work.kept("no room") is None
    with pytest.raises(QueueFull, match="No space left on device.* make room"):
        ask("no room", "process_id")
    monkeypatch.undo()
    ask("no room", "process_id")
    assert work.wait("no room", SECONDS).state == "done"


def test_names_of_answers_cannot_be_guessed(monkeypatch):
    key = work.key_of("model", "picture")
    assert key != work.key_of("model", "other picture")
    monkeypatch.setattr(work, "_SECRET", b"of another process")
    assert work.key_of("model", "picture") != key


@pytest.fixture
def held_short():
    """A worker that may take next to nothing, in a line of its own."""
    worker = Supervisor("test", Limits(memory_bytes=GIBIBYTE, seconds=3.0))
    yield Line("test", worker.carry_out), worker
    worker.end()


def submit(line, key, name):
    line.submit(key, Order(f"{WORK}:{name}", (), work.ANSWERS.folder(key)), "anna")


@pytest.mark.parametrize(
    "name, rule", [("eat_memory", "more memory than the 1 GiB"), ("deaf", "longer than the 3 s")]
)
def test_what_takes_too_much_is_ended_with_the_number_that_is_too_large(held_short, name, rule):
    line, worker = held_short
    submit(line, name, name)
    assert rule in line.wait(name, SECONDS).error
    submit(line, "after", "process_id")
    assert line.wait("after", SECONDS).state == "done"
    assert resident_bytes(worker.pid) < GIBIBYTE / 2


def test_a_new_worker_does_not_run_the_present_page_again(held_short, monkeypatch, tmp_path):
    """While Streamlit runs a page, that page is this process's main file."""
    page = ModuleType("__main__")
    page.__file__ = str(tmp_path / "page.py")
    Path(page.__file__).write_text("raise SystemExit('The page ran again, in a worker.')")
    monkeypatch.setitem(sys.modules, "__main__", page)
    line, _ = held_short
    submit(line, "page", "process_id")
    assert line.wait("page", SECONDS).state == "done"
    assert sys.modules["__main__"] is page


# -- answers on disk -----------------------------------------------------------------------------


def write(answers, key, value, more=0):
    import pickle

    folder = answers.folder(key)
    (folder / ANSWER).write_bytes(pickle.dumps(value))
    (folder / "layer.bin").write_bytes(bytes(more))
    answers.put(key)


def test_answers_not_used_for_longest_leave_the_disk(tmp_path):
    answers = Answers(lambda: tmp_path, disk_bytes=1000, memory_bytes=1000)
    for key in "abc":
        write(answers, key, key.upper(), more=250)
    assert answers.get("a") == "A"
    write(answers, "d", "D", more=250)
    assert [answers.get(key) for key in "abcd"] == ["A", None, "C", "D"]
    assert len(list(tmp_path.iterdir())) == 3 and answers.size_bytes <= 1000


def test_the_newest_answer_stays_even_if_it_is_larger_than_the_budget(tmp_path):
    answers = Answers(lambda: tmp_path, disk_bytes=100, memory_bytes=10)
    write(answers, "small", 1)
    write(answers, "huge", 2, more=5000)
    assert (answers.get("small"), answers.get("huge")) == (None, 2)


def test_answers_may_be_asked_for_from_many_threads(tmp_path):
    answers = Answers(lambda: tmp_path, disk_bytes=400, memory_bytes=400)
    wrong = []

    def use(number):
        for turn in range(30):
            write(answers, f"{number}", (number, turn))
            if answers.get(f"{number}") not in ((number, turn), None):
                wrong.append(number)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_worker_starts_also_where_the_folder_for_temporary_files_has_a_long_name(
    tmp_path, monkeypatch
):
    folder = tmp_path / ("a" * 120)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert _context().get_start_method() == "spawn"  # a fork's server may run already
    supervisor = Supervisor("far", Limits(4 * GIBIBYTE, SECONDS))
    line = Line("far", supervisor.carry_out)
    try:
        line.submit("far", Order(f"{WORK}:process_id", (), tmp_path), "anna")
        assert line.wait("far", SECONDS).state == "done"
        assert (tmp_path / ANSWER).is_file()
    finally:
        supervisor.end()
