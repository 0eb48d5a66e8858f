"""Jellyfin, highly available on Kubernetes: components, program, operations and lab."""
