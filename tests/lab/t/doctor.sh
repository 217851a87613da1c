# keyrack doctor against a real kernel: the module's NIC is found, trial SAs are accepted in packet mode, found out in
# crypto mode, and gone afterwards; and what is wrong with a link is said.
# shellcheck shell=bash
. "$LAB_HERE/t/lib.sh"

doctor() { # ARG...: its output to $WORK/doctor; the exit code is its own
  on a "$KEYRACK_BIN/keyrack" --socket "$WORK/none.vici" doctor "$@" >"$WORK/doctor" 2>&1
}

expect() { # LEVEL CHECK WORDS
  grep -qE "^$1 +$2 +.*$3" "$WORK/doctor" || fail "no \"$1 $2 $3\" in: $(cat "$WORK/doctor")"
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
for trial in packet-in packet-out; do
  expect ok "$trial" "accepted, read back and removed"
done
for trial in crypto-in crypto-out; do # the module has none; the kernel says yes, and does it in software
  expect info "$trial" "acknowledged but not offloaded"
done
expect ok channels "4 RX and 4 TX queues"
equal "SAs in the kernel afterwards" 0 "$(ip -n a xfrm state | grep -c spi || true)"
wait_for 10 "free slots" test "$(slots_used a)" = 0

say "the link is down"
ip -n a link set "${DEVICE[a]}" down
doctor "${DEVICE[a]}" && fail "exit code 0 with the link down"
expect error link "is down"
