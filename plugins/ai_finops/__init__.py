"""Early warning for what LLM features cost: extract, allocate, audit, publish and report."""
