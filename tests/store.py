"""An S3 store on loopback (moto) that keeps every version of every object."""

import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from limits import HANG

BUCKET = "photos"
_SERVE = "import logging, sys; from moto.server import main; logging.disable(); main(['-p', sys.argv[1]])"


class Store:
    """The store, and what programs need in their environment to take it for S3."""

    def __init__(self, port: int) -> None:
        self.environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        }
        import boto3

        self.client: Any = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="none",
            aws_secret_access_key="none",
            region_name="us-east-1",
        )
        self.client.create_bucket(Bucket=BUCKET)
        self.client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def get(self, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def uploads(self, prefix: str) -> Counter[str]:
        """How often each object below a prefix was written."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=BUCKET, Prefix=prefix)
        return Counter(version["Key"] for page in pages for version in page.get("Versions", ()))

    def count(self, prefix: str) -> int:
        """How many objects there are below a prefix: cheaper than `uploads`."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return sum(page["KeyCount"] for page in pages)

    def unfinished(self) -> int:
        """How many uploads in parts were begun and not completed."""
        return len(self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()))


@contextmanager
def served_store() -> Iterator[Store]:
    """A store with an empty bucket; it ends with the context."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port, server)
        yield Store(port)
    finally:
        server.kill()
        server.wait()


def _wait(port: int, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(10 * HANG):
        assert server.poll() is None, "moto has ended"
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("moto does not answer")
