"""deformviz survey: many pictures, one study. deformviz merge: join what several machines made."""

import argparse
import sys
import time
from pathlib import Path

HELP = "measure a model on a folder, list, COCO file or scenes"
RUNS_MODELS = True


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="name, path, hf:name or module:factory")
    parser.add_argument(
        "--images", required=True, help="folder, list of paths, COCO .json, or scenes:N"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the study; goes on there"
    )
    parser.add_argument("--root", type=Path, help="where the pictures of a list or COCO file lie")
    parser.add_argument("--queries", default="all", help="detections, all, or sample:K")
    parser.add_argument("--layers", nargs="*", default=(), help="names, default all")
    parser.add_argument("--limit", type=int, help="the first so many pictures")
    parser.add_argument("--seed", type=int, default=0, help="of sample:K")
    parser.add_argument("--score", type=float, default=0.3, help="of detections that count")
    parser.add_argument("--workers", type=int, default=1, help="processes, one thread each")
    parser.add_argument("--shard", default="0/1", metavar="I/N", help="the I-th of N equal shares")
    parser.add_argument(
        "--extremes", action="store_true", help="keep recordings of the pictures farthest out"
    )
    parser.add_argument("--report", type=Path, metavar="HTML", help="also a page that stands alone")
    parser.add_argument(
        "--tables", type=Path, metavar="DIR", help="also CSV, Parquet and NPZ, for other programs"
    )
    parser.add_argument(
        "--cluster", nargs="?", const="", metavar="ADDRESS", help="share the work by Ray"
    )
    parser.add_argument(
        "--gpus", type=float, default=0.0, help="of --cluster: what each actor takes of a GPU"
    )


def act(options: argparse.Namespace) -> int:
    from deformviz.survey.finish import keep_results
    from deformviz.survey.make import make, plan
    from deformviz.survey.pictures import SurveyError
    from deformviz.survey.study import Study
    from deformviz.survey.verdicts import verdicts

    settings, pictures = plan(
        options.model,
        options.images,
        queries=options.queries,
        layers=options.layers,
        limit=options.limit,
        seed=options.seed,
        least_score=options.score,
        root=options.root,
    )
    try:
        shard, shards = (int(number) for number in options.shard.split("/"))
    except ValueError:
        raise SurveyError(
            f"--shard {options.shard} is none; write I/N, for instance 0/4."
        ) from None
    if options.cluster is not None:
        from deformviz.survey.cluster import make_on_cluster

        make_on_cluster(
            options.out,
            settings,
            pictures,
            address=options.cluster or None,
            gpus=options.gpus,
            on_progress=_tell(),
        )
    elif options.gpus:
        raise SurveyError("--gpus goes with --cluster; without it a survey runs on processors.")
    else:
        make(
            options.out,
            settings,
            pictures,
            shard=shard,
            shards=shards,
            workers=options.workers,
            on_progress=_tell(),
        )
    if not settings.parts_of_shard(shard, shards):
        print(
            f"{options.out}: no picture falls to share {shard} of {shards}; merge it all the same."
        )
        return 0
    study = Study(options.out)
    if study.complete:
        keep_results(study)
    print(f"\n{options.out}: {study.covered:,} of {settings.pictures:,} pictures.")
    skipped = study.skipped()
    for name, problem in skipped[:20]:
        print(f"  skipped {name}: {problem}")
    if len(skipped) > 20:
        print(f"  and {len(skipped) - 20} more; they are in the table of pictures")
    if study.complete:
        for verdict in verdicts(study):
            print(f"- {verdict.text}")
    if study.complete and options.extremes:
        from deformviz.survey.extremes import keep_extremes
        from deformviz.survey.operator import open_model

        for one in keep_extremes(study, open_model(settings.model), pictures):
            print(f"  {options.out / one.file}: {one.kind}, {one.layer}, {one.name}")
    take_along(study, options.report, options.tables)
    return 0


def take_along(study, report: Path | None, tables: Path | None) -> None:
    """The files somebody asked for beside the study."""
    if report:
        from deformviz.figures.survey_report import survey_report

        report.write_text(survey_report(study, title=study.folder.path.name), encoding="utf-8")
        print(f"Report: {report}")
    if tables:
        from deformviz.survey.exports import export

        for path in export(study, tables):
            print(f"  {path}")


def _tell():
    """A line of progress that is written over on a terminal, and seldom elsewhere."""
    last = 0.0
    live = sys.stderr.isatty()

    def tell(progress) -> None:
        nonlocal last
        if not live and time.monotonic() - last < 10 and progress.done < progress.count:
            return
        last = time.monotonic()
        left = progress.seconds_left
        words = f"{progress.done:,} of {progress.count:,} pictures"
        if left is not None:
            words += f", {progress.rate:.1f} a second, {_duration(left)} left"
        print(words, end="\r" if live else "\n", file=sys.stderr, flush=True)

    return tell


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes}:{rest:02d}"
