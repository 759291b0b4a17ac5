"""The most that a request can use of a model, before it is sent."""

from __future__ import annotations

from ai_finops.instrument.reading import Reading
from ai_finops.router.decision import Request

FRAME_TOKENS = 256
"""What a provider puts around a request's text: roles, marks of turns."""


def most_usage(request: Request, *, baseline: Reading) -> Reading:
    """Return the most tokens that a request can use: one for each byte, no tokenizer makes more, and all that it may answer.

    What is no text (pictures, tools in a client's options) shows in what the model in use counted, of which twice is taken.

    Args:
        request: With a limit to its answer.
        baseline: What the model in use counted for it.
    """
    said = len(request.text.encode("utf-8", "surrogatepass"))
    said += len((request.system or "").encode("utf-8", "surrogatepass"))
    input_tokens = FRAME_TOKENS + max(said, 2 * (baseline.input_tokens or 0))
    return Reading(input_tokens=input_tokens, output_tokens=request.max_output_tokens)
