"""English sentences about a drift report, for the command line."""

from app.bench.drift.comparison import DriftReport


def drift_lines(report: DriftReport) -> list[str]:
    """The report for a terminal."""
    head = f"{report.model}, {report.quantisation}:"
    if report.is_first:
        return [
            head,
            f"  {len(report.items)} golden answers are kept. The next check is compared with them.",
        ]
    if not report.items:
        return [head, f"  Not comparable: the questions are others than on {report.baseline_at}."]
    lines = [head, f"  {_answers(report)}", f"  {_speed(report)}"]
    for item in report.moved_items:
        lines.append(
            f"    {item.question} Differs from token {(item.first_difference or 0) + 1} on: "
            f"{100 * item.same_share:.0f}% of the tokens are the same, ROUGE-L {item.rouge_l:.2f}."
        )
    if report.differences:
        lines.append(f"  What is not as on {report.baseline_at}:")
        lines += [
            f"    {item.field}: {_value(item.before)}, now {_value(item.now)}" for item in report.differences
        ]
    elif report.has_moved:
        lines.append("  Nothing else is known to have changed.")
    return lines


def _value(text: str) -> str:
    return {"": "nothing", "-1": "automatic"}.get(text, text)


def _answers(report: DriftReport) -> str:
    n = len(report.items)
    match report.answers:
        case "same":
            return f"All {n} answers are as on {report.baseline_at}, token for token."
        case "shifted":
            most = max(item.logprob_change for item in report.items)
            return (
                f"All {n} answers have the same tokens, but their likelihoods have moved (by up to "
                f"{most:.3f} nats), since {report.since}; the same until {report.last_same}."
            )
        case "moved":
            return (
                f"{len(report.moved_items)} of {n} answers are others, since {report.since}; the same until "
                f"{report.last_same}."
            )


def _speed(report: DriftReport) -> str:
    change = (
        f"generation {report.decode_change_percent:+.1f}%, prompt {report.prompt_change_percent:+.1f}%, "
        f"n = {len(report.items)} answers"
    )
    match report.speed:
        case "same":
            return f"The speed is the same within noise ({change})."
        case "not_conclusive":
            return f"The speed is not conclusive: something else was at work, or it scatters ({change})."
        case _:
            return f"It is {report.speed} than then ({change})."
