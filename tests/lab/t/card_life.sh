# What the module does besides packets: states that stand for an acquire, channels and SAs that change under traffic,
# tables of other sizes, and that it goes with SAs installed, as a namespace does.
# shellcheck shell=bash
. "$LAB_HERE/t/sa.sh"

CHURN=30    # SAs of each direction that come and go
GROWTH=8000 # SAs in software: tables are doubled ten times

larval() { # HOST: states that stand for an acquire
  table "$1" | awk 'NR == 1 { for (i = 1; i < NF; i++) if ($i == "larval") print $(i + 1) }'
}

sent_more() { # PACKETS: from a to b as ESP
  [ "$(counter b rx_esp)" -gt "$1" ]
}

churn() { # HOST: lines for ip -batch
  local h=$1 peer=b n
  [ "$h" = b ] && peer=a
  for ((n = 0x1000; n < 0x1000 + CHURN; n++)); do
    printf 'xfrm state add src %s dst %s proto esp spi %d reqid 7 mode transport dir out aead rfc4106(gcm(aes)) %s 128 %s\n' \
      "${ADDRESS[$h]}" "${ADDRESS[$peer]}" $n "$KEY" "offload packet dev ${DEVICE[$h]} dir out"
    printf 'xfrm state delete src %s dst %s proto esp spi %d\n' "${ADDRESS[$h]}" "${ADDRESS[$peer]}" $n
  done
}

hosts_up slots=64 queues=4

say "larval states: there for an acquire, without a slot, and gone with a flush"
ip -n a xfrm monitor acquire >"$WORK/acquire" 2>&1 &
monitor=$!
wait_for 30 "the monitor" grep -qw "$monitor" "/proc/$monitor/net/netlink"
policies a
on a ping -n -q -c 1 -W 0.1 192.0.2.2 >"$WORK/ping" 2>&1 || true
wait_for 30 "an acquire" grep -q acquire "$WORK/acquire"
equal "larval states in a's card" 1 "$(larval a)"
equal "slots of a" 0 "$(slots_used a)"
kill "$monitor"
flush
equal "larval states after a flush" 0 "$(larval a)"

say "the kernel's tables of SAs grow under traffic"
pair_up
on a ping -n -q -i 0.001 -c 4000 -W 60 192.0.2.2 >"$WORK/ping" 2>&1 &
ping=$!
for ((n = 0; n < GROWTH; n++)); do
  printf 'xfrm state add src %s dst 192.0.2.9 proto esp spi %d reqid %d mode transport aead rfc4106(gcm(aes)) %s 128\n' \
    "${ADDRESS[a]}" $((0x1000 + n)) $((100 + n)) "$KEY"
done >"$WORK/growth"
ip -n a -batch "$WORK/growth"
kill -0 $ping || fail "the traffic ended before it"
wait $ping || fail "ping: $(cat "$WORK/ping")"
grep -q ' 4000 received, 0% packet loss' "$WORK/ping" || fail "$(cat "$WORK/ping")"
flush

say "channels change under traffic"
pair_up
esp=$(counter b rx_esp)
on a ping -n -q -i 0.01 -c 200 -W 60 192.0.2.2 >"$WORK/ping" 2>&1 &
ping=$!
for n in 1 3 2 4 1 4; do
  on b ethtool -L pk1 combined $n
  on a ethtool -L pk0 combined $n
done
wait "$ping" || fail "ping: $(cat "$WORK/ping")"
grep -q ' 200 received, 0% packet loss' "$WORK/ping" || fail "$(cat "$WORK/ping")"
equal "packets that b has decrypted" $((esp + 200)) "$(counter b rx_esp)"
flush

say "SAs come and go under traffic, and so do a CPU and the link"
pair_up
on a ping -n -q -f -w 600 192.0.2.2 >"$WORK/ping-a" 2>&1 &
ping=$!
on b ping -n -q -i 0.002 -w 600 192.0.2.1 >"$WORK/ping-b" 2>&1 &
ping="$ping $!"
deletes=$(counter b sa_deletes)
for h in a b; do
  churn "$h" >"$WORK/churn.$h"
  ip -n "$h" -force -batch "$WORK/churn.$h" >"$WORK/churn.$h.log" 2>&1 &
  batch="${batch:-} $!"
done
for online in 0 1 0 1; do
  echo $online >/sys/devices/system/cpu/cpu3/online
  ip -n a -s xfrm state >"$WORK/dump"
  table b >"$WORK/dump"
done
# shellcheck disable=SC2086 # two processes
wait $batch || true
equal "SAs that b's card has let go in that time" $CHURN $(($(counter b sa_deletes) - deletes))
wait_for 30 "traffic" sent_more $(($(counter b rx_esp) + 20))
fault b "link_down 3 100"
fault b "reset 1"
# shellcheck disable=SC2086 # two processes
kill $ping
wait_for 30 "the link is up" is_up b
neighbours
flush

say "it unloads with SAs installed and traffic"
pair_up
on a ping -n -q -f -w 60 192.0.2.2 >"$WORK/ping" 2>&1 &
ping=$!
wait_for 30 "traffic" sent_more $(($(counter b rx_esp) + 20))
rmmod krnic
kill "$ping" 2>/dev/null || true
for h in a b; do
  equal "SAs of $h" 0 "$(states "$h")"
  ip netns del "$h"
done
[ ! -e "$DEBUGFS" ] || fail "debugfs is still there"

say "tables of different sizes; a namespace goes with SAs installed"
for wrong in slots=0 slots=5000 "slots_in=5 shared=1" queues=65; do
  # shellcheck disable=SC2086 # two parameters
  insmod "$LAB/ko/krnic.ko" $wrong 2>/dev/null && fail "loaded with $wrong"
done
hosts_up slots_in=2 slots_out=3
pair_up
sa a in 0x201
refused "the SA table is full" a in 0x202
sa a out 0x101
sa a out 0x102
refused "the SA table is full" a out 0x103
ip netns del a
wait_for 30 "pk0 comes back" ip link show pk0
equal "slots of pk0" "in 0/2 out 0/3 policies 0/64 larval 0 draining 0" "$(table a)"
equal "SAs of b" 2 "$(states b)"
ip netns del b
wait_for 30 "pk1 comes back" ip link show pk1
rmmod krnic

say "one table for both directions"
hosts_up slots=3 shared=1
sa a in 0x201
sa a out 0x101
sa a out 0x102
refused "the SA table is full" a in 0x202
sa_delete a 0x101
wait_for 30 "the slot is free" drained a
sa a in 0x202
refused "the SA table is full" a out 0x101
rmmod krnic
kernel_quiet
say "good"
