"""`./run` hands over: to the app's command, to pytest and to the other tools."""

import pytest


def test_the_app_is_the_command_of_the_library_and_gets_every_wish(checkout, tmp_path):
    reply = checkout.run(
        "--port", "8765", "--lan", "--checkpoints", str(tmp_path), "--device", "cpu"
    )
    assert reply.returncode == 0, reply.stderr
    words = ["-m", "deformviz", "app", "--device", "cpu", "--lan", "--port", "8765"]
    assert checkout.started() == [*words, "--checkpoints", str(tmp_path)]


def test_without_a_wish_the_app_decides(checkout):
    checkout.run()
    assert checkout.started() == ["-m", "deformviz", "app", "--device", "auto"]


def test_the_budgets_are_a_command_too(checkout):
    checkout.run("budgets", "--quick")
    assert checkout.started() == ["-m", "tests.bench.budgets", "--quick"]


def test_tests_add_their_tools_once_and_pass_on_their_arguments_and_status(checkout):
    checkout.run("--no-start")
    reply = checkout.run("test", "-k", "geometry", "-x", "tests/test_geometry.py")
    assert reply.returncode == 5  # what the pretended pytest returns
    assert checkout.started() == [
        "-m",
        "pytest",
        "-k",
        "geometry",
        "-x",
        "tests/test_geometry.py",
    ]
    assert checkout.installed()[-1] == ("-e", ".[test]", "-c", "tests/requirements.txt")
    before = len(checkout.uv_calls())
    assert checkout.run("test").returncode == 5
    assert checkout.run("--no-start").returncode == 0
    assert len(checkout.uv_calls()) == before


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--checkpoints", "/not/there"], "--checkpoints: /not/there is not a folder."),
        (["--colour"], "unknown: --colour"),
        (["tset"], "invalid choice: 'tset'"),
    ],
)
def test_a_wrong_command_line_is_told_in_a_sentence(checkout, arguments, words):
    reply = checkout.run(*arguments)
    assert reply.returncode in (1, 2) and words in reply.stderr
    assert "Traceback" not in reply.stderr and not checkout.uv_calls()
