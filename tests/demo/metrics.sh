#!/bin/bash
# The metrics of a running demo, as Prometheus would fetch them: promtool finds nothing to say, every name that the
# dashboard asks for is there, and HTTP is answered as it should be. Usage: metrics.sh KEYRACK DOCS
set -euo pipefail
KEYRACK=$1 DOCS=$2 DASHBOARD=$2/grafana/keyrack.json
WORK=$(mktemp -d)
trap 'kill "${DEMO:-}" 2>/dev/null || true; rm -rf "$WORK"' EXIT

for c in curl promtool python3; do
  command -v "$c" >/dev/null || {
    echo "skipped: $c is missing (.ci/setup installs it)"
    exit 77
  }
done

fail() {
  echo "metrics: $*" >&2
  exit 1
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

PORT=$(free_port)
URL=http://127.0.0.1:$PORT

code() { # CURL-ARGUMENT...: the status of the answer
  curl -s -o /dev/null -m 5 -w '%{http_code}' "$@"
}

value() { # SERIES: its value
  awk -v series="$1" '$1 == series { print $2 }' "$WORK/metrics"
}

"$KEYRACK" demo --seconds 6 --queues 4 --slots 32 --metrics-port "$PORT" --json >"$WORK/demo" 2>"$WORK/errors" &
DEMO=$!
rekeyed=0
for ((i = 0; i < 200; i++)); do
  if curl -s -f -m 5 -o "$WORK/metrics" "$URL/metrics"; then
    rekeyed=$(value 'keyrack_rekeys_total{by="us"}')
    [ "$rekeyed" -ge 5 ] && break
  fi
  kill -0 $DEMO 2>/dev/null || fail "the demo has ended: $(cat "$WORK/errors")"
  sleep 0.05
done
[ "$rekeyed" -ge 5 ] || fail "there were $rekeyed rekeys"
promtool check metrics <"$WORK/metrics" >"$WORK/promtool" 2>&1 || fail "promtool: $(cat "$WORK/promtool")"
[ ! -s "$WORK/promtool" ] || fail "promtool: $(cat "$WORK/promtool")"

[ "$(value 'keyrack_hard_expiries_total')" = 0 ] || fail "hard expiries: $(value 'keyrack_hard_expiries_total')"
[ "$(value 'keyrack_slots_size{pool="shared"}')" = 32 ] || fail "slots: $(grep keyrack_slots "$WORK/metrics")"
[ "$(value 'keyrack_ike_sas')" = 1 ] || fail "IKE SAs: $(value 'keyrack_ike_sas')"
[ "$(grep -c '^keyrack_queue_bytes_total{.*direction="out"}' "$WORK/metrics")" = 5 ] || fail "not four queues and the fallback"

for name in $(grep -o 'keyrack_[a-z_]*' "$DASHBOARD" | sort -u); do
  grep -q "^# TYPE $name " "$WORK/metrics" || fail "the dashboard asks for $name, which is not there"
done
while read -r _ _ name _; do
  grep -q "^| \`$name\` |" "$DOCS/metrics.md" || fail "docs/metrics.md does not name $name"
done < <(grep '^# TYPE' "$WORK/metrics")
python3 -m json.tool "$DASHBOARD" >/dev/null || fail "the dashboard is not JSON"

[ "$(code "$URL/")" = 200 ] || fail "GET / said $(code "$URL/")"
[ "$(code "$URL/nothing")" = 404 ] || fail "GET /nothing said $(code "$URL/nothing")"
[ "$(code -X POST -d x "$URL/metrics")" = 405 ] || fail "POST said $(code -X POST -d x "$URL/metrics")"
[ "$(code -I "$URL/metrics")" = 200 ] || fail "HEAD said $(code -I "$URL/metrics")"
# a client that never finishes its request holds up nobody
exec 3<>"/dev/tcp/127.0.0.1/$PORT"
printf 'GET /metrics HTTP/1.1\r\n' >&3
[ "$(code "$URL/metrics")" = 200 ] || fail "a slow client holds up the others"
exec 3>&-

wait $DEMO || fail "the demo: $(cat "$WORK/errors")"
DEMO=
echo "metrics: $(grep -c '^# TYPE' "$WORK/metrics") families, $(grep -vc '^#' "$WORK/metrics") series, $rekeyed rekeys"
