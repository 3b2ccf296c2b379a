#!/bin/sh
# Secrets arrive as files of whatever owner and mode the host gives them. libpq, Airflow and Herdbook want files that
# their owner alone can read, and Airflow opens its passwords for writing: they are copied to memory, and the command
# takes our place.
set -eu
: "${SECRETS:=/run/secrets}" "${PRIVATE:=/run/herdbook}"
for secret in "$SECRETS"/*; do
    if [ -f "$secret" ]; then install -m 600 "$secret" "$PRIVATE/${secret##*/}"; fi
done
exec "$@"
