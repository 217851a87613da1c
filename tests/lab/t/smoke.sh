# The module without keyrack: SAs by hand, in transport and tunnel mode; what the card refuses; and it unloads.
# shellcheck shell=bash
. "$LAB_HERE/t/lib.sh"

KEY128=0x000102030405060708090a0b0c0d0e0faabbccdd
KEY256=0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1faabbccdd

sa() { # HOST in|out SRC DST SPI KEY MODE [SETTING...]
  local h=$1 dir=$2 src=$3 dst=$4 spi=$5 key=$6 mode=$7
  shift 7
  ip -n "$h" xfrm state add src "$src" dst "$dst" proto esp spi "$spi" reqid 7 mode "$mode" dir "$dir" \
    aead 'rfc4106(gcm(aes))' "$key" 128 "$@" offload packet dev "${DEVICE[$h]}" dir "$dir"
}

policies() { # HOST LOCAL-NET REMOTE-NET MODE
  local h=$1 peer=b
  [ "$h" = b ] && peer=a
  ip -n "$h" xfrm policy add src "$2" dst "$3" dir out priority 10 offload packet dev "${DEVICE[$h]}" \
    tmpl src "${ADDRESS[$h]}" dst "${ADDRESS[$peer]}" proto esp reqid 7 mode "$4"
  ip -n "$h" xfrm policy add src "$3" dst "$2" dir in priority 10 offload packet dev "${DEVICE[$h]}" \
    tmpl src "${ADDRESS[$peer]}" dst "${ADDRESS[$h]}" proto esp reqid 7 mode "$4"
}

pair_up() { # MODE A-NET B-NET KEY [SETTING...]: SAs in both directions on both hosts
  local mode=$1 net_a=$2 net_b=$3 key=$4
  shift 4
  sa b in 192.0.2.1 192.0.2.2 0x100 "$key" "$mode" "$@"
  sa a out 192.0.2.1 192.0.2.2 0x100 "$key" "$mode" "$@"
  sa a in 192.0.2.2 192.0.2.1 0x200 "$key" "$mode" "$@"
  sa b out 192.0.2.2 192.0.2.1 0x200 "$key" "$mode" "$@"
  policies a "$net_a" "$net_b" "$mode"
  policies b "$net_b" "$net_a" "$mode"
}

flush() {
  local h
  for h in a b; do
    ip -n "$h" xfrm policy flush
    ip -n "$h" xfrm state flush
    equal "slots of $h after a flush" 0 "$(slots_used "$h")"
  done
}

say "transport mode, AES-128-GCM"
hosts_up slots=4
pair_up transport 192.0.2.1 192.0.2.2 "$KEY128"
plain=$(counter a tx_plain)
ping_all a 192.0.2.2 5 0.1
equal "packets sent as ESP" 5 "$(counter a tx_esp)"
equal "packets received as ESP" 5 "$(counter a rx_esp)"
equal "packets sent in clear" "$plain" "$(counter a tx_plain)"
ip -n a -s xfrm state | grep -q 'mode packet' || fail "ip xfrm state does not show the offload"
table a | grep -q '^sa out .*packets=5 bytes=420 ' || fail "the card's counters"
ip -n a -s xfrm state get src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x100 | grep -q '420(bytes), 5(packets)' ||
  fail "the kernel's counters"

say "a full table, a wrong cipher"
sa a out 192.0.2.1 192.0.2.2 0x101 "$KEY128" transport
sa a out 192.0.2.1 192.0.2.2 0x102 "$KEY128" transport
sa a out 192.0.2.1 192.0.2.2 0x103 "$KEY128" transport
text=$(sa a out 192.0.2.1 192.0.2.2 0x104 "$KEY128" transport 2>&1) && fail "a fifth SA fits into four slots"
grep -q 'the SA table is full' <<<"$text" || fail "what a full table says: $text"
text=$(sa a in 192.0.2.2 192.0.2.1 0x204 "$KEY128" transport encap espinudp 4500 4500 0.0.0.0 2>&1) &&
  fail "UDP encapsulation was accepted"
grep -q 'no UDP encapsulation' <<<"$text" || fail "what encapsulation is refused with: $text"
flush

say "tunnel mode, AES-256-GCM, ESN: both ends' loopback networks"
for h in a b; do
  net=$([ "$h" = a ] && echo 1 || echo 2)
  ip -n "$h" addr add "10.$net.0.1/32" dev lo
  ip -n "$h" route add "10.$((3 - net)).0.0/16" dev "${DEVICE[$h]}" src "10.$net.0.1"
done
sa b in 192.0.2.1 192.0.2.2 0x100 "$KEY256" tunnel flag esn replay-window 64
sa a out 192.0.2.1 192.0.2.2 0x100 "$KEY256" tunnel flag esn replay-window 0
sa a in 192.0.2.2 192.0.2.1 0x200 "$KEY256" tunnel flag esn replay-window 64
sa b out 192.0.2.2 192.0.2.1 0x200 "$KEY256" tunnel flag esn replay-window 0
policies a 10.1.0.0/16 10.2.0.0/16 tunnel
policies b 10.2.0.0/16 10.1.0.0/16 tunnel
before=$(counter b rx_esp)
ping_all a 10.2.0.1 20 0.05
equal "packets received as ESP in tunnel mode" $((before + 20)) "$(counter b rx_esp)"
equal "replayed packets" 0 "$(counter b rx_replay)"
flush

say "limits: soft at 3 packets, hard at 5"
ip -n a xfrm monitor expire >"$WORK/expire" 2>&1 &
monitor=$!
wait_for 10 "the monitor" grep -q . "/proc/$monitor/net/netlink"
pair_up transport 192.0.2.1 192.0.2.2 "$KEY128" limit packet-soft 3 limit packet-hard 5
on a ping -n -q -c 7 -i 0.1 -W 1 192.0.2.2 >"$WORK/ping" || true
wait_for 10 "a soft event" grep -q 'Expired.*\|hard 0\|soft' "$WORK/expire"
equal "SAs of a that are left" 0 "$(table a | grep -c '^sa out' || true)"
cat "$WORK/expire"
kill "$monitor"
flush

say "it unloads"
for h in a b; do
  ip netns del "$h"
done
wait_for 30 "the devices come back" ip link show pk1
rmmod krnic
[ ! -e "$DEBUGFS" ] || fail "debugfs is still there"
dmesg | grep -E 'BUG|WARNING|Oops|refcount|leak' && fail "the kernel has complained"
say "good"
