"""What product services import to have each request answered by the model that it needs, and no dearer one.

Needs what `ai_finops.instrument` needs; policies in files also PyYAML (extra `router`). See docs/routing.md.
"""

from __future__ import annotations

from ai_finops.router.answer import Answer, AsyncModelClient, ModelClient
from ai_finops.router.course import Routed
from ai_finops.router.decision import Decision, Message, Request, decide
from ai_finops.router.engine import Router
from ai_finops.router.policy import Policy
from ai_finops.router.read_policy import read_policy

__all__ = [
    "Answer",
    "AsyncModelClient",
    "Decision",
    "Message",
    "ModelClient",
    "Policy",
    "Request",
    "Routed",
    "Router",
    "decide",
    "read_policy",
]
