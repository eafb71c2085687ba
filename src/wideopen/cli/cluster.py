"""`--cluster` and its company, as commands take them."""

import os
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from wideopen.batch.cluster import ClusterOptions


def cluster_options(address: str | None, workers: int | None) -> "ClusterOptions | None":
    """What the options of a command say of a cluster; None if the work is for this machine alone."""
    if address is None:
        if workers is not None:
            raise typer.BadParameter("--workers goes with --cluster")
        return None
    from wideopen.batch.cluster import ClusterOptions

    return ClusterOptions(address, workers)


def seen_by_all(name: str) -> str:
    """A name as all machines of a cluster understand it: a URL, or an absolute path."""
    from wideopen.batch.stores import is_url

    if is_url(name):
        return name
    return os.path.abspath(name.removeprefix("file://")) + ("/" if name.endswith("/") else "")
