"""Jellyfin, highly available on Kubernetes: components, program, operations and lab."""

__version__ = "0.1.0"
