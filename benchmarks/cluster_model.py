"""A cluster of workers on a million photos, event by event, from measured times."""

import heapq
from dataclasses import dataclass

import numpy as np

from wideopen.batch.cluster import task_sizes

LIMITS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
PHOTOS = 1_000_000
REQUEST_S, STORE_BYTES_S, WORKER_BYTES_S = 0.05, 5e9, 50e6
"""Assumed of an object store: seconds for a request to begin to answer, bytes a second of the whole store and of one
worker's connection."""
REQUESTS, BYTES_PER_MP = 4, 0.4e6
"""For a photo: two for whether the result is there, read, write. Bytes of a JPEG, read once and written once."""
PAGE, PAGE_S = 1000, 0.1
"""Names in an answer of a store that is listed, and seconds for it."""


@dataclass(frozen=True)
class Measured:
    """What `batch/cluster.py` measured; seconds."""

    start_s: float
    """To the first result with one worker."""
    handing_s: float
    """For a task that is handed to Ray, before any is begun."""
    dispatch_s: float
    """For a task that is dispatched and whose results are taken, in the driver."""
    listing_s: float
    """For a name that is found and planned."""
    photo_s: tuple[float, ...]
    sizes_mp: tuple[int, ...]
    """Of photos, as likely as one another."""


@dataclass(frozen=True)
class Simulated:
    workers: int
    hours: float
    rate: float
    """Photos a second, in the middle of the run."""
    efficiency: float
    """Of what so many workers would do if they rendered all the time, from the first second to the last."""
    held_up_by: str


def simulate(measured: Measured, workers: int, photos: int = PHOTOS, seed: int = 0) -> Simulated:
    """Tasks go, one after another, through the driver to whichever worker is free first."""
    rng = np.random.default_rng(seed)
    items = np.array(task_sizes(photos, workers))
    starts, tasks = np.cumsum(items) - items, len(items)
    sizes = rng.integers(0, len(measured.photo_s), photos)
    render = np.asarray(measured.photo_s)[sizes] * rng.lognormal(0, 0.1, photos)
    moved = 2 * BYTES_PER_MP * np.asarray(measured.sizes_mp)[sizes]
    slowest = max(1 / WORKER_BYTES_S, workers / STORE_BYTES_S)
    seconds = np.add.reduceat(render + REQUESTS * REQUEST_S + moved * slowest, starts)
    listing = photos * measured.listing_s + 2 * photos / PAGE * PAGE_S
    before = listing + tasks * measured.handing_s + measured.start_s
    free = [before] * workers
    driver, waited, ends = before, 0.0, np.empty(tasks)
    for number, needed in enumerate(seconds):
        ready = heapq.heappop(free)
        driver = max(driver + measured.dispatch_s, ready)
        waited += driver - ready
        ends[number] = driver + needed
        heapq.heappush(free, float(ends[number]))
    end = float(ends.max())
    ideal = float(render.sum()) / workers
    lost = {
        "listing and handing over": before,
        "the store": float(seconds.sum() - render.sum()) / workers,
        "the driver's dispatch": waited / workers,
        "the last tasks": end - float(np.mean(sorted(free))),
    }
    held_up_by = max(lost, key=lambda name: lost[name])
    order = np.argsort(ends)
    done, at = np.cumsum(items[order]), ends[order]
    low, high = np.searchsorted(done, (photos // 4, 3 * photos // 4))
    rate = float((done[high] - done[low]) / (at[high] - at[low]))
    return Simulated(workers, end / 3600, rate, ideal / end, f"{held_up_by} ({lost[held_up_by] / end:.0%})")
