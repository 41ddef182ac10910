#!/bin/sh
# Installs by package name the servers that the tests here start. Debian 12.
set -eu
missing=
for p in mariadb-server postgresql-15 pgbouncer postfix sasl2-bin libsasl2-modules; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
command -v npm >/dev/null || missing="$missing nodejs npm"
if [ -n "$missing" ]; then
	apt-get update -qq
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
fi

# The ClickHouse engine as a library, where the package server looks for it.
chdb=26.5.3
into="${XDG_CACHE_HOME:-$HOME/.cache}/datapush/chdb-$chdb"
if [ ! -e "$into/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so" ]; then
	mkdir -p "$into"
	npm install --prefix "$into" --no-audit --no-fund --ignore-scripts --loglevel=error "@chdb/lib-linux-x64-gnu@$chdb"
fi
