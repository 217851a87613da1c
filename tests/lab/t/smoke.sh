# The module without keyrack: SAs by hand, in transport and tunnel mode; the kernel's own ESP as its peer; what the card
# refuses; replays, RSS, limits; and it unloads.
# shellcheck shell=bash disable=SC2046
. "$LAB_HERE/t/lib.sh"

KEY128=0x000102030405060708090a0b0c0d0e0faabbccdd
KEY256=0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1faabbccdd

SOFTWARE= # the host, if any, whose SAs and policies are the kernel's own and not the card's

offload() { # HOST [dir in|out]
  [ "$1" = "$SOFTWARE" ] || printf 'offload packet dev %s %s' "${DEVICE[$1]}" "${2:-}"
}

sa() { # HOST in|out SRC DST SPI KEY MODE [SETTING...]
  local h=$1 dir=$2 src=$3 dst=$4 spi=$5 key=$6 mode=$7 window=0
  shift 7
  [ "$dir" = out ] || window=64
  ip -n "$h" xfrm state add src "$src" dst "$dst" proto esp spi "$spi" reqid 7 mode "$mode" dir "$dir" \
    replay-window "$window" aead 'rfc4106(gcm(aes))' "$key" 128 "$@" $(offload "$h" "dir $dir")
}

policies() { # HOST LOCAL-NET REMOTE-NET MODE
  local h=$1 peer=b
  [ "$h" = b ] && peer=a
  ip -n "$h" xfrm policy add src "$2" dst "$3" dir out priority 10 $(offload "$h") \
    tmpl src "${ADDRESS[$h]}" dst "${ADDRESS[$peer]}" proto esp reqid 7 mode "$4"
  ip -n "$h" xfrm policy add src "$3" dst "$2" dir in priority 10 $(offload "$h") \
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

say "transport mode, AES-128-GCM"
hosts_up slots=4 queues=4
pair_up transport 192.0.2.1 192.0.2.2 "$KEY128"
plain=$(counter a tx_plain)
ping_all a 192.0.2.2 5 0.1
equal "packets sent as ESP" 5 "$(counter a tx_esp)"
equal "packets received as ESP" 5 "$(counter a rx_esp)"
equal "packets sent in clear" "$plain" "$(counter a tx_plain)"
ip -n a -s xfrm state | has 'mode packet' || fail "ip xfrm state does not show the offload"
table a | has '^sa out .*packets=5 bytes=420 ' || fail "the card's counters"
ip -n a -s xfrm state get src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x100 | has '420(bytes), 5(packets)' ||
  fail "the kernel's counters"

say "a full table, a wrong key"
sa a out 192.0.2.1 192.0.2.2 0x101 "$KEY128" transport
sa a out 192.0.2.1 192.0.2.2 0x102 "$KEY128" transport
sa a out 192.0.2.1 192.0.2.2 0x103 "$KEY128" transport
text=$(sa a out 192.0.2.1 192.0.2.2 0x104 "$KEY128" transport 2>&1) && fail "a fifth SA fits into four slots"
grep -q 'the SA table is full' <<<"$text" || fail "what a full table says: $text"
text=$(sa a in 192.0.2.2 192.0.2.1 0x204 "${KEY128/aabbccdd/1011121314151617aabbccdd}" transport 2>&1) &&
  fail "a key of 192 bits was accepted"
grep -q 'only AES keys of 128 and 256 bits' <<<"$text" || fail "what a key of 192 bits is refused with: $text"
flush

say "tunnel mode, AES-256-GCM, ESN: both ends' loopback networks"
for h in a b; do
  net=$([ "$h" = a ] && echo 1 || echo 2)
  ip -n "$h" addr add "10.$net.0.1/32" dev lo
  ip -n "$h" route add "10.$((3 - net)).0.0/16" dev "${DEVICE[$h]}" src "10.$net.0.1"
done
pair_up tunnel 10.1.0.0/16 10.2.0.0/16 "$KEY256" flag esn
before=$(counter b rx_esp)
ping_all a 10.2.0.1 20 0.05
equal "packets received as ESP in tunnel mode" $((before + 20)) "$(counter b rx_esp)"
equal "replayed packets" 0 "$(counter b rx_replay)"
flush

say "the card on a, the kernel's own ESP on b: tunnel mode with ESN, then transport mode"
SOFTWARE=b
for mode in tunnel transport; do
  before=$(counter a rx_esp)
  if [ $mode = tunnel ]; then
    pair_up tunnel 10.1.0.0/16 10.2.0.0/16 "$KEY256" flag esn
    ping_all a 10.2.0.1 20 0.05
  else
    pair_up transport 192.0.2.1 192.0.2.2 "$KEY128"
    ping_all a 192.0.2.2 20 0.05
  fi
  equal "packets of the kernel's ESP that a's card has decrypted" 20 $(($(counter a rx_esp) - before))
  equal "SAs in b's card" 0 "$(slots_used b)"
  flush
done
SOFTWARE=

say "an outbound SA that begins its sequence numbers again"
pair_up transport 192.0.2.1 192.0.2.2 "$KEY128"
ping_all a 192.0.2.2 5 0.05
ip -n a xfrm state delete src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x100
sa a out 192.0.2.1 192.0.2.2 0x100 "$KEY128" transport
on a ping -n -q -c 5 -i 0.05 -W 1 192.0.2.2 >"$WORK/ping" || true
equal "replays that b has refused" 5 "$(counter b rx_replay)"
flush

# Microsoft's verification suite for the Toeplitz hash over TCP/IPv4: an SPI lies where it has the two ports. With 128
# entries that go round the four queues, the hash's last two bits are the queue.
rss_vector() { # SOURCE PORT DESTINATION PORT HASH
  local spi=$(($2 << 16 | $4)) queue=$(($5 & 3)) before
  ip -n a addr add "$1/32" dev lo
  ip -n b addr add "$3/32" dev lo
  ip -n a route add "$3" via 192.0.2.2 src "$1"
  ip -n b route add "$1" via 192.0.2.1 src "$3"
  sa b in "$1" "$3" "$spi" "$KEY128" transport
  sa a out "$1" "$3" "$spi" "$KEY128" transport
  ip -n a xfrm policy add src "$1" dst "$3" dir out offload packet dev pk0 tmpl proto esp reqid 7 mode transport
  ip -n b xfrm policy add src "$1" dst "$3" dir in offload packet dev pk1 tmpl proto esp reqid 7 mode transport
  before=$(counter b "rx${queue}_packets")
  on a ping -n -q -c 3 -i 0.01 -W 0.1 "$3" >"$WORK/ping" || true
  equal "packets from $1 in queue $queue" 3 $(($(counter b "rx${queue}_packets") - before))
}

say "RSS: published vectors of the Toeplitz hash"
on b ethtool -X pk1 equal 4 hkey "6d:5a:56:da:25:5b:0e:c2:41:67:25:3d:43:a3:8f:b0:d0:ca:2b:cb:ae:7b:30:b4:77:cb:2d:a3:\
80:30:f2:0c:6a:42:b7:3b:be:ac:01:fa"
rss_vector 66.9.149.187 2794 161.142.100.80 1766 0x51ccc178
rss_vector 199.92.111.2 14230 65.69.140.83 4739 0xc626b0ea
rss_vector 38.27.205.30 48228 209.142.163.6 2217 0xafc7327f
flush

say "limits: soft at 3 packets, hard at 5"
ip -n a xfrm monitor expire >"$WORK/expire" 2>&1 &
monitor=$!
wait_for 10 "the monitor" grep -qw "$monitor" "/proc/$monitor/net/netlink"
before=$(counter b rx_esp)
pair_up transport 192.0.2.1 192.0.2.2 "$KEY128" limit packet-soft 3 limit packet-hard 5
on a ping -n -q -c 7 -i 0.1 -W 1 192.0.2.2 >"$WORK/ping" || true
wait_for 10 "a soft event" grep -q 'hard 0' "$WORK/expire"
wait_for 10 "a hard event" grep -q 'hard 1' "$WORK/expire"
equal "packets beyond the hard limit that arrived" 5 $(($(counter b rx_esp) - before))
equal "SAs of a that are left" 0 "$(table a | grep -c '^sa' || true)"
kill "$monitor"
flush

say "it unloads"
hosts_down
say "good"
