"""`stillroom serve`: the local API without a window."""

import argparse
import importlib.metadata
import threading
from contextlib import closing
from pathlib import Path

import msgspec

from app.base.errors import Cancelled, StillroomError
from app.commands.terminal.arguments import whole
from app.commands.terminal.command_core import Core
from app.commands.terminal.console import WAKE_S, Console, WrongUse, json_text
from app.commands.terminal.installed import installed_model
from app.server.access.config import ANYWHERE, LOOPBACK, ServerConfig
from app.server.access.key_file import LEAST_CHARACTERS, is_usable, read_or_make_key
from app.settings import Settings

NAME = "serve"
SUMMARY = "answer editors and scripts over HTTP (OpenAI's and Ollama's API), until Ctrl+C"
EXAMPLE = "stillroom serve starter\n  stillroom serve r1-qwen-7b --port 9000 --json"


class ServeResult(msgspec.Struct, frozen=True, kw_only=True):
    """The facts that are printed once the server listens; with --json, one document on one line."""

    url: str
    key: str
    model: str
    pid: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL and where to listen."""
    parser.add_argument("model", metavar="MODEL", help="a model on disk, name/TYPE, or a .gguf file")
    parser.add_argument("--host", default=LOOPBACK, metavar="H", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=_port, default=Settings().api_port, metavar="P", help="%(default)s; 0 takes a free one"
    )
    parser.add_argument(
        "--key", metavar="K", help="bearer key that clients must send; without it the generated one counts"
    )
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate (PEM), to speak TLS")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's private key (PEM)")
    parser.add_argument(
        "--origin",
        dest="origins",
        action="append",
        default=[],
        metavar="URL",
        help="let web pages of this origin call, such as https://example.org",
    )
    parser.add_argument("--context", type=whole("context_tokens"), metavar="N", help="tokens; 0 is automatic")
    parser.add_argument("--parallel", type=whole("sequences"), metavar="N", help="replies side by side")
    parser.add_argument("--gpu-layers", type=whole("gpu_layers"), metavar="N", help="-1 is automatic")
    parser.add_argument("--threads", type=whole("threads"), metavar="N", help="0 is automatic")


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Load the model and serve it until Ctrl+C."""
    config = _config(options, core)
    model = installed_model(core.store, options.model)
    given = {
        "context_tokens": options.context,
        "sequences": options.parallel,
        "gpu_layers": options.gpu_layers,
        "threads": options.threads,
    }
    settings = msgspec.structs.replace(
        core.load_choices().of(model.path).load,
        **{name: number for name, number in given.items() if number is not None},
    )
    from app.audit.gate import Gate
    from app.commands.terminal.command_core import told_templates
    from app.commands.terminal.loading import load_model
    from app.server.access.addresses import addresses_for_others
    from app.server.server import LocalServer

    problems: list[StillroomError] = []
    with (
        core.engine() as client,
        closing(core.audit()) as audit,
        told_templates(core, console) as templates,
    ):
        audit.observe_problems(problems.append)
        load_model(client, model, settings, console, cancel)
        server = LocalServer(
            client,
            templates,
            core.store,
            core.settings,
            Gate(core.filters(), audit),
            core.paths,
            importlib.metadata.version("stillroom"),
        )
        found = server.start(config).result()
        try:
            result = ServeResult(url=found.url, key=found.key, model=model.reference, pid=found.pid)
            if console.as_json:
                console.out.write(json_text(result, indent=-1) + "\n")
                console.out.flush()
            console.say(found.url)
            console.say(f"Authorization: Bearer {found.key}")
            if config.host == ANYWHERE:
                others = ", ".join(addresses_for_others(found)) or "none found"
                console.note(f"Addresses for other computers: {others}.")
            if not config.is_loopback and not config.speaks_tls:
                console.note(
                    "WARNING: other computers can connect, and nothing is encrypted: whoever listens on the "
                    "network reads every question, every answer and the key. Use --tls-cert and --tls-key."
                )
            console.note("Ctrl+C ends it.")
            while not cancel.wait(WAKE_S):
                if server.running is None:
                    return
        finally:
            server.close()
            for problem in problems:
                console.note(f"stillroom: {problem}")
    raise Cancelled


def _config(options: argparse.Namespace, core: Core) -> ServerConfig:
    if (options.tls_cert is None) != (options.tls_key is None):
        raise WrongUse("--tls-cert and --tls-key belong together.")
    if options.key is not None and not is_usable(options.key):
        raise WrongUse(f"The key must have {LEAST_CHARACTERS} characters at least, without spaces.")
    return ServerConfig(
        key=options.key or read_or_make_key(core.paths.server_key_file),
        host=options.host,
        port=options.port,
        origins=tuple(options.origins),
        certificate=options.tls_cert,
        private_key=options.tls_key,
        priority="front",
    )


def _port(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no whole number") from None
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{number} is not from 0 to 65535")
    return number
