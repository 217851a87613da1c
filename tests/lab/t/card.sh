# The module's data path without keyrack, every packet counted: families, modes and kinds of offload, against another
# card and against the kernel's own ESP; ESN over the edge of 2^32; replays; ESP in UDP; which SA a packet gets; what
# the card cannot do; RSS and rules for IPv6; limits.
# shellcheck shell=bash disable=SC2034,SC2046,SC2086,SC2207
. "$LAB_HERE/t/lib_card.sh"

hosts_up slots=64 queues=4
net_up
ALL="192.0.2.2 2001:db8::2 10.0.0.2 fd00::2" # b's

plan_all() { # packet|crypto: transport and tunnel, IPv4 and IPv6, all at once
  plan "$1" transport 4
  plan "$1" transport 6
  plan "$1" tunnel 4
  plan "$1" tunnel 6
}

for offload in packet crypto; do
  for peer in card software; do
    say "$offload offload against $peer: IPv4 and IPv6, transport and tunnel"
    SOFTWARE=$([ $peer = card ] || echo b)
    plan_all $offload
    up
    ping_some 4 $ALL
    equal "packets of each SA, outbound" "4 4 4 4" "$(sa_field a out packets)"
    equal "packets of each SA, inbound" "4 4 4 4" "$(sa_field a in packets)"
    grown a tx_esp=16 rx_esp=16
    if [ "$SOFTWARE" ]; then grown b rx_no_sa=16; else grown b tx_esp=16 rx_esp=16; fi
    down
  done
done

say "tunnels from one family to the other against software"
SA="flag af-unspec"
plan crypto tunnel 4 6
plan crypto tunnel 6 4
up
ping_some 4 10.0.0.2 fd00::2
grown a tx_esp=8 rx_esp=8
grown b rx_no_sa=8
down
# in packet offload Linux looks for the way to the gateway in the inner family (xfrm_policy.c, xfrm_bundle_create) and
# finds none: so these packets come to the card by another way
plan packet tunnel 4 6
plan packet tunnel 6 4
up
frames a <<'FRAMES'
10.0.0.1 10.0.0.2 echo
fd00::1 fd00::2 echo
FRAMES
wait_for 10 "answers through the tunnels" counted a rx_esp 2
equal "packets of each SA, inbound" "1 1" "$(sa_field a in packets)"
grown a tx_esp=2 rx_esp=2
grown b rx_no_sa=2
down
SA=''

say "ESN over the edge of 2^32, both directions, in order and not, and with TCP in large segments"
IN="flag esn replay-seq $EDGE" OUT="flag esn replay-oseq $EDGE"
SOFTWARE=''
plan crypto transport 6
plan packet transport 4
up
ping_some 16 192.0.2.2 2001:db8::2
for dir in in out; do
  equal "the last sequence numbers, $dir" "$((EDGE + 16)) $((EDGE + 16))" "$(sa_field a $dir seq)"
done
grown a tx_esp=32 rx_esp=32
grown b tx_esp=32 rx_esp=32
down
SOFTWARE=b
for offload in packet crypto; do
  plan $offload transport 4
  plan $offload transport 6
  up
  tc -n b qdisc add dev pk1 root netem delay 50ms reorder 50%
  ping_some 16 192.0.2.2
  tc -n b qdisc del dev pk1 root
  equal "the last sequence number received" $((EDGE + 16)) "$(sa_field a in seq | cut -d ' ' -f 1)"
  tcp 2001:db8::2 150000
  read -r _ sent <<<"$(sa_field a out packets)"
  read -r _ received <<<"$(sa_field a in packets)"
  at_least "segments" 100 "$sent"
  grown a tx_esp=$((16 + sent)) rx_esp=$((16 + received))
  grown b rx_no_sa=$((16 + sent))
  down
done
OUT=''

say "replays: all that b sends comes twice"
tc -n b qdisc add dev pk1 root netem duplicate 100%
IN="replay-window 32"
plan packet transport 6
IN="replay-window 256"
plan packet transport 4
up
ping_some 8 192.0.2.2 2001:db8::2
wait_for 10 "the last copy" counted a rx_replay 16
grown a tx_esp=16 rx_esp=16 rx_replay=16
equal "replays that each SA has counted" "8 8" "$(sa_field a in replayed)"
down
IN="replay-window 64"
plan crypto tunnel 4
up
ping_some 8 10.0.0.2
wait_for 10 "the last copy" counted a XfrmInStateSeqError 8
grown a tx_esp=8 rx_esp=16 XfrmInStateSeqError=8
down
IN="replay-window 0"
plan packet transport 4
up
inside a ping -n -q -c 8 -i 0.01 -W 10 192.0.2.2 >"$WORK/ping" || true
wait_for 10 "the last copy" counted a rx_esp 16
grown a tx_esp=8 rx_esp=16
down
tc -n b qdisc del dev pk1 root
IN=''

say "ESP in UDP: transport and tunnel, against card and software; IKE beside it"
SA="encap espinudp 4500 4500 0.0.0.0"
for h in a b; do
  nsenter --net="/run/netns/$h" python3 -S "$LAB_HERE/card.py" udp 4500 >"$WORK/$h.udp" &
  helpers+=($!)
done
for SOFTWARE in '' b; do
  plan_all packet
  # Linux asks the policies about UDP before it looks into it, unless its socket is exempt, as an IKE daemon's; a card
  # that is asked after the SA lets it through as ESP
  printf 'xfrm policy add src %s dst %s proto 17 dir in priority 1\n' 192.0.2.1 192.0.2.2 2001:db8::1 2001:db8::2 \
    >>"$WORK/b.plan"
  up
  for h in a b; do
    wait_for 20 "a socket on $h" grep -q ready "$WORK/$h.udp"
  done
  ping_some 4 $ALL
  equal "packets of each SA, inbound" "4 4 4 4" "$(sa_field a in packets)"
  grown a tx_esp=16 rx_esp=16
  if [ "$SOFTWARE" ]; then grown b; else grown b tx_esp=16 rx_esp=16; fi
  down
done
echo "192.0.2.2 192.0.2.1 ike:4500" | frames b
wait_for 10 "IKE on the port of ESP" grep -q '^got 00000000' "$WORK/a.udp"
equal "packets that came to a's socket" 1 "$(grep -c '^got' "$WORK/a.udp")"
text=$(sa_line a crypto in 192.0.2.2 192.0.2.1 0x300 transport | ip -n a -batch - 2>&1) &&
  fail "crypto offload took UDP encapsulation"
grep -q 'UDP encapsulation only in packet offload' <<<"$text" || fail "what it is refused with: $text"
SA=''

say "which SA: by CPU, or the newest by reqid"
SOFTWARE=''
plan packet transport 4
sa_line b packet in 192.0.2.1 192.0.2.2 0x110 transport >>"$WORK/b.plan"
up
inside a python3 -S "$LAB_HERE/card.py" sa pk0 192.0.2.1 192.0.2.2 0x110 7 3
packets_by() { # CPU: "N M", of the SAs for any CPU and for CPU 3
  local before=($(sa_field a out packets)) after
  inside a taskset -c "$1" ping -n -q -c 3 -i 0.01 -W 10 192.0.2.2 >"$WORK/ping" || true
  after=($(sa_field a out packets))
  echo $((after[0] - before[0])) $((after[1] - before[1]))
}
equal "packets from CPU 0" "3 0" "$(packets_by 0)"
equal "packets from CPU 3" "0 3" "$(packets_by 3)"
echo 1 >"$DEBUGFS/pk0/tx_by_reqid"
equal "packets from CPU 0, by reqid" "0 3" "$(packets_by 0)"
echo 0 >"$DEBUGFS/pk0/tx_by_reqid"
wait_for 10 "all answers" counted a rx_esp 9
grown a tx_esp=9 rx_esp=9
down

say "echo requests in clear by a policy for their type, the answers protected"
plan packet transport 6
for h in a b; do # ICMPv6: 58, an echo request: 128; protocols have names only where /etc/protocols is
  offload $h packet
  echo "xfrm policy add src 2001:db8::1 dst 2001:db8::2 proto 58 type 128 priority 1 $REPLY" \
    "dir $([ $h = a ] && echo out || echo in)" >>"$WORK/$h.plan"
done
up
ping_some 4 2001:db8::2
grown a tx_bypass=4 rx_esp=4
grown b tx_esp=4
down

say "what the card cannot send, and what it can"
plan_all packet
up
frames a <<'FRAMES'
192.0.2.1 192.0.2.2 udp:1472
192.0.2.1 192.0.2.2 udp:8 options
192.0.2.1 192.0.2.2 udp:8 fragment
192.0.2.1 192.0.2.2 udp:8 short
2001:db8::1 2001:db8::2 udp:1452
2001:db8::1 2001:db8::2 udp:8 options
2001:db8::1 2001:db8::2 udp:8 fragment
2001:db8::1 2001:db8::2 udp:8 short
10.0.0.1 10.0.0.2 udp:8 options
10.0.0.1 10.0.0.2 udp:8 fragment
fd00::1 fd00::2 udp:8 options
fd00::1 fd00::2 udp:8 fragment
FRAMES
wait_for 10 "what tunnel mode can send" counted b rx_esp 4
equal "packets of each SA" "0 0 2 2" "$(sa_field a out packets)"
grown a tx_too_big=2 tx_header=6 tx_esp=4
grown b rx_esp=4
down

say "what the card does not take"
SOFTWARE=b
plan crypto tunnel 4
plan packet transport 4
plan packet transport 6
up
for version in 4 6; do
  declare -n outer=OUTER$version
  for what in "esp:0x20$version:100:80" "esp:0x20$version:100:81" "esp:0x20$version:100:20" \
    "esp:0x20$version:100:80 options" "esp:0x20$version:0:80" esp:0x999:1:80 udp:8; do
    echo "${outer[b]} ${outer[a]} $what"
  done
done >"$WORK/frames"
cat >>"$WORK/frames" <<'FRAMES'
192.0.2.2 192.0.2.1 esp:0x214:100:80
192.0.2.2 192.0.2.1 esp:0x214:100:80 options
FRAMES
frames b <"$WORK/frames"
wait_for 10 "the last of them" counted a XfrmInStateProtoError 2
grown a rx_auth_fail=3 rx_malformed=6 rx_replay=2 rx_no_sa=2 rx_policy=2 XfrmInNoStates=2 XfrmInStateProtoError=2
equal "what each SA has counted" "1 1 1" "$(sa_field a in unauthentic)"
mark
ping_some 1 $ALL # the forged numbers have not moved any window
grown a tx_esp=3 rx_esp=3
down
SOFTWARE=''

# RFC 2474's field, DSCP and ECN. The kernel's own ESP, which is RFC 4301's and RFC 3168's, is asked the same: a CE mark
# begins anew with each tunnel, and one on a packet that knows no ECN is not looked at (RFC 6040 would drop it).
dsfield() { # OUT IN
  local version
  for version in 4 6; do
    printf '%s out %s\n%s in %s\n' $version "$1" $version "$2"
  done >"$WORK/dsfield.wanted"
  for SOFTWARE in b "a b"; do
    plan packet tunnel 4
    plan packet tunnel 6
    up
    python3 -S "$LAB_HERE/dsfield.py" "${MAC[a]}" >"$WORK/dsfield"
    cmp "$WORK/dsfield.wanted" "$WORK/dsfield" ||
      fail "DS fields, software on $SOFTWARE, $SA $IN $OUT: $(diff "$WORK/dsfield.wanted" "$WORK/dsfield" || true)"
    down
  done
}

say "DS fields of tunnels: the card's and the kernel's own ESP, with each flag"
modprobe dummy
on b ethtool -K pk1 gro off
ip -n b -batch - <<'BATCH'
link add d0 up type dummy
route add 192.0.2.1/32 dev d0
route add 2001:db8::1/128 dev d0
BATCH
dsfield "b8 b9 ba ba" "b8 b8 b8 b8 b9 b9 b9 bb ba ba ba bb bb bb bb bb"
IN="flag decap-dscp" OUT="extra-flag dont-encap-dscp"
dsfield "00 01 02 02" "28 28 28 28 29 29 29 2b 2a 2a 2a 2b 2b 2b 2b 2b"
IN='' OUT='' SA="flag noecn"
dsfield "b8 b8 b8 b8" "b8 b8 b8 b8 b9 b9 b9 b9 ba ba ba ba bb bb bb bb"
SA='' SOFTWARE=''
ip -n b link del d0
on b ethtool -K pk1 gro on

# Microsoft's verification suite for the Toeplitz hash over TCP/IPv6: an SPI lies where it has the two ports.
rss_frames() { # frames, and the queue that each has to come to: the last two bits of 0x40207d3d, 0xdde51bbf, 0x02d1feef
  cat <<FRAMES
3ffe:2501:200:1fff::7 3ffe:2501:200:3::1 esp:$((2794 << 16 | 1766)):1:40 1
3ffe:501:8::260:97ff:fe40:efab ff02::1 esp:$((14230 << 16 | 4739)):1:40 3
3ffe:1900:4545:3:200:f8ff:fe21:67cf fe80::200:f8ff:fe21:67cf esp:$((44251 << 16 | 38024)):1:40 3
FRAMES
}

queues() { # which have got how many packets since mark
  counters b | awk 'NR == FNR { before[$1] = $2; next }
    /rx[0-9]+_packets/ && $2 != before[$1] { printf "%s%d ", $1, $2 - before[$1] }' "$WORK/b.counters" -
}

queues_get() { # "QUEUE:PACKETS "...: what the frames go to
  mark
  rss_frames | frames a
  wait_for 10 "packets in the queues" counted b rx_no_sa 3
  equal "packets in queues" "$1" "$(queues)"
}

say "RSS over IPv6: published vectors of the Toeplitz hash; rules that come first"
on b ethtool -X pk1 equal 4 hkey "6d:5a:56:da:25:5b:0e:c2:41:67:25:3d:43:a3:8f:b0:d0:ca:2b:cb:ae:7b:30:b4:77:cb:2d:a3:\
80:30:f2:0c:6a:42:b7:3b:be:ac:01:fa"
queues_get "rx1_packets:1 rx3_packets:2 "
on b ethtool -n pk1 rx-flow-hash esp6 | has 'L4 bytes 0 & 1' || fail "the SPI is not among the hash's fields"
on b ethtool -N pk1 flow-type esp6 spi $((14230 << 16 | 4739)) action 0 loc 5
on b ethtool -N pk1 flow-type esp6 src-ip 3ffe:2501:200:1fff::7 dst-ip 3ffe:2501:200:3::1 action 2 loc 6
queues_get "rx0_packets:1 rx2_packets:1 rx3_packets:1 "
on b ethtool -N pk1 delete 5
queues_get "rx2_packets:1 rx3_packets:2 "

say "limits of 3 packets, soft, and 5, hard: outbound, then inbound"
larval_drop a 1 # what is over the limit is not to wait
for h in a b; do
  ip -n $h xfrm monitor expire >"$WORK/$h.expire" 2>&1 &
  monitor=$!
  helpers+=("$monitor")
  wait_for 10 "the monitor" grep -qw "$monitor" "/proc/$monitor/net/netlink"
done
seven() { # ADDRESS: packets, of which five arrive and are answered
  local before
  before=$(answers)
  inside a ping -n -q -c 7 -i 0.1 -W 1 "$1" >"$WORK/ping" 2>&1 || true
  wait_for 10 "five answers from $1" answered "$before" 5
}
expired() { # HOST SOFT HARD: events since the monitor began
  [ "$(grep -c 'hard 0' "$WORK/$1.expire") $(grep -c 'hard 1' "$WORK/$1.expire")" = "$2 $3" ]
}
IN="limit packet-soft 3 limit packet-hard 5"
plan crypto tunnel 4
OUT=$IN IN=''
plan crypto transport 4
OUT="limit byte-soft 300 limit byte-hard 520" # packets of 104 octets
plan packet transport 6
IN="limit packet-soft 3 limit packet-hard 5" OUT=''
plan packet tunnel 6
IN=''
up
seven 2001:db8::2
grown a tx_esp=5 rx_esp=5 soft_expired=1 hard_expired=1 XfrmOutNoStates=2
grown b tx_esp=5 rx_esp=5 soft_expired=1 hard_expired=1
wait_for 10 "the events of a" expired a 1 1
mark
seven 192.0.2.2
grown a tx_esp=5 rx_esp=5 XfrmOutStateExpired=1 XfrmOutNoStates=1
grown b tx_esp=5 rx_esp=5
wait_for 10 "the events of a" expired a 2 2
mark
seven fd00::2
grown a tx_esp=7 rx_esp=5 soft_expired=1 hard_expired=1
grown b tx_esp=5 rx_esp=5 soft_expired=1 hard_expired=1 rx_no_sa=2 XfrmInNoStates=2
mark
seven 10.0.0.2
grown a tx_esp=7 rx_esp=5
grown b tx_esp=5 rx_esp=6 XfrmInStateExpired=1 rx_no_sa=1 XfrmInNoStates=1
wait_for 10 "the events of b" expired b 4 3
down

for h in a b; do
  wait_for 10 "the slots of $h are free" drained "$h"
done
kill "${helpers[@]}" # they are in the hosts' networks
hosts_down
say "good"
