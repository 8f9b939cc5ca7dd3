"""`deformviz doctor`: what runs the op on this machine, and how exactly."""

import argparse

HELP = "say what runs the op here, and how exactly"


def add_options(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def act(options: argparse.Namespace) -> int:
    """Versions, compilers, back ends of the op, and how far each is from the reference."""
    from deformviz.attention.diagnosis import diagnosis

    for subject, found in diagnosis():
        print(f"{subject:<22}{found}")
    return 0
