# One Child SA per CPU (RFC 9611) on four CPUs with four queues: brought up by the first packet, then traffic pinned to
# each CPU uses that CPU's SA, and its queues, in both directions, by exact counters; and a CPU that goes and comes back.
# shellcheck shell=bash
. "$LAB_HERE/t/lib.sh"

CPUS=4
PINGS=20 # per CPU

child_conf() { # START-ACTION
  cat <<CONF
net {
        mode = transport
        esp_proposals = aes128gcm16-esn
        hw_offload = packet
        per_cpu_sas = yes
        start_action = $1
      }
CONF
}

# ---- what keyrack and the card say ----

queues() { # HOST: "queue spi-in spi-out" of each of keyrack's queues
  keyrack "$1" queues | awk '$1 == "lab" { print $3, $4, $5 }'
}

queue_field() { # HOST FIELD-KNOWN VALUE FIELD-WANTED: of what queues has said once all were up
  awk -v known="$2" -v value="$3" -v wanted="$4" '$known == value { print $wanted }' "$WORK/$1.queues"
}

all_queues() { # HOST: a Child SA of each CPU and one of any, all in the card
  [ "$(queues "$1" | grep -c .)" = $((CPUS + 1)) ] && [ "$(slots_used "$1")" = $((2 * (CPUS + 1))) ]
}

snapshot() { # "host dir spi packets" of every SA, and "host rx queue packets"
  local h
  for h in a b; do
    table "$h" | sed -n 's/^sa \([a-z]*\) .*spi=0x\([0-9a-f]*\) .* packets=\([0-9]*\) .*/'"$h"' \1 \2 \3/p'
    on "$h" ethtool -S "${DEVICE[$h]}" | sed -n "s/^ *rx\\([0-9]*\\)_packets: /$h rx \\1 /p"
  done
}

growth() { # HOST in|out|rx SPI-OR-QUEUE: between the snapshots before and after
  local key="$1 $2 $3" before after
  before=$(sed -n "s/^$key //p" "$WORK/before")
  after=$(sed -n "s/^$key //p" "$WORK/after")
  echo $((after - before))
}

others_grown() { # HOST in|out SPI: SAs other than that one that have carried anything
  join <(awk '{ print $1 "-" $2 "-" $3, $4 }' "$WORK/before" | sort) \
    <(awk '{ print $1 "-" $2 "-" $3, $4 }' "$WORK/after" | sort) |
    awk -v own="$1-$2-$3" -v prefix="$1-$2-" 'index($1, prefix) == 1 && $1 != own && $2 != $3' | grep -c . || true
}

# ---- the parts ----

trapped() {
  ip -n a xfrm policy | grep -q 'dir out'
}

# Where keyrack leaves it to the card's hash which queue an inbound SA comes to, rules by SPI stand in for its choice.
steer() { # HOST
  local queue spi rest
  keyrack "$1" queues | grep -q 'in: as the card hashes' || return 0
  while read -r queue spi rest; do
    [ "$queue" = any ] || on "$1" ethtool -N "${DEVICE[$1]}" flow-type esp4 spi "0x$spi" action "$queue" >/dev/null
  done <"$WORK/$1.queues"
}

pinned() { # CPU: pings from a that must come and go on that CPU's SA, and on no other
  local cpu=$1 out in peer_cpu
  out=$(queue_field a 1 "$cpu" 3)
  in=$(queue_field a 1 "$cpu" 2)
  peer_cpu=$(queue_field b 2 "$out" 1)
  snapshot >"$WORK/before"
  taskset -c "$cpu" ip netns exec a ping -n -q -c "$PINGS" -i 0.02 -W 10 192.0.2.2 >"$WORK/ping"
  grep -q ", 0% packet loss" "$WORK/ping" || fail "CPU $cpu: $(cat "$WORK/ping")"
  snapshot >"$WORK/after"
  printf '%3s  %s %8s  %s %8s  %13s  %13s\n' "$cpu" "$out" "$(growth a out "$out")" "$in" "$(growth a in "$in")" \
    "$cpu: $(growth a rx "$cpu")" "$peer_cpu: $(growth b rx "$peer_cpu")"
  equal "packets on a's outbound SA of CPU $cpu" "$PINGS" "$(growth a out "$out")"
  equal "the same packets at b" "$PINGS" "$(growth b in "$out")"
  equal "answers on a's inbound SA of CPU $cpu" "$PINGS" "$(growth a in "$in")"
  equal "the same answers at b, whose CPU $peer_cpu it is" "$PINGS" "$(growth b out "$in")"
  equal "other outbound SAs that a used" 0 "$(others_grown a out "$out")"
  equal "other inbound SAs that a used" 0 "$(others_grown a in "$in")"
  equal "packets in a's receive queue $cpu" "$PINGS" "$(growth a rx "$cpu")"
  equal "packets in b's receive queue $peer_cpu" "$PINGS" "$(growth b rx "$peer_cpu")"
}

all_pinned() {
  local cpu
  printf 'CPU  SPI out   packets  SPI in    packets  a queue: pkts  b queue: pkts\n'
  for ((cpu = 0; cpu < CPUS; cpu++)); do
    pinned "$cpu"
  done
}

without_cpu() { # CPU: it goes, the others carry on, it comes back
  local online=/sys/devices/system/cpu/cpu$1/online spi
  spi=$(queue_field a 1 "$1" 3)
  echo 0 >"$online"
  snapshot >"$WORK/before"
  ping_all a 192.0.2.2 50 0.02
  snapshot >"$WORK/after"
  equal "packets on the SA of a CPU that is not there" 0 "$(growth a out "$spi")"
  echo 1 >"$online"
}

equal "CPUs of the guest" "$CPUS" "$(nproc)"
hosts_up slots=32 queues=$CPUS
say "nothing until the first packet"
daemon_conf a "$(child_conf trap)"
daemon_conf b "$(child_conf none)"
daemon_start a
daemon_start b
wait_for 10 "the trap policy" trapped
equal "slots of a before the first packet" 0 "$(slots_used a)"
on a ping -q -c 1 -W 1 192.0.2.2 >/dev/null || true
for h in a b; do
  wait_for 60 "a Child SA of each CPU on $h, and one of any" all_queues "$h"
done
keyrack a queues
for h in a b; do
  queues "$h" >"$WORK/$h.queues"
done

say "$PINGS pings pinned to each CPU"
steer a
steer b
all_pinned

say "CPU 3 goes"
without_cpu 3
say "CPU 3 is back"
all_pinned

say "SIGTERM"
daemon_stop a
daemon_stop b
for h in a b; do
  equal "slots of $h after that" 0 "$(slots_used "$h")"
done
dmesg | grep -E 'BUG|WARNING|Oops|refcount|leak' && fail "the kernel has complained"
say "good"
