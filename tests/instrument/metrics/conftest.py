"""What the tests of metrics share: a CloudWatch on loopback, and no losses at the start."""

import pytest

from ai_finops.instrument.losses import forget_losses
from ai_finops.instrument.metrics.choice import forget_choice
from tests.instrument.metrics.put_rules import put_rules


@pytest.fixture(autouse=True)
def _no_losses():
    forget_losses()
    yield
    forget_choice()
    forget_losses()


@pytest.fixture
def rules(monkeypatch):
    """A stand-in for CloudWatch to which boto3 goes."""
    with put_rules() as running:
        use_endpoint(monkeypatch, running.endpoint)
        yield running


def use_endpoint(monkeypatch, endpoint: str) -> None:
    """Send boto3 to an endpoint with made-up credentials."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_CLOUDWATCH", "HTTP_PROXY", "http_proxy", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
