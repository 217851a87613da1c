# strongSwan with several Child SAs for one selector, against keyrackd with the card in packet mode: per-CPU SAs (RFC
# 9611) that keyrackd asks for, and that strongSwan asks for; and without the RFC, ordinary ones. Each CPU's traffic uses
# its own SA by exact counts, also when all of them have been replaced by either side. strongSwan's are in the kernel, in
# software, with XFRMA_SA_PCPU. RFC 9611 came to strongSwan with 6.0.2, so this is a later one than Debian 13's.
# shellcheck shell=bash
. "$LAB_HERE/t/lib.sh"
. "$LAB_HERE/t/lib_peers.sh"

CPUS=4
PINGS=20 # per CPU and direction

# ---- which SA carries what ----

snapshot() { # "in|out SPI packets" of a's SAs
  table a | sed -n 's/^sa \([a-z]*\) .*spi=0x\([0-9a-f]*\) .* packets=\([0-9]*\) .*/\1 \2 \3/p' | sort
}

grown() { # in|out: "SPI packets" of a's SAs that have carried something between the snapshots
  join -j 1 <(awk '{ print $1 "-" $2, $3 }' "$WORK/before") <(awk '{ print $1 "-" $2, $3 }' "$WORK/after") |
    awk -v dir="$1-" 'index($1, dir) == 1 && $3 > $2 { print substr($1, length(dir) + 1), $3 - $2 }'
}

pings_on() { # CPU HOST ADDRESS
  snapshot >"$WORK/before"
  taskset -c "$1" ip netns exec "$2" ping -n -q -c "$PINGS" -i 0.01 -W 10 "$3" >"$WORK/ping" || true
  grep -q " $PINGS received, 0% packet loss" "$WORK/ping" || fail "from CPU $1 of $2: $(cat "$WORK/ping")"
  snapshot >"$WORK/after"
}

sum() { # of the second column
  awk '{ sum += $2 } END { print sum + 0 }'
}

spi_out_of() { # CONNECTION CPU
  keyrack a queues | awk -v conn="$1" -v cpu="$2" '$1 == conn && $3 == cpu { print $6 }'
}

# Each CPU of both hosts in turn. Which SA is which CPU's of b is strongSwan's choice: how many there are is what counts.
each_cpu() { # CONNECTION SAS-OF-B
  local cpu own spis=
  printf 'CPU  a sends on: packets  b sends on: packets\n'
  for ((cpu = 0; cpu < CPUS; cpu++)); do
    own=$(spi_out_of "$1" "$cpu")
    pings_on "$cpu" a 192.0.2.2
    equal "what CPU $cpu of a has used to send" "$own $PINGS" "$(grown out)"
    equal "answers" "$PINGS" "$(grown in | sum)"
    pings_on "$cpu" b 192.0.2.1
    [[ $(grown in) =~ ^[0-9a-f]+" $PINGS"$ ]] || fail "what CPU $cpu of b has used to send: $(grown in)"
    equal "answers of a" "$PINGS" "$(grown out | sum)"
    printf '%3s  %s: %s     %s\n' "$cpu" "$own" "$PINGS" "$(grown in | sed 's/ /: /')"
    spis+="$(grown in | cut -d' ' -f1) "
  done
  equal "SAs that b's CPUs have used" "$2" "$(tr ' ' '\n' <<<"$spis" | grep . | sort -u | grep -c .)"
}

all_new() { # SPIS: none of these is left, and all SAs are there
  has_children $((CPUS + 1)) && [ -z "$(comm -12 <(echo "$1") <(spis_in))" ]
}

rekey_all() { # CONNECTION: by either side in turn
  local spis
  spis=$(spis_in)
  keyrack a rekey "$1-net" >/dev/null 2>&1
  wait_for 60 "all SAs replaced by keyrackd" all_new "$spis"
  spis=$(spis_in)
  strongswan_rekey "$1"
  wait_for 60 "all SAs replaced by strongSwan" all_new "$spis"
}

requests() { # in | out: CREATE_CHILD_SA requests of keyrackd
  keyrack a status --json | tr ',{' '\n' | tr -d '" ' | sed -n "s/^create_child_$1_req://p"
}

# ---- the parts ----

asked_by_keyrack() { # CONNECTION SAS-OF-B
  local in out
  in=$(requests in) out=$(requests out)
  keyrack a up "$1-net" >/dev/null 2>&1
  wait_for 60 "a Child SA per CPU and the fallback" has_children $((CPUS + 1))
  equal "Child SAs that keyrackd has asked for" "$CPUS" $(($(requests out) - out))
  equal "Child SAs that strongSwan has asked for" 0 $(($(requests in) - in))
  each_cpu "$1" "$2"
  rekey_all "$1"
  say "the same after rekeys of all SAs by keyrackd, and then by strongSwan"
  each_cpu "$1" "$2"
  keyrack a down "$1" >/dev/null 2>&1
  wait_for 30 "nothing left behind" gone
}

send_on_all() { # from all CPUs of b, which may be lost, until each has an SA
  local cpu
  for ((cpu = 0; cpu < CPUS; cpu++)); do
    taskset -c "$cpu" ip netns exec b ping -q -c 1 -W 1 192.0.2.1 >/dev/null || true
  done
  [ $(($(requests in) - BEFORE)) -ge "$CPUS" ] && has_children $((CPUS + 1))
}

asked_by_strongswan() { # CONNECTION
  BEFORE=$(requests in)
  strongswan_swanctl --install --child "$1-net"
  wait_for 60 "a Child SA per CPU and the fallback" send_on_all
  equal "Child SAs that strongSwan has asked for" "$CPUS" $(($(requests in) - BEFORE))
  each_cpu "$1" "$CPUS"
  strongswan_swanctl --uninstall --child "$1-net"
  strongswan_down "$1"
  wait_for 30 "nothing left behind" gone
}

tree_mount forky || {
  say "skipped: lab.sh setup could not have a strongSwan that knows RFC 9611"
  exit 77
}
equal "CPUs of the guest" "$CPUS" "$(nproc)"
hosts_up slots=64 queues=$CPUS
on b ethtool -K pk1 esp-hw-offload off
A=${ADDRESS[a]} B=${ADDRESS[b]}
keyrackd_conf "$(
  keyrack_conn q1 "$A" "$B" transport dynamic dynamic yes aes128gcm16 0 "per_cpu_sas = yes"
  keyrack_conn q2 "$A" "$B" transport dynamic dynamic yes aes128gcm16 0 "per_cpu_sas = yes
        per_cpu_start = demand"
  keyrack_conn q3 "$A" "$B" transport dynamic dynamic yes aes128gcm16 0 "per_cpu_sas = yes"
)"
daemon_start a
strongswan_start "$(
  strongswan_conn q1 "$B" "$A" transport dynamic dynamic yes aes128gcm16 0 "per_cpu_sas = yes"
  strongswan_conn q2 "$B" "$A" transport dynamic dynamic yes aes128gcm16 0 "per_cpu_sas = yes"
  strongswan_conn q3 "$B" "$A" transport dynamic dynamic yes aes128gcm16 0
)"
policies_note
say "keyrackd asks for an SA per CPU, besides the fallback"
asked_by_keyrack q1 "$CPUS"
say "strongSwan asks for them: the kernel does, for each CPU that sends"
asked_by_strongswan q2
say "keyrackd asks, and strongSwan takes them for ordinary ones with the same selectors: it sends on the newest"
asked_by_keyrack q3 1
strongswan_stop
daemon_stop a
kernel_quiet
say "good"
