#!/bin/sh
# A simulated device: a pen of pigs, filmed and recorded once, then served as a device on a farm serves its days.
set -eu
root=/var/lib/device
token=$root/token # kept beside its days: the platform changes it, and a restart must not bring the old one back
if [ ! -f "$token" ]; then install -m 600 /run/herdbook/device-token "$token"; fi
if [ ! -f "$root/farm.yaml" ]; then
    herdbook simulate farm "$root" --pens 1 --days 2 --barn barn-a
    for day in 2026-03-02 2026-03-03; do
        herdbook edge record --root "$root/devices/barn-a-1" --day "$day"
    done
fi
exec herdbook edge serve --root "$root/devices/barn-a-1" --token-file "$token" --host 0.0.0.0 --port 8750 \
    --plain-http # beyond this network of containers a device has a certificate: docs/fleet-manager.md
