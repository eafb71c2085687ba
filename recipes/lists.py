"""Choose the photos of the shipped models' pairs.

Reads an index of photos (CSV with the columns set, name, subject_area, unsure, border_sharpness, usable, holdout)
and writes lists for `wideopen synthesize --only`, one SET/NAME a line:

    train.txt     the default model's: all that are usable and not held out (synthesize drops unsure mattes itself)
    every.txt     all that are not held out, for what it was trained on with afterwards
    heldout.txt   usable, never trained on
    free.txt      the first model's, of sets whose terms let a model trained on them be shipped
    research.txt  the first model's, of sets given for research only
    holdout.txt   what the first model was measured on

For the first model photos whose border is already soft are left out: a blurred background teaches nothing. So are those
whose subject is tiny or fills the frame, or whose matte is unsure over a large area. Its held-out list, to have a
hundred pairs, takes softer borders and mattes, and the held-out photos of one research set.

    python recipes/lists.py INDEX.csv FOLDER
"""

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

FREE = {"osie", "mdextractor", "cq100", "kodak", "gb82", "cid22", "clic2025"}
RESEARCH = {"imagenet", "ecssd"}


@dataclass(frozen=True)
class Criteria:
    """What a photo must have; shares in 0..1."""

    min_border_sharpness: float = 0.2
    max_unsure: float = 0.15
    min_subject: float = 0.02
    max_subject: float = 0.65

    def fit(self, row: dict[str, str]) -> bool:
        """Whether a row of the index is good enough."""
        return (
            row["usable"] == "1"
            and float(row["border_sharpness"]) >= self.min_border_sharpness
            and float(row["unsure"]) <= self.max_unsure
            and self.min_subject <= float(row["subject_area"]) <= self.max_subject
        )


TRAIN = Criteria()
HOLDOUT = Criteria(min_border_sharpness=0.1, max_unsure=0.3)


def choose(rows: list[dict[str, str]]) -> dict[str, list[str]]:
    """Names (SET/NAME) of each list."""

    def names(sets: set[str], holdout: str, criteria: Criteria) -> list[str]:
        chosen = [r for r in rows if r["set"] in sets and r["holdout"] == holdout and criteria.fit(r)]
        return sorted(f"{row['set']}/{row['name']}" for row in chosen)

    def usable(holdout: str) -> list[str]:
        return sorted(f"{r['set']}/{r['name']}" for r in rows if r["holdout"] == holdout and r["usable"] == "1")

    return {
        "train": usable("0"),
        "every": sorted(f"{row['set']}/{row['name']}" for row in rows if row["holdout"] == "0"),
        "heldout": usable("1"),
        "free": names(FREE, "0", TRAIN),
        "research": names(RESEARCH, "0", TRAIN),
        "holdout": names(FREE | {"imagenet"}, "1", HOLDOUT),
    }


def main() -> None:
    """Write the lists."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path, help="CSV index of the photos")
    parser.add_argument("folder", type=Path, help="where the lists are written")
    arguments = parser.parse_args()
    with arguments.index.open(newline="", encoding="utf-8") as file:
        lists = choose(list(csv.DictReader(file)))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name, names in lists.items():
        (arguments.folder / f"{name}.txt").write_text("\n".join(names) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
