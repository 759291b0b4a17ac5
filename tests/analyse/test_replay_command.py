"""`ai-finops routing replay` as a shell calls it: what it prints, what it refuses, what it says of bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ai_finops.cli import main
from tests.analyse.replay_made import write_ten

MMLU = Path(__file__).parents[1] / "fixtures" / "routellm_mmlu"
POLICY = {
    "policy": "made",
    "models": {
        name: {
            "provider": "aws.bedrock",
            "model": f"{name}-1",
            "tier": name,
            "capability": number,
            "price": {"name": "made", "input_usd_per_mtok": usd, "output_usd_per_mtok": usd},
        }
        for number, (name, usd) in enumerate((("small", 1), ("large", 10)), start=1)
    },
    "strategies": [{"strategy": "task_type", "tiers": {"easy": "small", "hard": "large"}}],
    "default_tier": "large",
}


@pytest.fixture
def run(tmp_path, capsys):
    def run(*arguments, policy=POLICY, data=None, count=16):
        (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy))
        data = data or write_ten(tmp_path / "ten.csv", question_count=count)
        code = main(["routing", "replay", "--policy", str(tmp_path / "policy.yaml"), "--data", str(data), *arguments])
        return code, *capsys.readouterr()

    return run


def test_recommended(run):
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].startswith("recommended: 5.0 points of accuracy above the coin")
    assert "assumed" not in out, "the file says its tokens"


def test_noise_is_refused_by_exit_code_and_sentence(run):
    code, out, err = run(count=15)
    assert code == 3
    assert err.startswith("ai-finops: not recommended: 5.0 points of accuracy above the coin") and err.count("\n") == 1
    assert "recommended" not in out and "this policy" in out


def test_a_policy_that_a_coin_would_beat_is_refused(run):
    turned = POLICY | {"strategies": [{"strategy": "task_type", "tiers": {"easy": "large", "hard": "small"}}]}
    code, _, err = run(policy=turned)
    assert code == 3
    assert err == (
        "ai-finops: not recommended: a coin flip between the two models that costs the same is right on 75.00% of the "
        "questions and the policy on 70.00%\n"
    )


def test_json_says_it_all(run):
    code, out, err = run("--json", count=15)
    said = json.loads(out)
    assert (code, said["is_recommended"], said["coin"]["finding"]) == (3, False, "within_noise")
    assert said["verdict"] in err
    assert said["policy_outcome"] == {
        "accuracy_ratio": 0.8,
        "cost_usd": pytest.approx(0.825),
        "strong_share_ratio": 0.5,
    }
    assert said["assumed"]["output_tokens_per_answer"] is None


def test_what_is_assumed_is_said(run, tmp_path):
    (tmp_path / "q.csv").write_text(
        "task_type,prompt,cheap_correct,strong_correct\n" + "easy,12345678,1,1\nhard,x,0,1\n" * 40
    )
    code, out, _ = run("--output-tokens", "10", data=tmp_path / "q.csv")
    assert "assumed: 4 characters a token and 10 tokens an answer" in out.splitlines()
    assert code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "/none.csv"], "/none.csv does not exist"),
        (["--policy", "/none.yaml"], "/none.yaml"),
        (["--column", "cheap=x"], "--column cheap=x is not understood: write NAME=COLUMN"),
        (["--column", "cheap_correct"], "is not understood"),
        (["--column", "cheap_correct=mixtral"], "ten.csv, line 2: there is no column mixtral (for cheap_correct)"),
        (["--column", "confidence=sure"], "ten.csv: there is no column sure, which --column confidence=sure names"),
        (["--data", "/dev/null"], "/dev/null is no regular file"),
        (["--half", "test"], "line 2: halves need a column split, or prompt"),
        (["--cheap", "tiny"], "policy made has no model tiny; it has small, large"),
    ],
)
def test_errors_are_one_sentence(run, arguments, words):
    code, out, err = run(*arguments)
    assert (code, out) == (1, "")
    assert words in err and err.count("\n") == 1
    code, out, _ = run(*arguments, "--json")
    assert (code, list(json.loads(out))) == (1, ["error"]) and words in json.loads(out)["error"]


def test_requests_without_task_types(run, tmp_path):
    (tmp_path / "q.csv").write_text("prompt,cheap_correct,strong_correct\n" + "12345678,1,1\nx,0,1\n" * 40)
    chained = POLICY | {
        "strategies": [
            *POLICY["strategies"],
            {"strategy": "complexity", "steps": [{"below": 0.5, "tier": "small"}], "otherwise": "large"},
        ]
    }
    assert run(policy=chained, data=tmp_path / "q.csv")[0] == 1
    code, out, _ = run("--no-task-types", policy=chained, data=tmp_path / "q.csv")
    assert code == 3 and "decided 80 by complexity" in out


def test_a_model_without_a_price(run):
    unpriced = {name: dict(model) for name, model in POLICY["models"].items()}
    del unpriced["small"]["price"]
    code, _, err = run("--price-day", "2026-11-28", policy=POLICY | {"models": unpriced})
    assert code == 1
    assert err.startswith(
        "ai-finops: model small (aws.bedrock, small-1) has no price on 2026-11-28: unknown_model; give it"
    )


def test_a_model_with_a_list_price(run):
    listed = {name: dict(model) for name, model in POLICY["models"].items()}
    del listed["large"]["price"]
    listed["large"] |= {"provider": "openai", "model": "gpt-4-1106-preview"}
    _, out, _ = run("--price-day", "2026-11-28", policy=POLICY | {"models": listed})
    assert "  strong: large (gpt-4-1106-preview), $10 in and $30 out per million tokens, list price" in out.splitlines()


def test_csv_needs_nothing_of_the_pipeline(tmp_path):
    """The base package and PyYAML are enough, as a product service has them."""
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(POLICY))
    data = write_ten(tmp_path / "ten.csv", question_count=16)
    program = (
        "import sys\n"
        "for name in ('airflow', 'boto3', 'duckdb', 'numpy', 'pandas', 'pyarrow'): sys.modules[name] = None\n"
        "from ai_finops.cli import main\n"
        f"sys.exit(main(['routing', 'replay', '--policy', {str(tmp_path / 'policy.yaml')!r}, '--data', {str(data)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "recommended: 5.0 points" in done.stdout


def test_the_figures_of_the_docs(capsys):
    """Of docs/routing.md: chosen by `make bench BENCH=routing_replay` on the train half."""
    files = ["--policy", str(MMLU / "mmlu_task_type.yaml"), "--data", str(MMLU / "questions.csv")]
    code = main(["routing", "replay", *files, "--half", "test", "--output-tokens", "10", "--json"])
    said = json.loads(capsys.readouterr().out)
    assert (code, said["question_count"]) == (0, 5310)
    assert [round(said[name]["accuracy_ratio"], 4) for name in ("always_cheap", "policy_outcome", "always_strong")] == [
        0.6597,
        0.7589,
        0.8162,
    ]
    assert round(1000 * said["policy_outcome"]["cost_usd"] / 5310, 4) == 0.6939
    assert [round(100 * said["coin"][name], 1) for name in ("difference_ratio", "low_ratio", "high_ratio")] == [
        3.5,
        2.9,
        4.2,
    ]
    assert round(said["way_to_oracle_ratio"], 3) == 0.493
