# keyrack doctor against a real kernel: the module's NIC is found, trial SAs of every kind are accepted and gone
# afterwards, and what is wrong is said: of the link, of the driver, of the privileges.
# shellcheck shell=bash
. "$LAB_HERE/t/lib.sh"

doctor() { # ARG...: its output to $WORK/doctor; the exit code is its own
  on a "$KEYRACK_BIN/keyrack" --socket "$WORK/none.vici" doctor "$@" >"$WORK/doctor" 2>&1
}

expect() { # LEVEL CHECK WORDS
  grep -qE "^$1 +$2 +.*$3" "$WORK/doctor" || fail "no \"$1 $2 $3\" in: $(cat "$WORK/doctor")"
}

warned() { # HOST: how often its keyrackd has said that packets are dropped
  grep -c '^warning *nic.larval_drop:' "$WORK/$1.log" || true
}

hosts_up slots=4 queues=4

say "the NIC is found, and takes SAs"
code=0
doctor --probe || code=$?
cat "$WORK/doctor"
[ "$code" -le 1 ] || fail "exit code $code"
expect ok kernel "Linux [0-9]"
expect ok esp4_offload .
expect ok device "${DEVICE[a]}, interface"
expect ok link up
for trial in packet-in packet-out crypto-in crypto-out; do
  expect ok "$trial" "accepted, read back and removed: transport4, tunnel4, transport6, tunnel6 \(AES-GCM-16"
done
expect ok channels "4 RX and 4 TX queues"
equal "SAs in the kernel afterwards" 0 "$(ip -n a xfrm state | grep -c spi || true)"
wait_for 10 "free slots" test "$(slots_used a)" = 0

say "without privileges"
code=0
on a setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all "$KEYRACK_BIN/keyrack" \
  --socket "$WORK/none.vici" doctor "${DEVICE[a]}" --probe >"$WORK/doctor" 2>&1 || code=$?
equal "exit code" 1 "$code"
expect warning privileges "without CAP_NET_ADMIN, CAP_NET_BIND_SERVICE here"
expect info policies "unknown: Operation not permitted"
expect warning packet-in "not tried: Operation not permitted"

say "somebody else's policy"
ip -n a xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir out priority 1 action block
doctor "${DEVICE[a]}" && fail "exit code 0 with a policy that covers IKE"
expect warning policies "somebody's policy covers IKE: src 0.0.0.0/0 dst 0.0.0.0/0 dir out priority 1 action block"
ip -n a xfrm policy flush

say "packets that find no SA are dropped"
expect ok larval-drop "packets wait"
larval_drop a 1
doctor "${DEVICE[a]}" && fail "exit code 0 with packets dropped"
expect warning larval-drop "To do: sysctl -w net.core.xfrm_larval_drop=0"

say "with keyrackd, and a table that is smaller than it believes"
for h in a b; do
  daemon_conf "$h" "net {
    mode = transport
    hw_offload = packet
  }"
  daemon_start "$h"
done
equal "warnings of keyrackd's" "1 0" "$(warned a) $(warned b)"
larval_drop a 0
keyrack a up net >/dev/null
wait_for 30 "one Child SA in each card" settled
of_keyrackd() { # of a's device, with what its keyrackd says
  on a "$KEYRACK_BIN/keyrack" --socket "$WORK/a.vici" doctor >"$WORK/doctor" 2>&1 || true
}
of_keyrackd
expect ok keyrackd "on ${DEVICE[a]}, up [0-9]* s, 1 IKE SAs, 1 Child SAs"
expect ok ike-ports "ports 500 and 4500 are keyrackd's"
expect ok policies "[0-9]*, all keyrackd's"
expect ok table "configured 64, nothing learned, in use 1 of 64"
ip -n a xfrm policy add src 192.0.2.0/24 dst 192.0.2.0/24 dir out priority 9000 action block
of_keyrackd
expect warning policies "overlaps with keyrackd's \\(priority [0-9]*\\): src 192.0.2.0/24 dst 192.0.2.0/24 dir out"
ip -n a xfrm policy delete src 192.0.2.0/24 dst 192.0.2.0/24 dir out
expect ok steering "1 SAs of keyrackd, 0 not led to their queue"
echo 1 >"$DEBUGFS/${DEVICE[a]}/slots_in"
keyrack a rekey net >/dev/null || true
learned() {
  of_keyrackd
  grep -qE '^warning +table .*in configured 64, learned 1, in use 1 of 1.* To do: the card took less' "$WORK/doctor"
}
wait_for 30 "what keyrackd has learned" learned
daemon_stop a
daemon_stop b

say "as JSON"
on a "$KEYRACK_BIN/keyrack" --socket "$WORK/none.vici" doctor --json >"$WORK/doctor" || true
python3 - "$WORK/doctor" "${DEVICE[a]}" <<'PYTHON'
import json, sys
answer = json.load(open(sys.argv[1]))
of = {row["check"]: row for row in answer["checks"]}
assert answer["level"] in ("info", "warning"), answer
assert of["link"]["device"] == sys.argv[2] and "device" not in of["kernel"], answer
PYTHON

say "offload is off, and can be on"
on a ethtool -K "${DEVICE[a]}" esp-hw-offload off
doctor "${DEVICE[a]}" && fail "exit code 0 without offload"
expect error features "esp-hw-offload is off. To do: ethtool -K ${DEVICE[a]} esp-hw-offload on"
on a ethtool -K "${DEVICE[a]}" esp-hw-offload on

say "the link is down"
ip -n a link set "${DEVICE[a]}" down
doctor "${DEVICE[a]}" && fail "exit code 0 with the link down"
expect error link "is down"
