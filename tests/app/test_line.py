"""The line in front of a device: shared, bounded, visible, and possible to leave."""

import threading

import pytest

from app.line import Cancelled, JobFailed, Line, QueueFull

SECONDS = 5


class Work:
    """A job that runs until it is told to go on, and counts its runs."""

    def __init__(self, stages=3):
        self.started, self.go_on, self.runs, self.stages = (
            threading.Event(),
            threading.Event(),
            0,
            stages,
        )

    def __call__(self, job):
        self.runs += 1
        job.tell("backbone", 0, self.stages)
        self.started.set()
        assert self.go_on.wait(SECONDS)
        for index in range(1, self.stages):
            if not job.is_wanted:
                raise Cancelled()
            job.tell(f"encoder.{index - 1}", index, self.stages)


def carry_out(job):
    """In these tests an order is a function."""
    job.order(job)


@pytest.fixture
def busy():
    """A queue whose worker is held by a first job, so that others wait."""
    queue, first = Line("test", carry_out, limit=3), Work()
    queue.submit("first", first, "anna")
    assert first.started.wait(SECONDS)
    yield queue, first
    first.go_on.set()


def finish(queue, key):
    progress = queue.wait(key, SECONDS)
    assert progress.is_over, progress
    return progress


def test_ten_sessions_share_one_run(busy):
    queue, first = busy
    shared = Work()
    for person in range(10):
        queue.submit("picture", shared, f"person {person}")
    first.go_on.set()
    shared.go_on.set()
    assert finish(queue, "picture").state == "done"
    assert shared.runs == 1


def test_a_waiting_person_sees_their_place_and_then_the_layer(busy):
    queue, first = busy
    second, third = Work(), Work()
    queue.submit("second", second, "ben")
    queue.submit("third", third, "cleo")
    assert queue.progress("first").stage == "backbone"
    assert (queue.progress("second").place, queue.progress("third").place) == (1, 2)
    first.go_on.set()
    assert second.started.wait(SECONDS)
    assert queue.progress("second").state == "running"
    assert queue.progress("third").place == 1
    second.go_on.set()
    third.go_on.set()
    assert finish(queue, "third").index == 2


def test_cancelling_stops_a_running_job_at_its_next_layer(busy):
    queue, first = busy
    queue.leave("first", "anna")
    first.go_on.set()
    progress = finish(queue, "first")
    assert (progress.state, progress.stage) == ("cancelled", "backbone")


def test_a_shared_job_goes_on_until_the_last_person_leaves(busy):
    queue, first = busy
    queue.submit("first", first, "ben")
    queue.leave("first", "anna")
    first.go_on.set()
    assert finish(queue, "first").state == "done"


def test_a_newer_wish_replaces_the_older_one(busy):
    queue, first = busy
    older, newer = Work(), Work()
    queue.submit("older", older, "ben")
    queue.submit("newer", newer, "ben")
    assert queue.progress("older").state == "cancelled"
    first.go_on.set()
    newer.go_on.set()
    assert finish(queue, "newer").state == "done"
    assert older.runs == 0


def test_who_comes_back_in_time_keeps_the_job_going(busy):
    queue, first = busy
    queue.leave("first", "anna")
    queue.submit("first", Work(), "anna")
    first.go_on.set()
    assert finish(queue, "first").state == "done"
    assert first.runs == 1


def test_a_cancelled_job_can_be_wanted_again(busy):
    queue, first = busy
    queue.leave("first", "anna")
    first.go_on.set()
    assert finish(queue, "first").state == "cancelled"
    queue.submit("first", first, "anna")
    assert finish(queue, "first").state == "done"
    assert first.runs == 2


def test_the_line_has_an_end(busy):
    queue, _ = busy
    for person in range(3):
        queue.submit(f"picture {person}", Work(), f"person {person}")
    with pytest.raises(QueueFull, match="3 jobs wait already"):
        queue.submit("one too many", Work(), "late")
    queue.submit("picture 1", Work(), "late")  # joining is not waiting longer


def test_a_failed_job_tells_why_and_the_line_moves_on():
    def fail(job):
        raise JobFailed("The picture is a drawing of a sheep.")

    queue, after = Line("test", carry_out), Work()
    queue.submit("bad", fail, "anna")
    queue.submit("good", after, "ben")
    after.go_on.set()
    assert finish(queue, "bad").error == "The picture is a drawing of a sheep."
    assert finish(queue, "good").state == "done"


def test_nobody_asked_for_it():
    assert Line("test", carry_out).progress("unknown") is None


def test_at_the_end_of_the_process_the_running_job_is_waited_for(busy):
    queue, first = busy
    queue.submit("waiting", Work(), "ben")
    threading.Timer(0.1, first.go_on.set).start()
    queue.close(SECONDS)
    assert [queue.progress(key).state for key in ("first", "waiting")] == ["cancelled"] * 2
