"""Reading usage: interim, plain Converse and OpenAI bodies only."""

from ai_finops.instrument.reading import Reading


def read(result: object) -> Reading | None:
    usage = result.get("usage") if isinstance(result, dict) else None
    if not isinstance(usage, dict):
        return None
    if "inputTokens" in usage:
        return Reading(
            provider_name="aws.bedrock",
            input_tokens=usage["inputTokens"],
            output_tokens=usage.get("outputTokens"),
            response_model=result.get("model"),
            response_id=result.get("id"),
        )
    if "prompt_tokens" in usage:
        return Reading(
            provider_name="openai",
            response_model=result.get("model"),
            response_id=result.get("id"),
            input_tokens=usage["prompt_tokens"],
            output_tokens=usage.get("completion_tokens"),
        )
    return None


def register_reader(reader, *, for_type=None):
    raise NotImplementedError
