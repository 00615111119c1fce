"""The Chat tab under a long reply and a long history. Prints, never fails on a clock."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.display import virtual_display

REPLY_TOKENS = int(os.environ.get("STILLROOM_REPLY_TOKENS", "32000"))
REPLY_TOK_PER_S = 100
CHATS, MESSAGES_EACH = 500, 20


def measured(display: str, home: Path, *command: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env=os.environ | {"DISPLAY": display, "STILLROOM_HOME": str(home), "QT_QPA_PLATFORM": "xcb"},
        stdout=subprocess.PIPE,
        check=True,
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def a_long_reply(home: Path) -> None:
    with virtual_display() as display:
        found = measured(display, home, "tests.perf.long_reply", str(REPLY_TOKENS), str(REPLY_TOK_PER_S))
    print(
        f"\nreply of {found['tokens']:,.0f} tokens at {found['tok_per_s']:.0f} tok/s: the window busy at most"
        f" {found['gap_p99_ms']:.1f} ms (p99; target 33), {found['gap_max_ms']:.0f} ms (longest); frames"
        f" {found['paint_p99_ms']:.0f} ms apart (p99); {found['first_ms_per_token']:.2f} ms a token at first,"
        f" {found['last_ms_per_token']:.2f} ms at last, ratio"
        f" {found['last_ms_per_token'] / found['first_ms_per_token']:.2f} (target 1.2; laying the same text"
        f" out took {found['machine_slower']:.2f} times as long then); memory"
        f" +{found['growth_mb']:.0f} MB (target 100); scrolling {found['scroll_p99_ms']:.1f} ms a step (p99)"
    )
    assert found["tokens"] == REPLY_TOKENS


def a_long_history(home: Path) -> None:
    with virtual_display() as display:
        found = measured(display, home, "tests.perf.chat_history", str(CHATS), str(MESSAGES_EACH))
    print(
        f"\n{found['messages']:,.0f} messages in {found['chats']:,.0f} chats: the store opens in"
        f" {found['store_opens_ms']:.0f} ms, its list is read in {found['list_read_ms']:.0f} ms; a chat opens"
        f" in {found['open_median_ms']:.0f} ms (median; {found['open_cpu_median_ms']:.0f} of them computing),"
        f" {found['open_max_ms']:.0f} ms (longest; target 300), the list is shown in"
        f" {found['list_median_ms']:.0f} ms, search answers in {found['search_median_ms']:.0f} ms (median),"
        f" {found['search_max_ms']:.0f} ms (longest; target 100)"
    )
    assert found["messages"] == CHATS * MESSAGES_EACH


def main() -> None:
    """Measure and print."""
    for part in (a_long_reply, a_long_history):
        with tempfile.TemporaryDirectory() as home:
            part(Path(home))


if __name__ == "__main__":
    main()
