"""The seed of rules is read with its bounds, and a row that could be no alarm is named."""

from datetime import date

import pytest

from ai_finops.alarms.features import Feature, existing, read_features
from ai_finops.alarms.metrics import cloudwatch_name, is_series_name, prometheus_name
from ai_finops.alarms.rules import read_rules
from ai_finops.config import REPOSITORY, Settings
from ai_finops.errors import SettingsError


def test_the_project_s_own_rules_take_their_bounds_from_metric_thresholds():
    rules = {rule.rule: rule for rule in read_rules(Settings.from_env({}))}
    found = {name: (rule.comparison.removesuffix("Threshold"), rule.threshold) for name, rule in rules.items()}
    assert found == {
        "cache_above_break_even": ("GreaterThan", 0.4),
        "daily_cost_anomaly": ("GreaterThanOrEqualTo", 1.0),
        "daily_cost_high": ("GreaterThan", 1000.0),
        "reranker_redundant": ("LessThan", 0.2),
        "retrieval_hits_low": ("LessThan", 0.45),
        "routing_few_cheap_calls": ("LessThan", 0.2),
        "routing_locked_expensive": ("GreaterThan", 0.9),
        "token_amplification_classification": ("GreaterThan", 0.8),
        "token_amplification_extraction": ("GreaterThan", 0.8),
        "token_amplification_form_filling": ("GreaterThan", 0.8),
    }
    assert rules["retrieval_hits_low"].owner == "ML engineer"
    assert {rule.statistic for rule in rules.values() if rule.is_high_bad} == {"Maximum"}
    assert {rule.statistic for rule in rules.values() if not rule.is_high_bad} == {"Minimum"}


def is_rule(name: str):
    return lambda row: row["rule"] == name


@pytest.mark.parametrize(
    ("rule", "changes", "said"),
    [
        ("daily_cost_high", {"rule": "Daily Cost"}, "rule is 'Daily Cost'; write lower case, digits and _"),
        ("daily_cost_high", {"rule": "routing_few_cheap_calls"}, "rule routing_few_cheap_calls is there twice"),
        ("daily_cost_high", {"comparison": "Above"}, "comparison is 'Above'; write one of GreaterThanThreshold, "),
        (
            "daily_cost_high",
            {"statistic": "Sum"},
            "statistic is 'Sum'; write Maximum, which goes with GreaterThanThreshold",
        ),
        ("daily_cost_high", {"statistic": "Minimum"}, "statistic is 'Minimum'; write Maximum"),
        (
            "retrieval_hits_low",
            {"statistic": "Maximum"},
            "statistic is 'Maximum'; write Minimum, which goes with LessThan",
        ),
        (
            "daily_cost_high",
            {"treat_missing_data": "skip"},
            "treat_missing_data is 'skip'; write one of missing, ignore",
        ),
        ("daily_cost_high", {"severity": "high"}, "severity is 'high'; write one of warning, critical"),
        ("daily_cost_high", {"evaluation_periods": "0"}, "evaluation_periods is '0'; write days from 1 to 7"),
        ("daily_cost_high", {"evaluation_periods": "8"}, "evaluation_periods is '8'; write days from 1 to 7"),
        ("daily_cost_high", {"evaluation_periods": "1.5"}, "evaluation_periods is '1.5'"),
        ("routing_few_cheap_calls", {"datapoints_to_alarm": "4"}, "datapoints_to_alarm is '4'; write days from 1 to 3"),
        ("routing_few_cheap_calls", {"datapoints_to_alarm": "0"}, "datapoints_to_alarm is '0'; write days from 1 to 3"),
        ("daily_cost_high", {"threshold": "nan"}, "threshold is 'nan'; write a number"),
        ("daily_cost_high", {"threshold": "inf"}, "threshold is 'inf'; write a number"),
        ("daily_cost_high", {"threshold": "much"}, "threshold is 'much'; write a number"),
        (
            "daily_cost_high",
            {"threshold": ""},
            "rule daily_cost_high has no threshold, and seed metric_thresholds has no bound of",
        ),
        ("daily_cost_high", {"checked_on": "soon"}, "checked_on 'soon' is not a date"),
        (
            "retrieval_hits_low",
            {"comparison": "GreaterThanThreshold", "statistic": "Maximum"},
            "by seed metric_thresholds low values of retrieval_hit_document_ratio are bad; correct one of them",
        ),
        (
            "token_amplification_extraction",
            {"comparison": "LessThanThreshold", "statistic": "Minimum"},
            "by seed metric_thresholds high values of token_amplification are bad",
        ),
    ],
)
def test_a_row_that_can_be_no_alarm_is_named(settings, edit, rule, changes, said):
    edit("alarm_rules", is_rule(rule), **changes)
    with pytest.raises(SettingsError, match=r"alarm_rules\.csv line \d+: ") as raised:
        read_rules(settings)
    assert said in str(raised.value)


@pytest.mark.parametrize(("periods", "needed"), [("1", "1"), ("7", "7"), ("7", "1")])
def test_from_one_day_to_a_week(settings, edit, periods, needed):
    edit("alarm_rules", is_rule("daily_cost_high"), evaluation_periods=periods, datapoints_to_alarm=needed)
    rule = next(rule for rule in read_rules(settings) if rule.rule == "daily_cost_high")
    assert (rule.evaluation_periods, rule.datapoints_to_alarm) == (int(periods), int(needed))


def test_a_threshold_of_its_own_wins_over_the_bound(settings, edit):
    edit("alarm_rules", is_rule("retrieval_hits_low"), threshold="0.3")
    rule = next(rule for rule in read_rules(settings) if rule.rule == "retrieval_hits_low")
    assert (rule.threshold, rule.action) == (0.3, "audit retrieval pipeline, check embedding quality")


def test_equal_bounds_mean_that_low_values_are_bad(settings):
    rule = next(rule for rule in read_rules(settings) if rule.rule == "reranker_redundant")
    assert not rule.is_high_bad


def test_a_bound_that_is_no_number_is_named(settings, edit):
    edit("metric_thresholds", lambda row: row["dimension"] == "top_k=5", warning_bound="low")
    with pytest.raises(SettingsError, match=r"metric_thresholds\.csv line \d+: warning_bound is 'low'; write a number"):
        read_rules(settings)


def test_a_seed_that_is_not_there_is_named(settings, seeds):
    (seeds / "alarm_rules.csv").unlink()
    with pytest.raises(SettingsError, match=r"alarm_rules\.csv cannot be read .*correct AI_FINOPS_DBT_PROJECT"):
        read_rules(settings)


def test_a_seed_without_a_column_is_named(settings, seeds):
    (seeds / "alarm_rules.csv").write_text("rule,metric_name\na,b\n")
    with pytest.raises(
        SettingsError, match=r"alarm_rules\.csv line 2 has no dimension; it needs rule, metric_name, dim"
    ):
        read_rules(settings)


def feature(first: date | None, last: date | None) -> Feature:
    return Feature("f", "F", "o@example.com", first, last)


DAY = date(2025, 6, 15)


@pytest.mark.parametrize(
    ("first", "last", "exists"),
    [
        (None, None, True),
        (DAY, None, True),
        (date(2025, 6, 16), None, False),
        (None, DAY, True),
        (None, date(2025, 6, 14), False),
        (DAY, DAY, True),
    ],
)
def test_a_feature_exists_from_its_first_to_its_last_day(first, last, exists):
    assert feature(first, last).exists_on(DAY) == exists


def test_the_project_s_own_features_can_be_read():
    found = existing(read_features(REPOSITORY / "dbt_project" / "seeds" / "features.csv"), day=DAY)
    assert "support_chat" in {each.feature_id for each in found}


def test_a_date_of_a_feature_that_is_none_is_named(settings, seeds, edit):
    edit("features", lambda row: row["feature_id"] == "support_chat", last_date="June")
    with pytest.raises(SettingsError, match=r"features\.csv line 4: last_date 'June' is not a date"):
        read_features(seeds / "features.csv")


@pytest.mark.parametrize(
    ("name", "in_cloudwatch"),
    [
        ("feature_daily_cost_usd", "FeatureDailyCostUSD"),
        ("feature_daily_cost_to_baseline_ratio", "FeatureDailyCostToBaselineRatio"),
        ("token_amplification", "TokenAmplification"),
        ("routing_mix_call_ratio", "RoutingMixCallRatio"),
    ],
)
def test_names_of_metrics(name, in_cloudwatch):
    assert cloudwatch_name(name) == in_cloudwatch
    assert prometheus_name(name) == f"ai_finops_{name}"


@pytest.mark.parametrize(
    ("text", "is_taken"),
    [
        ("a", True),
        ("a b/c:d", True),
        ("", False),
        (" ", False),
        ("ö", False),
        ("a\n", False),
        ("a" * 1024, True),
        ("a" * 1025, False),
    ],
)
def test_which_ids_cloudwatch_takes(text, is_taken):
    assert is_series_name(text) == is_taken
