#!/bin/sh
# Secrets arrive as files of whatever owner and mode the host gives them. libpq, Airflow and Herdbook want files that
# their owner alone can read: they are copied to memory, and the command takes our place.
set -eu
: "${SECRETS:=/run/secrets}" "${PRIVATE:=/run/herdbook}"
umask 077
for secret in "$SECRETS"/*; do
    if [ -f "$secret" ]; then cp "$secret" "$PRIVATE/${secret##*/}"; fi
done
exec "$@"
