#!/bin/bash
# Starts PostgreSQL as the official image does: a fresh PGDATA is initialized by the POSTGRES_* variables, the scripts
# in /docker-entrypoint-initdb.d are run once, and then the server runs with the arguments that were given.
#
# A new cluster is made in a folder inside PGDATA and moved up at the end, PG_VERSION last: a PGDATA with a PG_VERSION
# is complete, however the container ended.
set -euo pipefail

fail() {
	printf 'error: %s\n' "$@" >&2
	exit 1
}

# setting NAME DEFAULT: NAME becomes what it is, or what the file named by NAME_FILE holds, or DEFAULT.
setting() {
	local name=$1 file="$1_FILE"
	if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then
		fail "$name and $file are both set: leave one out"
	fi
	if [ -n "${!file:-}" ]; then
		printf -v "$name" '%s' "$(<"${!file}")"
	elif [ -z "${!name:-}" ]; then
		printf -v "$name" '%s' "$2"
	fi
	unset "$file"
}

only_root_may() {
	mkdir -p "$PGDATA" /var/run/postgresql
	find "$PGDATA" \! -user postgres -exec chown postgres {} +
	find /var/run/postgresql \! -user postgres -exec chown postgres {} +
}

initialize() {
	local -a options
	local method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
	if [ -z "$POSTGRES_PASSWORD" ] && [ "$method" != trust ]; then
		fail 'the database is new and its superuser needs a password: set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE' \
			'(or POSTGRES_HOST_AUTH_METHOD=trust, which lets in everyone)'
	fi
	# As a shell would split it, quotes included.
	eval "options=($POSTGRES_INITDB_ARGS)"
	if [ -n "$POSTGRES_PASSWORD" ]; then
		initdb --pgdata "$new" --username "$POSTGRES_USER" --pwfile <(printf '%s\n' "$POSTGRES_PASSWORD") \
			${POSTGRES_INITDB_WALDIR:+--waldir "$POSTGRES_INITDB_WALDIR"} "${options[@]}"
	else
		initdb --pgdata "$new" --username "$POSTGRES_USER" \
			${POSTGRES_INITDB_WALDIR:+--waldir "$POSTGRES_INITDB_WALDIR"} "${options[@]}"
	fi
	printf '\nhost all all all %s\n' "$method" >>"$new/pg_hba.conf"
}

as_superuser() {
	PGPASSWORD=$POSTGRES_PASSWORD psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password --username "$POSTGRES_USER" "$@"
}

fill() {
	if [ "$POSTGRES_DB" != postgres ]; then
		as_superuser --dbname postgres --set name="$POSTGRES_DB" <<<'CREATE DATABASE :"name";'
	fi
	local script
	for script in /docker-entrypoint-initdb.d/*; do
		case "$script" in
		*.sh)
			echo "running $script"
			# shellcheck disable=SC1090
			if [ -x "$script" ]; then "$script"; else . "$script"; fi
			;;
		*.sql) echo "running $script" && as_superuser --dbname "$POSTGRES_DB" --file "$script" ;;
		*.sql.gz) echo "running $script" && gunzip -c "$script" | as_superuser --dbname "$POSTGRES_DB" ;;
		*) if [ -e "$script" ]; then echo "ignoring $script"; fi ;;
		esac
	done
}

make_cluster() {
	local new="$PGDATA/.new"
	if [ -e "$new" ]; then
		echo 'an earlier start was interrupted while it made the database: starting over'
		find "$PGDATA" -mindepth 1 -maxdepth 1 \! -name lost+found -exec rm -rf {} +
	fi
	mkdir -p "$new"
	chmod 0700 "$PGDATA" "$new" 2>/dev/null || true
	initialize
	# Nobody but this script reaches the server until the database is what it should be.
	pg_ctl --pgdata "$new" --options "${*@Q} -c listen_addresses='' -p ${PGPORT:-5432}" --wait start
	fill
	pg_ctl --pgdata "$new" --mode fast --wait stop
	find "$new" -mindepth 1 -maxdepth 1 \! -name PG_VERSION -exec mv -t "$PGDATA" {} +
	sync
	mv "$new/PG_VERSION" "$PGDATA/PG_VERSION"
	rmdir "$new"
	echo 'the database is made'
}

if [[ "${1:-}" = -* ]]; then
	set -- postgres "$@"
fi

if [ "$1" = postgres ] && [[ " $* " != *' --help '* && " $* " != *' --version '* && " $* " != *' -V '* ]]; then
	if [ "$(id -u)" = 0 ]; then
		only_root_may
		exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$BASH_SOURCE" "$@"
	fi
	if [ ! -s "$PGDATA/PG_VERSION" ]; then
		setting POSTGRES_PASSWORD ''
		setting POSTGRES_USER postgres
		setting POSTGRES_DB "$POSTGRES_USER"
		setting POSTGRES_INITDB_ARGS ''
		mkdir -p "$PGDATA"
		make_cluster "${@:2}"
	fi
	unset POSTGRES_PASSWORD POSTGRES_PASSWORD_FILE
fi

exec "$@"
