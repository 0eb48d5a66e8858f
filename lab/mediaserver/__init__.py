"""A reference media server: the part of Jellyfin 10.11.11's HTTP API that failover touches.

It is not Jellyfin. It stands in for it where Jellyfin's image cannot be pulled, on the same database schema, with
the same environment variables, and with the same weaknesses when two processes share one database: log-in
tokens read once at start, per-process caches that go stale and are written back, abandoned playbacks that are
extrapolated and saved, a transcode folder that is wiped at the first playback.
"""

JELLYFIN_VERSION = "10.11.11"
