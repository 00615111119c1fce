"""Conversations: their store, their prompts, and what fits into the context."""
