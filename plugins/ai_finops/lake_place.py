"""Where a lake on S3 lies, and where this machine keeps copies of what never changes in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LakeOnS3:
    """`s3://<bucket>/<prefix>`; credentials and endpoint are boto3's own business."""

    bucket: str
    prefix: str
    """Without a slash at its ends; may be empty."""
    aws_region: str
    copies: Path
    """Folder of this machine for copies."""
    copies_bytes: int
    """Copies that were not used for a day are dropped, the oldest first, while there is more than this of them."""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def key(self, key: str) -> str:
        """Return the bucket's key of one of the lake."""
        return f"{self.prefix}/{key}" if self.prefix else key
