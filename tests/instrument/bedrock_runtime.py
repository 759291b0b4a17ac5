"""boto3's Bedrock client, answered with bytes in its own wire format instead of a network."""

from __future__ import annotations

import binascii
import json
import struct
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse

REQUEST_ID = "3b5d8f0e-0000-4000-8000-000000000001"


class Wire:
    """The body of an HTTP answer, as urllib3 gives it to botocore."""

    def __init__(self, parts: list[bytes], *, breaks: Exception | None = None) -> None:
        self._parts = parts
        self._breaks = breaks
        self.is_closed = False
        self.read_count = 0

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield from self._parts
        if self._breaks is not None:
            raise self._breaks

    def read(self, *_: Any, **__: Any) -> bytes:
        self.read_count += 1
        parts, self._parts = self._parts, []
        return b"".join(parts)

    def close(self) -> None:
        self.is_closed = True


def event(kind: str, payload: dict[str, Any], *, message_type: str = "event") -> bytes:
    """One message of the AWS event stream encoding: lengths, headers, payload and two checksums."""
    name = ":event-type" if message_type == "event" else ":exception-type"
    said = {name: kind, ":content-type": "application/json", ":message-type": message_type}
    headers = b"".join(
        struct.pack("!B", len(key)) + key.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for key, value in said.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    prelude += struct.pack("!I", binascii.crc32(prelude))
    message = prelude + headers + body
    return message + struct.pack("!I", binascii.crc32(message))


def chunk(payload: dict[str, Any]) -> bytes:
    """One part of InvokeModelWithResponseStream: the model's own JSON, in base64."""
    return event("chunk", {"bytes": binascii.b2a_base64(json.dumps(payload).encode(), newline=False).decode()})


def call(operation: str, wire: Wire, *, headers: dict[str, str] | None = None, **asked: Any) -> dict[str, Any]:
    """Call an operation of Bedrock's runtime and let `wire` answer it."""
    client = boto3.client("bedrock-runtime", "us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
    said = {"x-amzn-requestid": REQUEST_ID, "content-type": "application/json", **(headers or {})}
    client.meta.events.register(
        "before-send.bedrock-runtime", lambda **_: AWSResponse("https://bedrock.test", 200, said, wire)
    )
    return getattr(client, operation)(**asked)


def converse(answer: dict[str, Any]) -> dict[str, Any]:
    """Call Converse."""
    return call("converse", Wire([json.dumps(answer).encode()]), modelId="m", messages=MESSAGES)


def converse_stream(wire: Wire) -> dict[str, Any]:
    """Call ConverseStream."""
    return call("converse_stream", wire, modelId="m", messages=MESSAGES)


def invoke_stream(wire: Wire) -> dict[str, Any]:
    """Call InvokeModelWithResponseStream."""
    headers = {"x-amzn-bedrock-content-type": "application/json", "x-amzn-bedrock-service-tier": "default"}
    return call("invoke_model_with_response_stream", wire, headers=headers, modelId="m", body=b"{}")


MESSAGES = [{"role": "user", "content": [{"text": "Hi"}]}]
