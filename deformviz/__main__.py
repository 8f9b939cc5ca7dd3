"""`python -m deformviz` is the command `deformviz`."""

from deformviz.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
