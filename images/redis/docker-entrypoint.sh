#!/bin/sh
# Starts Redis as the official image does: `redis-server [file] [--option value ...]`, never as root.
set -eu

case "${1:-}" in
-* | *.conf) set -- redis-server "$@" ;;
esac

if [ "$1" = redis-server ]; then
	if [ "$(id -u)" = 0 ]; then
		find . \! -user redis -exec chown redis:redis {} +
		exec setpriv --reuid=redis --regid=redis --init-groups -- "$0" "$@"
	fi
	umask 0077
	shift
	configuration=
	case "${1:-}" in
	'' | -*) ;;
	*) configuration=$1 && shift ;;
	esac
	# The official image's Redis has no protected mode unless it is asked for; Debian's has it unless it is not.
	if [ -z "$configuration" ]; then
		set -- --protected-mode no "$@"
	elif ! grep -qi '^[[:space:]]*protected-mode' "$configuration"; then
		set -- "$configuration" --protected-mode no "$@"
	else
		set -- "$configuration" "$@"
	fi
	set -- redis-server "$@"
fi

exec "$@"
