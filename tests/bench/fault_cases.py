"""Attacks and faults, one by one, for `tests.bench.faults`: what happens, and what must be said."""

from __future__ import annotations

import io
import logging
import os
import shutil
import signal
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import deformviz as dv
from deformviz.analysis import price
from deformviz.attention import backends
from deformviz.checkpoints.browse import list_checkpoints
from deformviz.checkpoints.errors import CheckpointError
from deformviz.models.deformable_detr import DeformableDETRConfig
from deformviz.tracing.pictures import PictureError, read_picture
from tests.bench.faults import Fault
from tests.checkpoints.lying_files import CASES, dangling

GIBIBYTE = 2**30
LINK = "[click](https://example.org) ![p](https://example.org/p.png)"
PAGE_MIB = 400.0  # a page of the app, with Streamlit, in a process that had neither


def import_what_all_need() -> None:
    """Once, before there are processes: what each of them would import or load otherwise."""
    torch.set_num_threads(1)
    dv.load("deformable-detr-scenes")
    read_picture(encoded(Image.new("RGB", (8, 8)), "PNG"))


def every_fault(*, quick: bool) -> list[Fault]:
    """All of them; where it must be quick, without what compiles the kernels anew."""
    return [
        *lying_files(),
        *broken_files(),
        *pictures(),
        *folders(),
        *compilers(),
        *([] if quick else [rebuilt_library()]),
        *orders(),
        *pages(),
    ]


# -- files of weights ----------------------------------------------------------------------------


def opened(path: Path) -> str:
    """What is said of a file."""
    try:
        return f"loaded as {type(dv.load(path)).__name__}"
    except CheckpointError as problem:
        return str(problem)


def lying_files() -> list[Fault]:
    """Headers and arguments that claim what nobody can give, and links that lead elsewhere."""

    def one(name: str, make: Callable[[Path], Path], said: str) -> Fault:
        ending = ".pth" if "arguments" in name else ".safetensors"
        return Fault(
            "file",
            name,
            lambda folder: opened(folder / f"it{ending}"),
            said or "^(?!loaded|raised)",
            lambda folder: make(folder / f"it{ending}"),
        )

    return [one(name, make, said) for name, (make, said) in CASES.items()] + [priced()]


def priced() -> Fault:
    """What no bound of a single field catches."""

    def act(folder: Path) -> str:
        config = DeformableDETRConfig(short_side=None, long_side=4096)
        try:
            price.check(price.price_of(config, (768, 1024)), memory_bytes=2 * GIBIBYTE, seconds=60)
        except price.TooLarge as problem:
            return str(problem)
        return "allowed"

    return Fault("run", "pictures of 4096 pixels, priced before the model runs", act, "GiB")


class Touch:
    """Pickles as a command that leaves a file behind when it is executed."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def broken_files() -> list[Fault]:
    """Files that would execute something, inflate, or promise more than is there."""

    def huge_header(folder: Path) -> None:
        (folder / "it").write_bytes(struct.pack("<Q", 2**40) + b"{}")

    def deflated(folder: Path) -> None:
        torch.save({"model": {"weight": torch.zeros(12_500_000)}}, folder / "whole")
        with zipfile.ZipFile(folder / "whole") as whole:
            with zipfile.ZipFile(folder / "it", "w", zipfile.ZIP_DEFLATED) as small:
                for name in whole.namelist():
                    small.writestr(name, whole.read(name))

    def executes(folder: Path) -> None:
        torch.save({"model": {}, "args": Touch(folder / "executed")}, folder / "it")

    def expanded(folder: Path) -> None:
        torch.save({"w": torch.zeros(1).expand(10**12)}, folder / "it")

    def looked(folder: Path) -> str:
        (folder / "it").rename(folder / "it.pth")
        said = opened(folder / "it.pth")
        return "It was executed." if (folder / "executed").exists() else said

    return [
        Fault("file", name, looked, said, prepare)
        for name, prepare, said in (
            ("a header of a tebibyte", huge_header, "claims a header"),
            ("50 MB deflated to 50 kB", deflated, "compressed"),
            ("a pickle that executes", executes, "nothing of it was executed"),
            ("a tensor of 10¹² numbers in 4 bytes", expanded, "claims the shape"),
        )
    ]


# -- pictures ------------------------------------------------------------------------------------


def encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def pictures() -> list[Fault]:
    """What people and strangers hand in as a picture."""
    from tests.tracing.test_pictures import png_header

    ordinary = Image.new("RGB", (56, 40), "teal")

    def read(source: Any) -> str:
        try:
            height, width, _ = read_picture(source).shape
        except PictureError as problem:
            return str(problem)
        return f"read: {height}×{width}"

    def one(name: str, source: Callable[[Path], Any], said: str) -> Fault:
        return Fault("picture", name, lambda folder: read(source(folder)), said)

    def pipe(folder: Path) -> Path:
        os.mkfifo(folder / "pipe.png")
        return folder / "pipe.png"

    return [
        one("AVIF", lambda folder: encoded(ordinary, "AVIF"), "read: 40×56"),
        one("TIFF", lambda folder: encoded(ordinary, "TIFF"), "read: 40×56"),
        one("HEIC", lambda folder: b"\0\0\0\x18ftypheic" + bytes(40), "save it as JPEG"),
        one("2×20,000", lambda folder: np.zeros((20_000, 2, 3), np.uint8), "Cut it into pieces"),
        one("3.6 gigapixels, claimed", lambda folder: png_header(60_000, 60_000), "megapixels"),
        one("half a JPEG", lambda folder: encoded(ordinary, "JPEG")[:400], "damaged|not an image"),
        one("int32", lambda folder: Image.new("I", (56, 40), 70), "read: 40×56"),
        one("None", lambda folder: None, "this is None"),
        one("an address", lambda folder: "https://example.org/a.jpg", "nothing is fetched"),
        one("a folder", lambda folder: folder, "is a folder"),
        one("/dev/zero", lambda folder: "/dev/zero", "^(?!read|raised)"),
        one("a named pipe", pipe, "^(?!read|raised)"),
    ]


# -- folders an operator names -------------------------------------------------------------------


def folders() -> list[Fault]:
    """A folder of checkpoints in which links lead nowhere and out of it."""

    def prepare(folder: Path) -> None:
        shutil.copy(dv.__path__[0] + "/assets/dat-scenes.safetensors", folder / "good.safetensors")
        dangling(folder / "gone.pth")
        (folder / "circle.pth").symlink_to("circle.pth")
        (folder / "outside.safetensors").symlink_to("/etc/hostname")
        (folder / "folder.pth").mkdir()

    def listed(folder: Path) -> str:
        return "listed: " + ", ".join(one.name for one in list_checkpoints(folder))

    return [Fault("folder", "links that dangle or lead out", listed, r"^listed: good\S+$", prepare)]


# -- the compiled op -----------------------------------------------------------------------------


class Heard(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def the_op_runs() -> str:
    """Call the op as its users do; what it warned of."""
    logging.getLogger().addHandler(heard := Heard())
    locations, weights = torch.rand(1, 3, 2, 1, 2, 2), torch.rand(1, 3, 2, 1, 2)
    found = dv.ms_deform_attn(torch.randn(1, 20, 2, 4), [(4, 5)], locations, weights)
    assert tuple(found.shape) == (1, 3, 8)
    return heard.said[0] if heard.said else f"runs {backends.which_backend('cpu').name}"


def with_compiler(shell: str, **environment: str) -> Callable[[Path], str]:
    """The op where the compiler is a line of shell; "" for none."""

    def act(folder: Path) -> str:
        script = folder / "a-compiler"
        script.write_text(f"#!/bin/sh\n{shell}\n")
        script.chmod(0o755)
        os.environ.update({"CXX": str(script), "DEFORMVIZ_CACHE": str(folder), **environment})
        backends.build_script().ANSWERS_WITHIN_S = 1.0
        return the_op_runs()

    return act


def compilers() -> list[Fault]:
    """Compilers that are broken in every way, and a library of which half is left."""
    real = shutil.which("g++") or "g++"
    talks = f'case "$1" in --version) exec {real} --version;; esac; '

    def damage(folder: Path) -> None:
        build = backends.build_script()
        whole = build.build_cpu()
        (folder / "whole.so").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    def half_a_library(folder: Path) -> str:
        build = backends.build_script()
        found = with_compiler(talks + "exit 1")
        name = library_name(build, folder, talks + "exit 1")
        (folder / "whole.so").rename(folder / name)
        shutil.copy(build.checksum_file(build.build_cpu()), build.checksum_file(folder / name))
        return found(folder)

    return [
        Fault("op", name, act, said)
        for name, act, said in (
            ("a compiler that fails", with_compiler("exit 1"), "runs on plain PyTorch"),
            (
                "a compiler that fails later",
                with_compiler(talks + "echo no; exit 3"),
                "runs on plain PyTorch",
            ),
            (
                "a compiler that says what is not UTF-8",
                with_compiler("printf '\\377\\376 kaputt'; exit 1"),
                "runs on plain PyTorch",
            ),
            ("a compiler that is killed", with_compiler("kill -9 $$"), "runs on plain PyTorch"),
            ("a compiler that hangs", with_compiler("sleep 600"), "longer than 1 s"),
            (
                "no compiler",
                with_compiler("", CXX="", PATH="/nonexistent"),
                "No C\\+\\+ compiler was found",
            ),
            (
                "a user without a home",
                with_compiler("exit 1", DEFORMVIZ_CACHE="~nobody-of-this-name/cache"),
                "runs on plain PyTorch",
            ),
        )
    ] + [Fault("op", "half a library, and no compiler", half_a_library, "plain PyTorch", damage)]


def library_name(build: Any, folder: Path, shell: str) -> str:
    """What the library is called that this compiler would build."""
    script = folder / "a-compiler"
    script.write_text(f"#!/bin/sh\n{shell}\n")
    script.chmod(0o755)
    flags = [build.instruction_sets(), build.FLOAT64_FLAGS]
    return build.library_for("cpu", [str(script)], flags).name


def rebuilt_library() -> Fault:
    """Half a library where there is a compiler: it is built again, which takes a minute."""

    def prepare(folder: Path) -> None:
        whole = backends.build_script().build_cpu()
        (folder / whole.name).write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    def act(folder: Path) -> str:
        os.environ["DEFORMVIZ_CACHE"] = str(folder)
        return the_op_runs()

    return Fault("op", "half a library, built again", act, "^runs cpu$", prepare, most_s=600)


# -- what a worker is told to do -----------------------------------------------------------------


def orders() -> list[Fault]:
    """Work that takes too much, never ends, or ends its process."""
    from app.line import Line
    from app.supervisor import Supervisor
    from app.worker import Limits, Order

    def ordered(name: str, *arguments: Any) -> Callable[[Path], str]:
        def act(folder: Path) -> str:
            worker = Supervisor("faults", Limits(GIBIBYTE, 3.0))
            line = Line("faults", worker.carry_out)
            try:
                for key, what in (("bad", name), ("good", "process_id")):
                    (folder / key).mkdir()
                    given = arguments if key == "bad" else ()
                    order = Order(f"tests.app.pieces_of_work:{what}", given, folder / key)
                    line.submit(key, order, f"who wants the {key} one")
                bad, good = (line.wait(key, 120) for key in ("bad", "good"))
                assert good is not None and good.state == "done", "the next order was not done"
                return bad.error if bad is not None else "not over"
            finally:
                worker.end()

        return act

    return [
        Fault("work", name, act, said)
        for name, act, said in (
            ("2 GiB where 1 is allowed", ordered("eat_memory"), "more memory than the 1 GiB"),
            ("no end", ordered("deaf"), "longer than the 3 s"),
            ("SIGBUS", ordered("crash", signal.SIGBUS), "ended by SIGBUS"),
            ("SIGSEGV", ordered("crash", signal.SIGSEGV), "ended by SIGSEGV"),
            ("SIGKILL", ordered("crash", signal.SIGKILL), "ended by SIGKILL"),
        )
    ]


# -- pages ---------------------------------------------------------------------------------------


def pages() -> list[Fault]:
    """Links that carry links."""

    def visited(name: str, **link: str) -> Callable[[Path], str]:
        def act(folder: Path) -> str:
            from tests.app.visit import visit

            page = visit(name, **link).run()
            said = next(note.value for note in page.info if "example" in note.value)
            assert not page.exception and "](" not in said
            return said

        return act

    return [
        Fault("page", name, act, r"example\\\.org", most_mib=PAGE_MIB, most_s=30)
        for name, act in (
            ("Attribution asked for Markdown", visited("attribution", detection=LINK)),
            ("Myths asked for Markdown", visited("myths", **{LINK: "1"})),
        )
    ]
