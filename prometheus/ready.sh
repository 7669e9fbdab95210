#!/bin/sh
# Is the server at this port ready? For the health checks of Prometheus and
# Alertmanager, which ask for a password once there are users.
set -eu
user=$(printf 'benchd:%s' "$(cat /etc/password)" | base64 | tr -d '\n')
exec wget -Y off -qO /dev/null --header "Authorization: Basic $user" "http://127.0.0.1:$1/-/ready"
