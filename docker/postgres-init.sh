#!/bin/sh
# First start of the database server: a role and a database of its own for each line of the file of passwords, and
# nobody else may connect to it. Passwords go through stdin, not through arguments.
set -eu
: "${SECRETS:=/run/secrets}"
while IFS=: read -r _ _ database role password; do
    psql -v ON_ERROR_STOP=1 --quiet --username "$POSTGRES_USER" --dbname postgres <<SQL
CREATE ROLE "$role" LOGIN PASSWORD '$password';
CREATE DATABASE "$database" OWNER "$role";
REVOKE ALL ON DATABASE "$database" FROM PUBLIC;
SQL
done < "$SECRETS"/pgpass
