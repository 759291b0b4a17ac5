"""The doctor finds instrumentations of model calls that are switched on; in a process of its own: they leave wrappers."""

import subprocess
import sys

_PROGRAM = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from ai_finops.instrument import FeatureSpanProcessor
from ai_finops.instrument.doctor import diagnose
from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference
from opentelemetry.instrumentation.openai import OpenAIInstrumentor as OpenLLMetry

provider = TracerProvider(shutdown_on_exit=False)
trace.set_tracer_provider(provider)
say = lambda: print([(each.level, each.what) for each in diagnose().of("other instrumentations")])
say()
OpenInference().instrument()
say()
OpenLLMetry().instrument()
provider.add_span_processor(FeatureSpanProcessor())
say()
"""


def test_active_instrumentations_are_named():
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60)

    openinference, openllmetry = "openinference.instrumentation.openai", "opentelemetry.instrumentation.openai"
    assert done.stdout.splitlines() == [
        "[]",
        f"[('wrong', '{openinference}: their spans name no feature')]",
        f"[('ok', '{openinference}, {openllmetry}')]",
    ], done.stderr
