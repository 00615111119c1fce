"""The local API: the engine for editors and scripts, over HTTP on this computer."""
