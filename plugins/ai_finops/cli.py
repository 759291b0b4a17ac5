"""The verbs of the pipeline for a shell: the functions that the DAG tasks call, with a sentence for every error."""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.config import KNOWN_SOURCES, TARGETS, Settings
from ai_finops.days import parse_day
from ai_finops.errors import AiFinopsError, PublishError, SettingsError, SourceError

if TYPE_CHECKING:
    from ai_finops.lake import Outcome

_EPILOG = """\
a day from the lake to the message:
  ai-finops land all --from 2025-06-15 --to 2025-06-15
  ai-finops run
  ai-finops report --week 2025-06-09 --print

Settings come from the environment (AI_FINOPS_HOME, AI_FINOPS_SOURCES, ...), credentials from boto3's usual places.
Exit code: 0 done · 1 it failed, one sentence on stderr says why · 2 the command was not understood
· 3 a routing policy is not recommended.
"""
_REFUSED = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit code."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="ai-finops: %(message)s")
    try:
        if chosen.verb is _doctor:  # it looks at a product's process, which has no settings of the pipeline
            return _doctor(chosen)
        return chosen.verb(chosen, Settings.from_env())
    except ModuleNotFoundError as error:
        if (error.name or "ai_finops").partition(".")[0] == "ai_finops":
            raise
        print(
            f"ai-finops: this verb needs {error.name}, which is not installed: it is of the pipeline, from the project's "
            "repository (make install) or with pip install 'ai-finops[pipeline]'",
            file=sys.stderr,
        )
        return 1
    except AiFinopsError as error:
        print(f"ai-finops: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ai-finops: interrupted; what was published before is still there", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ai-finops",
        description="What did each product feature spend on LLM calls? Land sources, build marts, audit, publish, report.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def add(name: str, verb: Callable[[argparse.Namespace, Settings], int], help_text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}.")
        added.set_defaults(verb=verb)
        return added

    land = add("land", _land, "land a source into the raw lake, day by day")
    land.add_argument("source", choices=[*KNOWN_SOURCES, "all"], help="all: every source that is switched on")
    land.add_argument("--from", dest="first", metavar="DAY", type=_day, required=True, help="first day, YYYY-MM-DD")
    land.add_argument("--to", dest="last", metavar="DAY", type=_day, help="last day, included (default: the first)")
    land.add_argument(
        "--as-of", metavar="DAY", type=_day, help="the day it is; only days before it are over (default: today)"
    )
    land.add_argument("--allow-empty", action="store_true", help="let a day that had rows become empty")

    build = add("build", _build, "make a candidate build, not audited and not published")
    build.add_argument("--day", type=_day, help="the day it is for; it must have been landed")
    build.add_argument(
        "--full",
        action="store_true",
        help="make all of it, also what has not changed since the last build",
    )
    audited = add("audit", _audit, "audit a candidate build and write the Data Docs")
    published = add("publish", _publish, "make an audited build the one that readers read")
    for verb in (audited, published):
        verb.add_argument("--build", metavar="ID", help="which one (default: the newest)")
    published.add_argument(
        "--to",
        choices=("files", "postgres"),
        default="files",
        help="postgres: bring AI_FINOPS_POSTGRES_CONNECTION in step with the published build (default: files)",
    )
    run = add("run", _run, "build, audit and publish")
    run.add_argument("--day", type=_day, help="the day it is for; it must have been landed")
    for verb in (build, run):
        verb.add_argument("--target", choices=TARGETS, default="duckdb", help="the engine (default: duckdb)")

    recost = add(
        "recost", _recost, "price published days again by the installed catalog and the overlay; list what would change"
    )
    recost.add_argument("--from", dest="first", metavar="DAY", type=_day, required=True, help="first usage day")
    recost.add_argument("--to", dest="last", metavar="DAY", type=_day, help="last day, included (default: the first)")
    applied = recost.add_mutually_exclusive_group()
    applied.add_argument("--dry-run", action="store_true", help="only list the changes (the default)")
    applied.add_argument("--apply", action="store_true", help="publish the changes and hold the days to these prices")
    recost.add_argument(
        "--force", action="store_true", help="days of closed months too; these are closed again as another version"
    )

    report = add("report", _report, "send the weekly message, or print it")
    report.add_argument("--week", metavar="DAY", type=_day, help="any day of it (default: the last complete week)")
    report.add_argument("--print", dest="is_print", action="store_true", help="only print it")

    finance = add("finance", _finance, "write the files that finance pulls each month, or check what was written")
    finance.add_argument(
        "--month", metavar="MONTH", type=_month, help="YYYY-MM (default: every published month that is not final)"
    )
    finance.add_argument(
        "--verify", action="store_true", help="hash the files of the month again; exit code 1 when one was changed"
    )

    calibrate = add(
        "calibrate", _calibrate, "count how many labelled pairs of queries that look alike have the same answer"
    )
    calibrate.add_argument(
        "pairs", metavar="PAIRS.csv", type=Path, help="columns earlier_query, query, is_same_answer (true or false)"
    )

    compare = add("compare", _compare, "compare the content of two published builds; exit code 1 when they differ")
    compare.add_argument("first", metavar="A", help="a build id, a folder, or current")
    compare.add_argument("second", metavar="B", help="the same")
    _add_alarms(add("alarms", _alarms, "keep alarms in step with the marts, try them, check them"))
    _add_routing(
        add("routing", _routing, "find what kind of task calls do that do not say it, and which model may do it")
    )
    forgotten = add("forget", _forget, "forget a user: in the lake, in every build, and in what lands from now on")
    forgotten.add_argument(
        "--user", metavar="ID", required=True, help="as the product writes it on its spans; - reads it from stdin"
    )
    forgotten.add_argument("--dry-run", action="store_true", help="only count what would change")
    retained = add("retain", _retain, "list what is past its retention")
    retained.add_argument("--apply", action="store_true", help="remove it")
    retained.add_argument("--as-of", metavar="DAY", type=_day, help="the day it is (default: today)")
    permitted = add(
        "permissions", _permissions, "print the IAM policy that this deployment needs, and nothing beyond it"
    )
    permitted.add_argument(
        "--for",
        dest="whom",
        choices=("pipeline", "product"),
        default="pipeline",
        help="product: of a service that tells of its calls as metrics in CloudWatch (default: pipeline)",
    )
    permitted.add_argument(
        "--account", metavar="ID", type=_account, help="write it in place of * where a resource names an account"
    )
    add("status", _status, "show what is landed, built and published; exit code 1 when what is published is damaged")
    metrics = add("metrics", _metrics, "ask the semantic layer about the published marts (MetricFlow's mf)")
    metrics.add_argument(
        "command",
        metavar="COMMAND",
        nargs=argparse.REMAINDER,
        help="what mf is asked, such as: query --metrics allocated_cost_usd --group-by feature",
    )
    doctor = add(
        "doctor", _doctor, "say what of a product's service is instrumented, where it goes and what is missing"
    )
    doctor.add_argument(
        "--import", dest="modules", metavar="MODULE", action="append", default=[], help="the service's own"
    )
    doctor.add_argument("--json", dest="is_json", action="store_true", help="as JSON")
    doctor.add_argument(
        "--send-probe", dest="is_probing", action="store_true", help="send one span, say if it was taken"
    )
    return parser


def _add_alarms(alarms: argparse.ArgumentParser) -> None:
    acts = alarms.add_subparsers(title="what to do", metavar="ACT", dest="act", required=True)
    for name, help_text in (
        ("sync", "publish the last days' values; create, replace and delete alarms (AI_FINOPS_ALARMS says where)"),
        ("check", "list alarms that could not fire, and why; exit code 1 when there are any"),
        ("test", "let a feature's alarms fire on made-up values of a test dimension; exit code 1 when one does not"),
    ):
        act = acts.add_parser(name, help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}.")
        act.add_argument("--as-of", metavar="DAY", type=_day, help="the day it is for CloudWatch (default: now)")
    act.add_argument("--feature", metavar="ID", required=True, help="whose alarms")
    act.add_argument("--rule", metavar="RULE", help="only the alarm of this rule of seed alarm_rules")
    act.add_argument("--tell", action="store_true", help="let them tell the alarms' topics too, marked as a trial")
    act.add_argument("--timeout", metavar="SECONDS", type=float, default=600.0, help="how long to wait (default: 600)")


def _add_routing(routing: argparse.ArgumentParser) -> None:
    acts = routing.add_subparsers(title="what to do", metavar="ACT", dest="act", required=True)
    help_text = (
        "classify a sample of untagged calls, try cheaper models as configured, keep the findings for the next build"
    )
    analyze = acts.add_parser("analyze", help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}.")
    analyze.add_argument(
        "--days", metavar="N", type=_count, default=28, help="days before the published build (default: 28)"
    )
    analyze.add_argument(
        "--sample",
        metavar="N",
        type=_count,
        default=200,
        help="calls of each feature, pipeline and operation (default: 200)",
    )
    analyze.add_argument(
        "--judged",
        metavar="N",
        type=_count,
        default=100,
        help="calls in all that AI_FINOPS_TASK_JUDGE is asked about (default: 100)",
    )
    _add_replay(acts)


def _add_replay(acts: argparse._SubParsersAction) -> None:
    help_text = (
        "try a routing policy on questions that both models were marked on; exit code 3 when a coin flip that costs the "
        "same, or always one model, may do as well"
    )
    replay = acts.add_parser("replay", help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}.")
    replay.add_argument("--policy", metavar="FILE", type=Path, required=True, help="the router's policy")
    replay.add_argument(
        "--data",
        metavar="FILE",
        type=Path,
        nargs="+",
        required=True,
        help="CSV, JSON lines or Parquet, or folders of them: cheap_correct, strong_correct, and prompt, input_chars or "
        "input_tokens (docs/routing.md has all columns)",
    )
    replay.add_argument(
        "--column",
        metavar="NAME=COLUMN",
        action="append",
        default=[],
        help="the column that holds NAME, where it is called otherwise",
    )
    replay.add_argument("--half", choices=("train", "test"), help="only this half of the questions")
    replay.add_argument(
        "--task-type-prefix",
        metavar="WORDS",
        help="files are named after their task type, with these words before it",
    )
    replay.add_argument(
        "--no-task-types",
        dest="has_task_types",
        action="store_false",
        help="requests come without a task type: a policy that goes by it goes on to its next strategy",
    )
    replay.add_argument("--cheap", metavar="MODEL", help="whose marks cheap_correct has (default: the least capable)")
    replay.add_argument("--strong", metavar="MODEL", help="whose marks strong_correct has (default: the most capable)")
    replay.add_argument(
        "--output-tokens",
        metavar="N",
        type=_count,
        default=200,
        help="of an answer, assumed where the questions do not say (default: 200)",
    )
    replay.add_argument(
        "--price-day", metavar="DAY", type=_day, help="the day whose list prices count (default: today)"
    )
    replay.add_argument("--json", dest="is_json", action="store_true", help="print it as JSON")


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100000")
    return int(text)


def _day(text: str) -> date:
    try:
        return parse_day(text)
    except AiFinopsError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _account(text: str) -> str:
    if not re.fullmatch(r"[0-9]{12}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an AWS account id, which has twelve digits")
    return text


def _month(text: str) -> date:
    try:
        return parse_day(f"{text}-01")
    except AiFinopsError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a month, YYYY-MM") from error


def _land(chosen: argparse.Namespace, settings: Settings) -> int:
    from ai_finops.extract.history import failures, land_days

    # Which days are over is the one thing that a shell needs the wall clock for; a DAG run knows its own date.
    today = chosen.as_of or datetime.now(UTC).date()
    failed = []
    for source in settings.sources if chosen.source == "all" else (chosen.source,):
        try:
            outcomes = land_days(
                source,
                first=chosen.first,
                last=chosen.last or chosen.first,
                settings=settings,
                as_of=chosen.as_of,
                today=today,
                allow_empty=chosen.allow_empty,
                on_day=_say_landed,
            )
        except SourceError as error:  # this source is dead; the next may not be
            failed.append(str(error))
        else:
            failed += failures(outcomes)
    for sentence in failed:
        print(f"ai-finops: {sentence}", file=sys.stderr)
    return 1 if failed else 0


def _say_landed(outcome: Outcome) -> None:
    print(
        f"{outcome.source} {outcome.landing_date}: {outcome.status}, "
        f"{outcome.loaded_count} of {outcome.read_count} records loaded, {outcome.quarantined_count} quarantined"
    )


def _build(chosen: argparse.Namespace, settings: Settings) -> int:
    from ai_finops.build import build_candidate

    build = build_candidate(settings=settings, run_day=chosen.day, is_full=chosen.full, target=chosen.target)
    print(f"built {build['build_id']} as of {build['as_of_date']}: {build['warehouse']}")
    return 0


def _audit(chosen: argparse.Namespace, settings: Settings) -> int:
    from ai_finops.build import find_build
    from ai_finops.quality import audit

    build = find_build(settings, chosen.build)
    _say_audited(build["build_id"], audit(settings=settings, build=build))
    return 0


def _publish(chosen: argparse.Namespace, settings: Settings) -> int:
    from ai_finops.build import find_build
    from ai_finops.publish import publish, publish_to_postgres

    if chosen.to == "postgres":
        if chosen.build:
            raise PublishError(
                "PostgreSQL gets the build that the files hold; leave --build out, or publish that one first"
            )
        if not settings.postgres_connection:
            raise SettingsError("AI_FINOPS_POSTGRES_CONNECTION names no connection; set it to the id of a postgres one")
        print("\n".join(publish_to_postgres(settings=settings)))
        return 0
    _say_published(publish(settings=settings, build=find_build(settings, chosen.build)))
    return 0


def _run(chosen: argparse.Namespace, settings: Settings) -> int:
    from ai_finops.build import build_all

    done = build_all(settings=settings, run_day=chosen.day, target=chosen.target)
    _say_audited(done["build_id"], done["audit"])
    _say_published(done["published"])
    return 0


def _say_audited(build_id: str, audited: dict) -> None:
    warnings = audited["warnings"]
    print(f"audited {build_id}: {audited['expectation_count']} expectations, {len(warnings)} warnings")
    for warning in warnings:
        print(f"  warning: {warning}")
    print(f"  Data Docs: {audited['data_docs']}")


def _say_published(published: dict) -> None:
    row_count = sum(published["row_counts"].values())
    print(
        f"published {published['build_id']}: {len(published['row_counts'])} marts, {row_count} rows, "
        f"{len(published['new_days'])} new days: {published['path']}"
    )


def _recost(chosen: argparse.Namespace, settings: Settings) -> int:
    from ai_finops.build.recost import recost

    first, last = chosen.first, chosen.last or chosen.first
    done = recost(first, last, settings=settings, is_applied=chosen.apply, is_forced=chosen.force)
    found = f"{len(done.changes) or 'no'} features and months" + (" change" if chosen.apply else " would change")
    print(f"{first} to {last} priced by {done.prices}: {found}")
    for change in done.changes:
        print(f"  {change}")
    if done.published:
        _say_published(done.published)
    elif done.changes:
        print("nothing was published; --apply does it")
    return 0


def _report(chosen: argparse.Namespace, settings: Settings) -> int:
    from ai_finops import report

    week = chosen.week or report.last_complete_week(report.published_as_of(settings))
    if chosen.is_print:
        print(report.read_edition(settings, week).text)
    else:
        print(report.deliver(settings=settings, week=week))
    return 0


def _forget(chosen: argparse.Namespace, settings: Settings) -> int:
    from ai_finops.privacy.forgetting import forget

    # An id in a command's arguments stays in the shell's history and shows in the list of processes.
    user_id = sys.stdin.read() if chosen.user == "-" else chosen.user
    done = forget(user_id, settings=settings, now=datetime.now(UTC), is_dry=chosen.dry_run)
    print("\n".join(done.lines()))
    print("nothing was changed; without --dry-run it is" if chosen.dry_run else "the user is forgotten")
    return 0


def _retain(chosen: argparse.Namespace, settings: Settings) -> int:
    from ai_finops.privacy.retention import keep_retention

    as_of = chosen.as_of or datetime.now(UTC).date()
    print("\n".join(keep_retention(settings=settings, as_of=as_of, is_applied=chosen.apply)))
    if not chosen.apply:
        print("nothing was removed; --apply does it")
    return 0


def _permissions(chosen: argparse.Namespace, settings: Settings) -> int:
    from ai_finops import permissions

    grants = permissions.product_grants() if chosen.whom == "product" else permissions.pipeline_grants(settings)
    policy = permissions.policy_of(grants, aws_region=settings.aws_region, account=chosen.account)
    print(json.dumps(policy, indent=2))
    size = permissions.size_of(policy)
    if size > permissions.MOST_CHARACTERS:
        print(
            f"ai-finops: the policy has {size} characters and a managed policy takes {permissions.MOST_CHARACTERS}; "
            "attach its statements as two policies",
            file=sys.stderr,
        )
    return 0


def _finance(chosen: argparse.Namespace, settings: Settings) -> int:
    from ai_finops import finance

    if not chosen.verify:
        if not finance.export(settings=settings, month=chosen.month, on_line=print):
            print("no month has costs yet")
        return 0
    if chosen.month is None:
        raise SettingsError("--verify needs the month: ai-finops finance --month 2025-06 --verify")
    print("\n".join(finance.verify(chosen.month, settings=settings)))
    return 0


def _calibrate(chosen: argparse.Namespace, settings: Settings) -> int:
    import csv

    from ai_finops.analyse.calibration import calibrate, read_pairs
    from ai_finops.analyse.more_embedders import open_embedder

    pairs, embedder = read_pairs(chosen.pairs), open_embedder(settings)
    with (settings.dbt_project / "seeds" / "cache_similarities.csv").open(newline="", encoding="utf-8") as file:
        similarities = sorted(float(row["similarity"]) for row in csv.DictReader(file))
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(("embedder_id", "similarity", "pair_count", "right_count", "source", "checked_on"))
    for band in calibrate(pairs, embedder=embedder, similarities=similarities):
        if band.pair_count:
            source = f"{len(pairs)} labelled pairs of {chosen.pairs.name}"
            rows.writerow(
                (
                    embedder.embedder_id,
                    f"{band.similarity:.2f}",
                    band.pair_count,
                    band.right_count,
                    source,
                    datetime.now(UTC).date(),
                )
            )
    return 0


def _alarms(chosen: argparse.Namespace, settings: Settings) -> int:
    from ai_finops import alarms

    # CloudWatch takes two weeks back from its own clock, which is the wall's; a DAG run knows its own.
    now = datetime.combine(chosen.as_of, time(12), tzinfo=UTC) if chosen.as_of else datetime.now(UTC)
    if chosen.act == "test":
        return _try_alarms(chosen, settings, now=now)
    lines = (
        alarms.sync(settings=settings, now=now) if chosen.act == "sync" else alarms.check(settings=settings, now=now)
    )
    print("\n".join(lines) or "every alarm that should be there could fire")
    return 1 if chosen.act == "check" and lines else 0


def _try_alarms(chosen: argparse.Namespace, settings: Settings, *, now: datetime) -> int:
    from ai_finops import alarms

    trials = alarms.try_alarms(
        chosen.feature,
        settings=settings,
        now=now,
        rule=chosen.rule,
        is_telling=chosen.tell,
        timeout_seconds=chosen.timeout,
        on_breach=lambda names: print(f"breached {len(names)} copies of alarms; waiting for them to fire", flush=True),
    )
    for trial in trials:
        said = "fired" if trial.has_fired else f"did not fire: it says {trial.state}"
        print(f"{trial.alarm_name}: {said} after {trial.seconds:.0f} s")
    return 0 if all(trial.has_fired for trial in trials) else 1


def _routing(chosen: argparse.Namespace, settings: Settings) -> int:
    if chosen.act == "replay":
        return _replay(chosen)
    from ai_finops.build.routing_analysis import analyze

    done = analyze(
        settings=settings, day_count=chosen.days, most_per_group=chosen.sample, most_judged_count=chosen.judged
    )
    by = f"{done.text_count} of them by their texts" if done.text_count else "no texts are kept: by lengths alone"
    sampled, known = sum(each.sample_count for each in done.findings), sum(each.call_count for each in done.findings)
    print(f"untagged generating calls before {done.as_of_date}: {sampled} of {known} looked at, {by}")
    for each in done.findings:
        said = f"{each.task_type or 'no task type'}: {each.agreeing_count} of {each.sample_count}, {each.status}"
        confidence = f", confidence {each.confidence}" if each.confidence else ""
        print(f"  {' / '.join(each.group)} ({each.call_count} calls): {said}{confidence} ({each.how})")
    if settings.routing_trial_usd:
        right = sum(each.is_no_worse for each in done.trials.comparisons)
        print(
            f"cheaper models: no worse in {right} of {len(done.trials.comparisons)} new comparisons, "
            f"${done.trials.spent_usd:.4f} of ${settings.routing_trial_usd:.2f}"
        )
        for reason, count in sorted(done.trials.skipped.items()):
            print(f"  not asked, {reason}: {count}")
    print("the next build reads what was found (ai-finops run)")
    return 0


def _replay(chosen: argparse.Namespace) -> int:
    from ai_finops.analyse.replay_command import replay_files

    try:
        lines, refusal = replay_files(
            policy_file=chosen.policy,
            data=chosen.data,
            columns=chosen.column,
            half=chosen.half,
            task_type_prefix=chosen.task_type_prefix,
            cheap_name=chosen.cheap,
            strong_name=chosen.strong,
            output_tokens=chosen.output_tokens,
            price_day=chosen.price_day or datetime.now(UTC).date(),
            is_json=chosen.is_json,
            has_task_types=chosen.has_task_types,
        )
    except AiFinopsError as error:
        if chosen.is_json:
            print(json.dumps({"error": str(error)}))
        raise
    print("\n".join(lines))
    if refusal is not None:
        print(f"ai-finops: {refusal}", file=sys.stderr)
    return 0 if refusal is None else _REFUSED


def _compare(chosen: argparse.Namespace, settings: Settings) -> int:
    from ai_finops.publish import compare_builds, resolve_build

    first, second = (resolve_build(settings, name) for name in (chosen.first, chosen.second))
    differences = compare_builds(first, second)
    print(f"{first.name} and {second.name}: {len(differences) or 'no'} marts differ")
    for difference in differences:
        print(f"  {difference}")
    return 1 if differences else 0


def _metrics(chosen: argparse.Namespace, settings: Settings) -> int:
    from ai_finops.publish.metrics import ask_metrics

    return ask_metrics(chosen.command or ["--help"], settings=settings)


def _doctor(chosen: argparse.Namespace, settings: Settings | None = None) -> int:
    from ai_finops.instrument.doctor import examine

    return examine(modules=chosen.modules, is_json=chosen.is_json, is_probing=chosen.is_probing)


def _status(chosen: argparse.Namespace, settings: Settings) -> int:
    from ai_finops.publish.current import current_build, damaged_files
    from ai_finops.publish.status import status_lines

    print("\n".join(status_lines(settings)))
    current = current_build(settings)
    damaged = damaged_files(current) if current else []
    if damaged:
        raise PublishError(f"{current} is damaged ({', '.join(damaged)}); publish again (ai-finops publish)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
