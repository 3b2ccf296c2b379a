#!/bin/sh
# docker/make-secrets.sh [FOLDER]: make the secrets that docker-compose.yml names, each once; what is there stays.
# The folder lets nobody but its owner in; the files inside are readable, so that the containers' own users can read
# those that are mounted for them.
set -eu
folder=${1:-secrets}
umask 077
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

word() { head -c 30 /dev/urandom | base64 | tr -d '+/=\n'; }
keep() { # NAME, content on stdin
    if [ -s "$1" ]; then cat >/dev/null; else cat >"$1"; chmod 444 "$1"; fi
}

word | keep postgres-password
for role in airflow ledger lake mlflow; do echo "postgres:5432:$role:$role:$(word)"; done | keep pgpass
for role in airflow mlflow; do grep ":$role:" pgpass | keep "pgpass-$role"; done
echo "requirepass $(word)" | keep redis.conf
sed -n 's|^requirepass \(.*\)|redis://:\1@redis:6379/0|p' redis.conf | keep broker-url
for name in s3-credentials s3-credentials-mlflow; do
    printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$(word)" "$(word)" | keep $name
done
value() { sed -n "s/^$2 = //p" "$1"; }
identity() { # NAME, file of its key, what it may do
    printf '{"name": "%s", "credentials": [{"accessKey": "%s", "secretKey": "%s"}], "actions": [%s]}' \
        "$1" "$(value "$2" aws_access_key_id)" "$(value "$2" aws_secret_access_key)" "$3"
}
mlflow='"Read:herdbook-mlflow", "Write:herdbook-mlflow", "List:herdbook-mlflow", "Tagging:herdbook-mlflow"'
printf '{"identities": [%s, %s]}\n' \
    "$(identity herdbook s3-credentials '"Admin", "Read", "Write", "List", "Tagging"')" \
    "$(identity mlflow s3-credentials-mlflow "$mlflow")" | keep s3.json
head -c 32 /dev/urandom | base64 | tr '+/' '-_' | keep fernet-key
word | keep api-secret
word | keep jwt-secret
printf '{"admin": "%s"}\n' "$(word)" | keep airflow-passwords.json
word | keep device-token
