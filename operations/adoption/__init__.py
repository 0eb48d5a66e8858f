"""Moves a single server's configuration folder to the volume of the new ones, without changing it."""
