"""GET /docs: what the API offers, as one page that fetches nothing and runs no script."""

from html import escape
from typing import Any

CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; font-size: 1.2rem; text-transform: capitalize; }
details { border: 1px solid #8884; border-radius: 8px; margin: .5rem 0; padding: .5rem 1rem; }
summary { cursor: pointer; } .method { font-weight: 600; display: inline-block; width: 3.5rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { background: #8881; border-radius: 8px; padding: 1rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .25rem .75rem .25rem 0;
vertical-align: top; border-bottom: 1px solid #8883; }
"""


def docs_page(document: dict[str, Any], url: str) -> str:
    """The page of an OpenAPI document, for a server at `url`."""
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append(_operation(document, method.upper(), path, operation))
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(found)}" for tag, found in groups.items())
    info = document["info"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>"
        "<p>Every request but this page, <code>/health</code> and <code>/openapi.json</code> needs the "
        "header <code>Authorization: Bearer KEY</code> with the key that Stillroom shows.</p>"
        f"<pre>{escape(example(url, 'KEY'))}</pre>{body}</body></html>"
    )


def _operation(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    resolved = _resolve(document, schema)
    rows = "".join(
        _row(name, field, name in resolved.get("required", ()))
        for name, field in resolved.get("properties", {}).items()
    )
    about = operation.get("description") or resolved.get("description") or ""
    table = f"<table><tr><th>Field</th><th>Type</th><th></th></tr>{rows}</table>" if rows else ""
    return (
        f'<details><summary><span class="method">{method}</span> <code>{escape(path)}</code> '
        f"{escape(operation.get('summary', ''))}</summary><p>{escape(about)}</p>{table}</details>"
    )


def _row(name: str, field: dict[str, Any], required: bool) -> str:
    needed = "required" if required else ""
    return f"<tr><td><code>{escape(name)}</code></td><td>{escape(_type(field))}</td><td>{needed}</td></tr>"


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "anyOf" in field:
        kinds = [_type(option) for option in field["anyOf"] if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in field:
        return " | ".join(str(value) for value in field["enum"])
    kind = str(field.get("type", "any"))
    if kind == "array":
        return f"list of {_type(field.get('items', {}))}"
    limits = [
        f"{words} {field[name]}" for name, words in (("minimum", "from"), ("maximum", "to")) if name in field
    ]
    return " ".join([kind, *limits])


def _resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def example(url: str, key: str) -> str:
    """A command line for a server at `url`."""
    return (
        f'curl {url}/v1/chat/completions -H "Authorization: Bearer {key}" '
        '-H "Content-Type: application/json" '
        """-d '{"messages": [{"role": "user", "content": "Hello"}]}'"""
    )
