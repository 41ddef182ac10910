#!/bin/sh
# Installs by package name the servers that the tests here start. Debian 12.
set -eu
missing=
for p in mariadb-server postgresql-15 pgbouncer postfix sasl2-bin libsasl2-modules; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
if [ -n "$missing" ]; then
	apt-get update -qq
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
fi
