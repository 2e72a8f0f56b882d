#!/bin/sh
# Installs the gateway on a Debian machine such as a Raspberry Pi, or brings it up to date: run it as root from a checkout.
#
#     sudo deploy/gateway/install.sh
#
# ROOT=/somewhere installs below that directory, and starts nothing: for images.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
root=${ROOT:-}
venv=/opt/sipe-gateway

python=
for candidate in python3.12 python3.11 python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
    then python=$candidate; break; fi
done
[ -n "$python" ] || { echo "Python 3.11 or 3.12 with venv is missing: apt install python3-venv" >&2; exit 1; }

[ -x "$root$venv/bin/python" ] || "$python" -m venv "$root$venv"
pip="$root$venv/bin/python -m pip --disable-pip-version-check --quiet"
$pip install --require-hashes --only-binary :all: -r "$source/requirements/uv.txt" -r "$source/requirements/gateway.txt"
# The build backend came with the above: nothing is downloaded that no hash was locked for.
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
"$root$venv/bin/uv" build --quiet --offline --wheel --out-dir "$wheels" "$source"
$pip install --no-deps --no-index --force-reinstall "$wheels"/*.whl

install -d "$root/etc/sipe" "$root/etc/systemd/system"
[ -e "$root/etc/sipe/gateway.toml" ] || install -m 0644 "$here/gateway.toml" "$root/etc/sipe/gateway.toml"
install -m 0644 "$here/sipe-gateway.service" "$root/etc/systemd/system/sipe-gateway.service"
if [ -z "$root" ]; then
    getent passwd sipe-gateway >/dev/null || useradd --system --home-dir /var/lib/sipe-gateway --groups dialout sipe-gateway
    install -d -m 0700 -o sipe-gateway -g sipe-gateway /var/lib/sipe-gateway  # stations are enrolled before it starts
    systemctl daemon-reload
    systemctl enable sipe-gateway
    systemctl try-restart sipe-gateway
fi
cat <<WORDS
Installed. Next:
  1. say in /etc/sipe/gateway.toml what is on this gateway, and try it:  $venv/bin/sipe gateway check --config /etc/sipe/gateway.toml
  2. enrol each station, with a code that an administrator has made:     sudo -u sipe-gateway $venv/bin/sipe gateway enrol --config /etc/sipe/gateway.toml --station NAME
  3. start it:                                                           systemctl start sipe-gateway
WORDS
