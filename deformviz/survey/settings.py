"""What a study asks, as one frozen record; studies with equal settings can be joined."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from deformviz.survey.pictures import Picture, SurveyError

VERSION = 1
TYPES = {"model": str, "images": str, "queries": str, "pictures": int, "per_part": int}
PICTURES_PER_PART = 25  # finished and written together; what a kill costs at most


@dataclass(frozen=True)
class Settings:
    """What is measured, of which pictures. Equal settings make equal tables."""

    model: str  # name, path, "hf:name" or "module:factory"
    images: str  # as it was named
    pictures: int
    digest: str  # of the pictures' names, in order
    queries: str = "all"  # "detections", "all" or "sample:K"
    layers: tuple[str, ...] = ()  # empty: all that sample
    seed: int = 0  # of "sample:K"
    least_score: float = 0.3  # of detections that count
    per_part: int = PICTURES_PER_PART
    version: int = VERSION

    def __post_init__(self):
        sample = self.queries.partition("sample:")[2]
        if self.queries not in ("all", "detections") and not (sample.isdigit() and int(sample)):
            raise SurveyError(
                f"queries is {self.queries!r}; it must be detections, all or sample:K, "
                "for instance sample:50."
            )
        if not 0 <= self.least_score <= 1:
            raise SurveyError(f"least_score is {self.least_score}; it must lie between 0 and 1.")

    @property
    def sampled(self) -> int:
        """How many queries of a layer are drawn; 0: not drawn."""
        sample = self.queries.partition("sample:")[2]
        return int(sample) if sample else 0

    @property
    def parts(self) -> int:
        return -(-self.pictures // self.per_part)

    def range_of(self, part: int) -> range:
        """Numbers of the pictures of one part."""
        start = part * self.per_part
        return range(start, min(start + self.per_part, self.pictures))

    def parts_of_shard(self, shard: int, shards: int) -> list[int]:
        """The parts that one of several machines makes; together they make all of them."""
        if not (shards >= 1 and 0 <= shard < shards):
            raise SurveyError(
                f"shard {shard}/{shards} is none; write 0/{shards} to {shards - 1}/{shards}."
            )
        return list(range(self.parts))[shard::shards]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """The inverse of `to_json`. Raises SurveyError for another version or no settings."""
        try:
            values = json.loads(text)
            version = values.get("version")
        except (ValueError, AttributeError):
            raise SurveyError("study.json is damaged: it holds no settings of a study.") from None
        if version != VERSION:
            raise SurveyError(
                f"This study has version {version!r}, this deformviz reads version {VERSION}. "
                "Make it again, or open it with the deformviz that made it."
            )
        known = {item.name for item in fields(cls)}
        for name, kind in TYPES.items():
            if not isinstance(values.get(name, kind()), kind):
                raise SurveyError(f"study.json is damaged: {name} is {values[name]!r}.")
        try:
            return cls(
                **{
                    **{k: v for k, v in values.items() if k in known},
                    "layers": tuple(values.get("layers", ())),
                }
            )
        except TypeError as problem:
            raise SurveyError(f"study.json is damaged: {problem}.") from None


def digest_of(pictures: Sequence[Picture]) -> str:
    """Changes with the pictures' names and their order."""
    names = "\n".join(picture.name for picture in pictures)
    return hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()[:16]
