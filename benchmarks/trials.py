"""Quality against seconds of the trials that led to the shipped model.

    python benchmarks/trials.py docs/trials.csv [--svg docs/trials.svg] [--rounds 5]

Reads what each trial was and how good it came out (docs/log.md says how it was judged), builds its network anew with
drawn weights, which take as long as trained ones, and times it on one photo at its working size with one thread. The
lens draws the picture of any of them in the same time, which is left out, as the network's own picture needs none. Rows
without an encoder are marks: what the same pairs give without a network. A table; the last line is JSON.
"""

import argparse
import csv
import json
import statistics
import time
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from chart import Point, scatter
from wideopen.network.pynet import SIDE_MULTIPLE, PyNET
from wideopen.options import PyNETConfig

TOLD = 2
"""Planes that some trials had beside RGB: the aperture and the point of focus."""


def build(row: dict[str, str]) -> PyNET:
    told = TOLD if row["head"] == "residual" else 0
    config = PyNETConfig(
        in_channels=3 + told, width=float(row["width"]), blocks=row["blocks"],  # type: ignore[arg-type]
        head=row["head"], encoder=row["encoder"], init="he",  # type: ignore[arg-type]
    )  # fmt: skip
    return PyNET(config, 3).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def seconds(network: PyNET, side: int, rounds: int) -> float:
    """Median processor time of a 4:3 photo whose short side is `side`."""
    wide = round(side * 4 / 3 / SIDE_MULTIPLE) * SIDE_MULTIPLE
    photo = torch.rand(1, network.config.in_channels, side, wide).contiguous(memory_format=torch.channels_last)
    times = []
    with torch.inference_mode():
        network(photo)
        for _ in range(rounds):
            begun = time.process_time()  # One thread: other programs do not count.
            network(photo)
            times.append(time.process_time() - begun)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = list(csv.DictReader(options.table.open(encoding="utf-8")))
    found, marks = {}, {row["name"]: float(row["gain"]) for row in rows if not row["encoder"]}
    for row in rows:
        if row["name"] in marks:
            continue
        network = build(row)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        found[row["name"]] = {
            "seconds": round(seconds(network, int(row["input"]), options.rounds), 3), "gain": float(row["gain"]),
            "interval": float(row["interval"]), "samples": int(row["samples"]), "parameters": parameters,
        }  # fmt: skip
    table = Table("trial", "seconds", "gain dB (95 %)", "samples", "parameters")
    for name, item in found.items():
        gain = f"{item['gain']:+.2f} ({item['interval']:.2f})"
        table.add_row(name, str(item["seconds"]), gain, str(item["samples"]), f"{item['parameters'] / 1e6:.1f} M")
    Console().print(table)
    if options.svg:
        points = [
            Point(item["seconds"], item["gain"], name, "#1f6feb" if "ships" in name else "#57606a", item["interval"])
            for name, item in found.items()
        ]
        points += [Point(0.0, gain, name, "#d1242f") for name, gain in marks.items()]
        title = "Trials: gain over the photo left alone, held-out pairs, level 3"
        options.svg.write_text(
            scatter(title, points, "seconds of the network, one thread", "dB PSNR"), encoding="utf-8"
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
