"""A first request, to be tried in a terminal."""


def example(url: str, key: str) -> str:
    """A command line for a server at `url`."""
    return (
        f'curl {url}/v1/chat/completions -H "Authorization: Bearer {key}" '
        '-H "Content-Type: application/json" '
        """-d '{"messages": [{"role": "user", "content": "Hello"}]}'"""
    )
