# RDMA over the module's NICs (rdma_rxe: RoCEv2 in software) travels under keyrackd's SAs in packet mode: rping between the
# hosts, with rekeys by the card's packet counts meanwhile, and not a RoCE packet leaves in clear. keyrack doctor names
# the RDMA device, by interface and by address; without RDMA it says so, and nothing else.
# shellcheck shell=bash
. "$LAB_HERE/t/lib.sh"

PINGS=120
BYTES=4000 # of each; rxe sends 1024 at a time
PACKETS_A_PING=4 # at least, each way: a send, an RDMA read or a write, and what acknowledges them
REKEYS=2         # at least, of each SA, during the pings: the configuration has a soft limit of 150 packets

declare -A RXE=([a]=rxe_a [b]=rxe_b) clear ike esp sent received

example_conf() { # HOST: docs/examples/lab-HOST.conf, but for its sockets
  sed "s:/run/keyrack-$1.vici:$WORK/$1.vici:" "$LAB_HERE/../../docs/examples/lab-$1.conf" >"$WORK/$1.conf"
}

roce() { # HOST sent|rcvd: RoCE packets, by the RDMA device's own count
  cat "/sys/class/infiniband/${RXE[$1]}/ports/1/hw_counters/$2_pkts"
}

roce_since() { # HOST sent|rcvd: since count_from_here
  case $2 in
  sent) echo $(($(roce "$1" sent) - ${sent[$1]})) ;;
  rcvd) echo $(($(roce "$1" rcvd) - ${received[$1]})) ;;
  esac
}

count_from_here() { # counters as they are, of both
  local h
  for h in a b; do
    clear[$h]=$(in_clear "$h")
    ike[$h]=$(ike_sent "$h" 2>/dev/null) || ike[$h]=0
    esp[$h]=$(counter "$h" tx_esp)
    sent[$h]=$(roce "$h" sent)
    received[$h]=$(roce "$h" rcvd)
  done
}

rping_all() { # COUNT: from a to b; each is an RDMA read and a write, and the data must be the same
  on b timeout 120 rping -s -a 192.0.2.2 -C "$1" -S "$BYTES" -V >"$WORK/rping.b" 2>&1 &
  wait_for 10 "rping on b" listening
  on a timeout 120 rping -c -a 192.0.2.2 -C "$1" -S "$BYTES" -V -v >"$WORK/rping.a" 2>&1 ||
    fail "rping on a ended with $?: $(tail -n 3 "$WORK/rping.a")"
  wait $! || fail "rping on b ended with $?: $(tail -n 3 "$WORK/rping.b")"
  equal "rpings" "$1" "$(grep -c '^ping data: rdma-ping-' "$WORK/rping.a")"
}

listening() {
  on b rdma resource show cm_id | has 'LISTEN'
}

doctor_rdma() { # HOST [DEVICE]: the doctor's line. libibverbs has a driver to complain of: it must not be heard
  IBV_DRIVERS=none on "$1" "$KEYRACK_BIN/keyrack" --socket "$WORK/none.vici" doctor "${2:-${DEVICE[$1]}}" \
    >"$WORK/doctor" 2>"$WORK/errors" || true
  [ ! -s "$WORK/errors" ] || fail "the doctor on $1 is noisy: $(cat "$WORK/errors")"
  grep '^[a-z]* *rdma ' "$WORK/doctor" | tr -s ' '
}

hosts_up slots=32
say "without RDMA the doctor says so, and is quiet"
for h in a b; do
  equal "RDMA of $h" "ok rdma none" "$(doctor_rdma "$h")"
done

say "an RDMA device on each NIC"
modprobe -a rdma_rxe rdma_ucm
for h in a b; do
  on "$h" rdma link add "${RXE[$h]}" type rxe netdev "${DEVICE[$h]}"
  wait_for 10 "the RDMA device of $h" on "$h" sh -c "ibv_devinfo -d ${RXE[$h]} | grep -q PORT_ACTIVE"
  equal "RDMA of $h" "ok rdma ${RXE[$h]} port 1, RoCE, active, MTU 1024, 1048560 queue pairs, no RSS of its own; 1 of \
1 addresses lead to it" "$(doctor_rdma "$h")"
done
on a ibv_devinfo -d rxe_a
on a sh -c "echo 0 >/proc/sys/net/ipv6/conf/pk0/disable_ipv6"
ip -n a addr add 2001:db8::1/64 dev pk0 nodad
doctor_rdma a | has '^ok rdma rxe_a .*; 2 of 2 addresses lead to it$' || fail "by IPv6: $(grep rdma "$WORK/doctor")"
on a sh -c "echo 1 >/proc/sys/net/ipv6/conf/pk0/disable_ipv6"

say "another namespace's RDMA device, which only the addresses tell: a's own d0 has the index of b's NIC"
ip -n a link add d0 index "$(on b cat /sys/class/net/pk1/ifindex)" type dummy
ip -n a addr add 198.51.100.1/32 dev d0
ip -n a link set d0 up
doctor_rdma a d0 | has '^warning rdma rxe_b .*; 0 of 1 addresses lead to it, 198.51.100.1 leads to none. To do: ' ||
  fail "not found out: $(grep rdma "$WORK/doctor")"
ip -n a link delete d0

say "rping without keyrackd: the counters see it"
count_from_here
rping_all 10
for h in a b; do
  roce_sent=$(roce_since "$h" sent)
  at_least "RoCE packets of $h" $((10 * PACKETS_A_PING)) "$roce_sent"
  equal "packets of $h in clear" "$roce_sent" $(($(in_clear "$h") - ${clear[$h]}))
  equal "packets of $h as ESP" 0 $(($(counter "$h" tx_esp) - ${esp[$h]}))
done

say "keyrackd on both"
for h in a b; do
  example_conf "$h"
  daemon_start "$h"
done
keyrack a up net
wait_for 30 "one Child SA in each card" settled

say "$PINGS rpings, rekey every 150 packets"
count_from_here
adds=$(counter a sa_adds)
rping_all "$PINGS"
adds=$(($(counter a sa_adds) - adds))
at_least "SAs that a's card got by rekeys" $((2 * REKEYS)) "$adds"
for h in a b; do
  roce_sent=$(roce_since "$h" sent)
  at_least "RoCE packets of $h" $((PINGS * PACKETS_A_PING)) "$roce_sent"
  equal "packets of $h as ESP" "$roce_sent" $(($(counter "$h" tx_esp) - ${esp[$h]}))
  wait_for 10 "what left $h in clear is IKE, no more and no less" only_ike_in_clear "$h" "${clear[$h]}" "${ike[$h]}"
  for name in tx_no_sa rx_replay rx_auth_fail rx_policy; do
    equal "$name of $h" 0 "$(counter "$h" "$name")"
  done
done
equal "RoCE packets of a's that b got" "$(roce_since a sent)" "$(roce_since b rcvd)"
equal "RoCE packets of b's that a got" "$(roce_since b sent)" "$(roce_since a rcvd)"
say "$((adds / 2)) rekeys, $(roce_since a sent) RoCE packets from a and $(roce_since b sent) from b, each as ESP"

say "SIGTERM"
daemon_stop a
daemon_stop b
for h in a b; do
  wait_for 10 "SAs and policies of $h are gone" gone "$h"
  on "$h" rdma link delete "${RXE[$h]}"
done
equal "RDMA devices left" "" "$(rdma dev)"
kernel_quiet
say "good"
