"""The list of planted faults fits the code, and the runner tells what it must."""

from pathlib import Path

from tests.mutants import Mutant, read_mutants, third_of

ROOT = Path(__file__).parents[1]


def test_no_pattern_is_stale():
    stale = {mutant.name: why for mutant in read_mutants() if (why := mutant.stale())}
    assert not stale


def test_names_differ_and_there_are_enough():
    names = [mutant.name for mutant in read_mutants()]
    assert len(set(names)) == len(names) >= 100


def test_every_mutant_belongs_to_one_third():
    mutants = read_mutants()
    thirds = [third_of(mutants, f"{number:08x}abc") for number in range(3)]
    assert sorted(number for number, _ in thirds) == [0, 1, 2]
    assert sorted(m.name for _, part in thirds for m in part) == sorted(m.name for m in mutants)
    assert third_of(mutants, "4f1c9e0a77")[1] == third_of(mutants, "4f1c9e0a12")[1]


def test_a_pattern_that_is_gone_or_twice_there_is_stale(tmp_path):
    (tmp_path / "code.py").write_text("a = 1\nb = 1\nb = 1\n")
    (tmp_path / "test_code.py").touch()
    planted = {
        what: Mutant("m", "code.py", what, "c = 2", ("test_code.py::test_it",)).stale(tmp_path)
        for what in ("a = 1", "b = 1", "d = 1")
    }
    assert planted["a = 1"] == ""
    assert "2 times" in planted["b = 1"] and "0 times" in planted["d = 1"]
    assert Mutant("m", "gone.py", "a", "b", ()).stale(tmp_path) == "gone.py does not exist"
    lost = Mutant("m", "code.py", "a = 1", "c", ("test_gone.py",)).stale(tmp_path)
    assert lost == "there is no test_gone.py"
