"""An object store that speaks S3's protocol, on this machine: moto's server."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3  # type: ignore[import-untyped]
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCESS, SECRET = "somebody", "not/a secret"
REGION = "eu-central-1"


@dataclass(frozen=True)
class ObjectStore:
    """A store without buckets, and how a machine is led to it."""

    address: str

    @property
    def variables(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": ACCESS,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
        }

    def put(self, key: str, content: bytes) -> None:
        """Make an object, and its bucket; a key begins with it."""
        bucket, _, name = key.partition("/")
        client = boto3.client(
            "s3",
            endpoint_url=self.address,
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            region_name=REGION,
        )
        if bucket not in [each["Name"] for each in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        client.put_object(Bucket=bucket, Key=name, Body=content)


@contextmanager
def object_store(host: str = "127.0.0.1") -> Iterator[ObjectStore]:
    server = ThreadedMotoServer(ip_address=host, port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        yield ObjectStore(f"http://{host}:{port}")
    finally:
        server.stop()
