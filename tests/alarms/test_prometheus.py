"""The same numbers and rules for Prometheus, held against its own tools where they are installed."""

import math
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest
import yaml

from ai_finops import alarms as package
from ai_finops.alarms.metrics import DailyValue, Series
from ai_finops.alarms.openmetrics import openmetrics_text
from ai_finops.alarms.prometheus_rules import expression, rules_text
from ai_finops.alarms.rules import read_rules
from ai_finops.config import Settings
from ai_finops.errors import AlarmError, SettingsError, SourceError, SourceForbidden, SourceUnavailable
from tests.alarms.conftest import AS_OF, NEWEST_DAY, NOW
from tests.alarms.pushgateway_stand_in import pushgateway

NEWEST = "ai_finops_newest_usage_date_timestamp_seconds 1749945600\n# EOF\n"
"""15 June 2025, 00:00 UTC."""
COST = Series("feature_daily_cost_usd", "support_chat")
EXTRACTION = Series("token_amplification", "invoice_extraction", "task_type=extraction")


def text(*values: DailyValue, days: int = 3) -> str:
    return openmetrics_text(values, newest_day=NEWEST_DAY, days=days)


def samples(said: str) -> list[str]:
    return [line for line in said.splitlines() if not line.startswith("#")]


def test_the_whole_text():
    said = text(
        DailyValue(EXTRACTION, NEWEST_DAY, 0.88),
        DailyValue(COST, NEWEST_DAY, 8.0),
        DailyValue(COST, NEWEST_DAY - timedelta(days=1), 6.25),
    )
    assert said == (
        "# HELP ai_finops_feature_daily_cost_usd What a feature cost on a day, USD.\n"
        "# TYPE ai_finops_feature_daily_cost_usd gauge\n"
        'ai_finops_feature_daily_cost_usd{feature="support_chat",days_ago="1"} 6.25\n'
        'ai_finops_feature_daily_cost_usd{feature="support_chat",days_ago="0"} 8.0\n'
        "# HELP ai_finops_token_amplification Metric token_amplification of fct_daily_metrics.\n"
        "# TYPE ai_finops_token_amplification gauge\n"
        'ai_finops_token_amplification{feature="invoice_extraction",slice="task_type=extraction",days_ago="0"} 0.88\n'
        "# HELP ai_finops_newest_usage_date_timestamp_seconds Beginning of the newest day of the marts.\n"
        "# TYPE ai_finops_newest_usage_date_timestamp_seconds gauge\n" + NEWEST
    )


@pytest.mark.parametrize(("back", "is_there"), [(-1, False), (0, True), (2, True), (3, False)])
def test_only_the_days_that_rules_look_at(back, is_there):
    said = samples(text(DailyValue(COST, NEWEST_DAY - timedelta(days=back), 8.0)))
    assert len(said) == 1 + is_there


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_what_is_no_number_is_left_out(number):
    assert text(DailyValue(COST, NEWEST_DAY, number)).endswith(NEWEST)
    assert len(samples(text(DailyValue(COST, NEWEST_DAY, number)))) == 1


ODD = Series("token_amplification", 'a"b\\c\nd', "x=é")


def test_names_are_escaped():
    assert samples(text(DailyValue(ODD, NEWEST_DAY, 1.0)))[0] == (
        'ai_finops_token_amplification{feature="a\\"b\\\\c\\nd",slice="x=é",days_ago="0"} 1.0'
    )


def test_both_of_the_library_s_parsers_read_what_was_said():
    parser = pytest.importorskip("prometheus_client.parser", reason="prometheus_client is not installed")
    openmetrics = pytest.importorskip("prometheus_client.openmetrics.parser")
    said = text(DailyValue(ODD, NEWEST_DAY, 1e-07), DailyValue(COST, NEWEST_DAY, 8.0))
    for parse in (parser.text_string_to_metric_families, openmetrics.text_string_to_metric_families):
        found = {family.name: family for family in parse(said)}
        assert {family.type for family in found.values()} == {"gauge"}
        (sample,) = found["ai_finops_token_amplification"].samples
        assert (sample.labels, sample.value) == ({"feature": 'a"b\\c\nd', "slice": "x=é", "days_ago": "0"}, 1e-07)
        assert sample.timestamp is None


def project_rules():
    return read_rules(Settings.from_env({}))


def rule_of(name: str, **changes):
    return replace(next(rule for rule in project_rules() if rule.rule == name), **changes)


COUNT = "count by (feature, slice) "


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            "daily_cost_high",
            'count by (feature, slice) (ai_finops_feature_daily_cost_usd{days_ago=~"0"} > 1000.0) >= 1',
        ),
        (
            "token_amplification_extraction",
            COUNT + '(ai_finops_token_amplification{days_ago=~"0|1|2",slice="task_type=extraction"} > 0.8) >= 2',
        ),
        (
            "routing_few_cheap_calls",
            COUNT + '(ai_finops_routing_mix_call_ratio{days_ago=~"0|1|2",slice="tier=cheap"} < 0.2) >= 2',
        ),
    ],
)
def test_m_of_n_in_promql(rule, said):
    assert expression(rule_of(rule)) == said


@pytest.mark.parametrize(
    ("comparison", "sign"), [("GreaterThanOrEqualToThreshold", ">="), ("LessThanOrEqualToThreshold", "<=")]
)
def test_comparisons_that_take_the_threshold_in(comparison, sign):
    assert f"}} {sign} 1000.0)" in expression(rule_of("daily_cost_high", comparison=comparison))


def test_the_rule_file_has_an_alert_for_each_rule_and_one_for_silence():
    rules = project_rules()
    (group,) = yaml.safe_load(rules_text(rules))["groups"]
    *alerts, silence = group["rules"]
    assert [alert["expr"] for alert in alerts] == [expression(rule) for rule in rules]
    assert [alert["labels"]["rule"] for alert in alerts] == [rule.rule for rule in rules]
    assert all(set(alert) == {"alert", "expr", "labels", "annotations"} for alert in group["rules"])
    assert len({alert["alert"] for alert in group["rules"]}) == len(rules) + 1
    extraction = next(alert for alert in alerts if alert["labels"]["rule"] == "token_amplification_extraction")
    assert extraction["alert"] == "AiFinopsTokenAmplificationExtraction"
    assert extraction["labels"] == {
        "severity": "warning",
        "rule": "token_amplification_extraction",
        "owner": "prompt owner",
    }
    assert extraction["annotations"] == {
        "summary": "{{ $labels.feature }}: token amplification, task_type=extraction above 0.8 on 2 of 3 days",
        "action": "rewrite prompts for concision, structured output",
    }
    assert (silence["alert"], silence["labels"]) == ("AiFinopsSilent", {"severity": "critical"})


def test_quotes_in_a_seed_stay_quotes():
    rule = rule_of("daily_cost_high", action='ask "why": \\ # first')
    (group,) = yaml.safe_load(rules_text([rule]))["groups"]
    assert group["rules"][0]["annotations"]["action"] == 'ask "why": \\ # first'


def test_a_rule_that_waits_for_silence_cannot_be_said():
    with pytest.raises(SettingsError, match=r"rule daily_cost_high .*treat_missing_data breaching.*AiFinopsSilent"):
        rules_text([rule_of("daily_cost_high", treat_missing_data="breaching")])


PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")


def promtool(*arguments: str, given: str | None = None) -> str:
    done = subprocess.run([PROMTOOL, *arguments], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_promtool_takes_the_rules(tmp_path):
    path = tmp_path / "rules.yml"
    path.write_text(rules_text(project_rules()))
    assert f"SUCCESS: {len(project_rules()) + 1} rules found" in promtool("check", "rules", str(path))


@needs_promtool
def test_promtool_takes_the_values():
    promtool("check", "metrics", given=text(DailyValue(COST, NEWEST_DAY, 8.0), DailyValue(EXTRACTION, NEWEST_DAY, 0.9)))


AMPLIFICATION = "ai_finops_token_amplification{{feature='f',slice='task_type=extraction',days_ago='{}'}}"
SHARE = "ai_finops_routing_mix_call_ratio{{feature='f',slice='tier=cheap',days_ago='{}'}}"


@needs_promtool
@pytest.mark.parametrize(
    ("alert", "name", "values", "is_firing"),
    [
        ("AiFinopsTokenAmplificationExtraction", AMPLIFICATION, (0.81, 0.81, 0.1), True),
        ("AiFinopsTokenAmplificationExtraction", AMPLIFICATION, (0.1, 0.81, 0.81), True),
        ("AiFinopsTokenAmplificationExtraction", AMPLIFICATION, (0.81, 0.8, 0.1), False),  # equality is `watch`
        ("AiFinopsTokenAmplificationExtraction", AMPLIFICATION, (0.81,), False),  # days without a value are not bad
        ("AiFinopsTokenAmplificationExtraction", AMPLIFICATION, (0.81, 0.1, 0.1, 0.81), False),  # four days ago
        ("AiFinopsRoutingFewCheapCalls", SHARE, (0.19, 0.19, 0.5), True),
        ("AiFinopsRoutingFewCheapCalls", SHARE, (0.19, 0.2, 0.5), False),
        ("AiFinopsDailyCostHigh", "ai_finops_feature_daily_cost_usd{{feature='f',days_ago='{}'}}", (1000.01,), True),
        ("AiFinopsDailyCostHigh", "ai_finops_feature_daily_cost_usd{{feature='f',days_ago='{}'}}", (1000.0,), False),
    ],
)
def test_alerts_fire_and_do_not(tmp_path, alert, name, values, is_firing):
    (tmp_path / "rules.yml").write_text(rules_text(project_rules()))
    rule = next(rule for rule in project_rules() if alert == "AiFinops" + rule.rule.title().replace("_", ""))
    labels = {"severity": rule.severity, "rule": rule.rule, "feature": "f"} | (
        {"owner": rule.owner} if rule.owner else {}
    )
    fired = {
        "exp_labels": labels | ({"slice": rule.slice} if rule.slice else {}),
        "exp_annotations": annotations(rule),
    }
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name.format(days_ago), "values": f"{value}x5"} for days_ago, value in enumerate(values)
                ],
                "alert_rule_test": [
                    {"eval_time": "3m", "alertname": alert, "exp_alerts": [fired] if is_firing else []}
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    promtool("test", "rules", str(tmp_path / "test.yml"))


def annotations(rule) -> dict[str, str]:
    (group,) = yaml.safe_load(rules_text([rule]))["groups"]
    return {name: said.replace("{{ $labels.feature }}", "f") for name, said in group["rules"][0]["annotations"].items()}


@needs_promtool
@pytest.mark.parametrize(
    ("eval_time", "newest", "is_firing"), [("72h", "0x20000", False), ("72h1m", "0x20000", True), ("1m", "_", True)]
)
def test_silence_is_an_alert(tmp_path, eval_time, newest, is_firing):
    (tmp_path / "rules.yml").write_text(rules_text([]))
    (group,) = yaml.safe_load(rules_text([]))["groups"]
    fired = {"exp_labels": group["rules"][0]["labels"], "exp_annotations": group["rules"][0]["annotations"]}
    series = {"series": "ai_finops_newest_usage_date_timestamp_seconds", "values": newest}
    case = {"eval_time": eval_time, "alertname": "AiFinopsSilent", "exp_alerts": [fired] if is_firing else []}
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": [series], "alert_rule_test": [case]}],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    promtool("test", "rules", str(tmp_path / "test.yml"))


@pytest.fixture
def prometheus(settings) -> Settings:
    return replace(settings, alarms="prometheus")


@pytest.fixture
def sync(prometheus):
    return lambda **changes: package.sync(settings=replace(prometheus, **changes), now=NOW)


@pytest.fixture
def filled(publish, two_features):
    publish(
        costs=((NEWEST_DAY, "support_chat", 8), (NEWEST_DAY, "invoice_extraction", 6.5), (NEWEST_DAY, "shadow_bot", 1)),
        ratios=((NEWEST_DAY, "support_chat", 1.25),),
        metrics=tuple(
            (
                NEWEST_DAY - timedelta(days=back),
                "invoice_extraction",
                "task_type=extraction",
                "token_amplification",
                0.88,
            )
            for back in range(4)
        ),
    )


def test_values_and_rules_lie_in_two_files(filled, sync, prometheus):
    told = sync()
    assert told == [
        f"values: 6 of 3 days up to 2025-06-15: {prometheus.prometheus_textfile}",
        f"alerts: 2 rules: {prometheus.prometheus_rules}",
        "no alarms for shadow_bot: seed features has no such feature in production",
    ]
    said = samples(prometheus.prometheus_textfile.read_text())
    assert 'ai_finops_feature_daily_cost_usd{feature="support_chat",days_ago="0"} 8.0' in said
    assert len(said) == 7
    assert prometheus.prometheus_rules.read_text() == rules_text(read_rules(prometheus))
    assert sorted(path.name for path in prometheus.prometheus_textfile.parent.iterdir()) == [
        "ai_finops.prom",
        "ai_finops.rules.yml",
    ]


def test_marts_of_long_ago_are_written_too(filled, sync, prometheus):
    package.sync(settings=prometheus, now=NOW + timedelta(days=400))
    assert len(samples(prometheus.prometheus_textfile.read_text())) == 7


def test_a_retired_feature_s_values_are_gone_and_a_restated_day_is_replaced(filled, publish, sync, prometheus, edit):
    sync()
    edit("features", lambda row: row["feature_id"] == "invoice_extraction", last_date="2025-06-14")
    publish(costs=((NEWEST_DAY, "support_chat", 7),))
    sync()
    assert samples(prometheus.prometheus_textfile.read_text())[0].endswith('{feature="support_chat",days_ago="0"} 7.0')
    assert len(samples(prometheus.prometheus_textfile.read_text())) == 2


def test_a_pushgateway_gets_the_same_text_and_keeps_one_group(filled, sync, prometheus):
    with pushgateway() as gateway:
        told = sync(pushgateway_url=gateway.url)
        sync(pushgateway_url=gateway.url)
    assert f"pushed to {gateway.url}, job ai_finops" in told
    assert gateway.groups == {"/metrics/job/ai_finops": prometheus.prometheus_textfile.read_text()}


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (401, SourceForbidden, "answered 401; let this machine push"),
        (403, SourceForbidden, "answered 403"),
        (429, SourceUnavailable, "answered 429; try again later"),
        (503, SourceUnavailable, "answered 503; try again later"),
        (400, SourceError, r"answered 400 \(as told\); check that AI_FINOPS_PUSHGATEWAY_URL is a Pushgateway"),
        (302, SourceError, r"answered 302"),
    ],
)
def test_a_pushgateway_that_refuses_is_a_sentence_and_the_files_are_there(
    filled, sync, prometheus, status, error, said
):
    with pushgateway() as gateway:
        gateway.status = status
        with pytest.raises(error, match=f"cannot push to {gateway.url}/metrics/job/ai_finops: it {said}"):
            sync(pushgateway_url=gateway.url)
    assert prometheus.prometheus_textfile.exists()


def test_a_pushgateway_that_is_gone_is_a_sentence(filled, sync):
    with pushgateway() as gateway:
        url = gateway.url
    with pytest.raises(SourceUnavailable, match=f"cannot push to {url}/metrics/job/ai_finops: no answer"):
        sync(pushgateway_url=url)


def test_a_file_that_cannot_be_written_names_its_setting(filled, sync, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(AlarmError, match=r"rules\.yml cannot be written .*; correct AI_FINOPS_PROMETHEUS_RULES"):
        sync(prometheus_rules=tmp_path / "taken" / "rules.yml")
    with pytest.raises(AlarmError, match=r"x\.prom cannot be written .*; correct AI_FINOPS_PROMETHEUS_TEXTFILE"):
        sync(prometheus_textfile=tmp_path / "taken" / "x.prom")


def test_a_rule_that_cannot_be_said_writes_nothing(filled, sync, prometheus, edit):
    edit("alarm_rules", treat_missing_data="breaching")
    with pytest.raises(SettingsError, match="treat_missing_data breaching"):
        sync()
    assert not prometheus.prometheus_textfile.parent.exists()


def test_the_newest_day_is_that_of_the_marts(publish, two_features, sync, prometheus):
    publish(costs=((NEWEST_DAY, "support_chat", 8),), as_of=AS_OF + timedelta(days=1))
    sync()
    said = samples(prometheus.prometheus_textfile.read_text())
    assert said[0] == 'ai_finops_feature_daily_cost_usd{feature="support_chat",days_ago="1"} 8.0'
    assert said[1].endswith(str(1749945600 + 86400))
