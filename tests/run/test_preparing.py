"""`./run` prepares .venv: what it installs, when, and what becomes of an accident half-way."""

import errno
import json
import signal

import pytest

CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def test_the_cpu_build_comes_from_pytorch_alone_and_nothing_else_does(checkout):
    reply = checkout.run("--device", "cpu", "--no-start")
    assert reply.returncode == 0, reply.stderr
    assert f"torch 2.13.0: CPU build, about 190 MB, from {CPU_INDEX}" in reply.stdout
    assert checkout.installed() == [
        ("--no-deps", "--default-index", CPU_INDEX, "torch==2.13.0+cpu"),
        ("-r", "requirements.txt"),
    ]


def test_a_cpu_build_among_pips_own_sources_comes_first(checkout):
    (checkout.tools / "sources-hold-cpu-torch").touch()
    reply = checkout.run("--device", "cpu", "--no-start")
    assert "from a source pip knows" in reply.stdout
    assert checkout.installed()[0] == ("--no-deps", "torch==2.13.0+cpu")


def test_cuda_never_ends_in_the_cpu_build_that_lies_nearer(checkout):
    reply = checkout.run("--device", "cuda", "--no-start")
    assert "CUDA build, about 2.7 GB" in reply.stdout
    assert checkout.installed()[0] == ("--no-deps", "torch==2.13.0,!=2.13.0+cpu")


def test_pips_configuration_reaches_uv(checkout, tmp_path):
    present = tmp_path / "present"
    present.mkdir()
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://mirror.example/simple\nfind-links = /wheels\n"
        f"extra-index-url =\n  file://{present}\n  file:///not/there\n"
    )
    checkout.environ |= {"PIP_CONFIG_FILE": str(config), "PIP_FIND_LINKS": "/a /b"}
    checkout.run("--no-start")
    _, said = checkout.uv_calls()[-1]
    assert said == {
        "UV_FIND_LINKS": "/a,/b",
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INDEX": f"file://{present}",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_an_unchanged_lock_installs_nothing(checkout):
    checkout.run("--no-start")
    before = len(checkout.uv_calls())
    reply = checkout.run("--no-start")
    assert (reply.stdout, reply.stderr) == ("", "")
    assert len(checkout.uv_calls()) == before


def test_a_changed_lock_keeps_the_torch_that_is_there(checkout):
    checkout.run("--device", "cpu", "--no-start")
    before = len(checkout.installed())
    checkout.write("requirements.txt", "torch==2.13.0\nsmall==2.0\n")
    reply = checkout.run("--no-start")
    assert "torch 2.13.0: already there" in reply.stdout
    assert checkout.installed()[before:] == [("-r", "requirements.txt")]


def test_an_explicit_device_replaces_a_build_that_cannot_serve_it(checkout):
    checkout.run("--device", "cpu", "--no-start")
    checkout.run("--device", "cuda", "--no-start")
    assert ("--no-deps", "torch==2.13.0,!=2.13.0+cpu") in checkout.installed()


def test_a_refused_installation_is_tried_again_and_never_counts_as_done(checkout):
    (checkout.tools / "fails").touch()
    reply = checkout.run("--no-start")
    assert reply.returncode == 1 and "Traceback" not in reply.stderr
    assert "failed; its reason stands above" in reply.stderr
    (checkout.tools / "fails").unlink()
    assert "Ready after" in checkout.run("--no-start").stdout
    assert sum(words[0] == "venv" for words, _ in checkout.uv_calls()) == 1


def test_an_interrupted_installation_starts_from_nothing(checkout):
    (checkout.tools / "is-killed").touch()
    assert checkout.run("--no-start").returncode == -signal.SIGKILL
    (checkout.tools / "is-killed").unlink()
    assert "Ready after" in checkout.run("--no-start").stdout
    assert sum(words[0] == "venv" for words, _ in checkout.uv_calls()) == 2


def test_a_missing_venv_module_is_one_sentence_with_the_cure(script, monkeypatch):
    monkeypatch.setattr(script.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(script.Stop, match="apt install python3-venv"):
        script.Installer(uv=None, environ={}).create(keep=False)


def test_a_broken_pip_configuration_is_named(checkout, tmp_path):
    config = tmp_path / "broken.conf"
    config.write_text("find-links = without a section\n")
    checkout.environ["PIP_CONFIG_FILE"] = str(config)
    reply = checkout.run("--no-start")
    assert str(config) in reply.stderr and "Traceback" not in reply.stderr


@pytest.mark.parametrize(
    "stamp",
    ["", "{", "[]", "null", '{"lock": 3}', '{"lock": "x", "python": 3, "test": true}', "\0\0"],
)
def test_a_damaged_stamp_means_unknown_and_is_made_again(checkout, stamp):
    checkout.run("--no-start")
    before = len(checkout.installed())
    checkout.write(".venv/deformviz-ready.json", stamp)
    reply = checkout.run("--no-start")
    assert reply.returncode == 0 and reply.stderr == ""
    assert checkout.installed()[before:] == [("-r", "requirements.txt")]
    assert checkout.run("--no-start").stdout == ""


def test_a_stamp_that_is_no_text_is_made_again(checkout):
    checkout.run("--no-start")
    (checkout.root / ".venv" / "deformviz-ready.json").write_bytes(b"\xff\xfe")
    assert "Ready after" in checkout.run("--no-start").stdout


def test_an_environment_whose_python_says_nonsense_is_made_new(checkout):
    checkout.run("--no-start")
    checkout.write(".venv/found.json", "3")
    reply = checkout.run("--no-start")
    assert reply.returncode == 0 and "Ready after" in reply.stdout
    assert sum(words[0] == "venv" for words, _ in checkout.uv_calls()) == 2


def test_a_stamp_is_written_at_once_or_not_at_all(script, monkeypatch, tmp_path):
    monkeypatch.setattr(script, "STAMP", tmp_path / "ready.json")
    script.write_stamp(lock="a", python=[3, 11], test=False)

    def killed(*places):
        raise KeyboardInterrupt

    monkeypatch.setattr(script.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        script.write_stamp(lock="b", python=[3, 11], test=True)
    assert script.read_stamp() == {"lock": "a", "python": [3, 11], "test": False}


def test_two_at_once_prepare_once(checkout):
    (checkout.tools / "is-slow").touch()
    both = [checkout.start("--no-start"), checkout.start("--no-start")]
    said = sorted(process.communicate(timeout=60)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == "Waiting for another ./run that prepares the environment.\n"
    assert "Ready after" in said[1]
    assert sum(words[0] == "venv" for words, _ in checkout.uv_calls()) == 1


def test_a_full_disk_is_a_sentence_and_the_next_start_works(checkout):
    checkout.write("full.py", FULL_DISK)
    reply = checkout.run("--no-start", script="full.py")
    assert reply.returncode == 1 and "Traceback" not in reply.stderr
    assert reply.stderr.startswith("run: No space left on device")
    assert "start again" in reply.stderr
    assert "Ready after" in checkout.run("--no-start").stdout
    assert json.loads((checkout.root / ".venv" / "deformviz-ready.json").read_text())["lock"]


# Starts `run` on a machine whose disk is full when the stamp is written.
FULL_DISK = f"""
import pathlib, runpy, sys
write = pathlib.Path.write_text
def full(path, *text, **options):
    if path.name.startswith("deformviz-ready"):
        raise OSError({errno.ENOSPC}, "No space left on device", str(path))
    return write(path, *text, **options)
pathlib.Path.write_text = full
script = str(pathlib.Path(__file__).with_name("run"))
sys.argv[0] = script
runpy.run_path(script, run_name="__main__")
"""
