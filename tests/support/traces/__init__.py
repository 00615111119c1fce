"""Worked reasoning traces of our own: problems drawn by a seed, solved by Python, told as a model thinks."""
