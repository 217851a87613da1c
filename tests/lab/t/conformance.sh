# The conformance suite on this kernel with the module, and on keyrack-hwsim; the same tests must have run on both.
# shellcheck shell=bash disable=SC2046
. "$LAB_HERE/t/lib.sh"

names() { # FILE: the tests that were good
  sed -n 's/^\[ *OK *\] //p' "$1"
}

say "two hosts"
hosts_up slots=64 queues=4
modprobe esp6
modprobe esp6_offload
for h in a b; do
  larval_drop "$h" 1 # as hwsim
  n=$([ "$h" = a ] && echo 1 || echo 2)
  on "$h" sh -c "echo 0 >/proc/sys/net/ipv6/conf/${DEVICE[$h]}/disable_ipv6"
  ip -n "$h" addr add "fd00::$n/64" dev "${DEVICE[$h]}" nodad
  ip -n "$h" addr add "10.$n.0.1/32" dev lo
  ip -n "$h" addr add "fd00:$n::1/128" dev lo nodad
  ip -n "$h" route add "10.$((3 - n)).0.0/16" via "192.0.2.$((3 - n))" src "10.$n.0.1"
  ip -n "$h" route add "fd00:$((3 - n))::/32" via "fd00::$((3 - n))" src "fd00:$n::1"
done
# of a packet that the card puts into IPv6 the kernel asks for the inner address's neighbour, which lo does not answer for
for address in fd00::2 fd00:2::1; do
  ip -n a neigh replace $address lladdr "$(on b cat /sys/class/net/pk1/address)" dev pk0 nud permanent
done
for address in fd00::1 fd00:1::1; do
  ip -n b neigh replace $address lladdr "$(on a cat /sys/class/net/pk0/address)" dev pk1 nud permanent
done

judge() { # CARD STATUS: what was not good is printed
  [ "$2" != 0 ] || return 0
  say "$1"
  grep -v -e '^\[ *OK' -e '^\[ *RUN' "$WORK/$1"
  bad="$bad $1"
}

say "the suite on keyrack-hwsim, and on the kernel" # at the same time: much of it is waiting
bad=
"$KEYRACK_BIN/conformance" hwsim "$KEYRACK_BIN/keyrack-hwsim" >"$WORK/hwsim" 2>&1 &
hwsim=$!
# not `ip netns exec`, whose /sys has no debugfs
rc=0
nsenter --net=/run/netns/a "$KEYRACK_BIN/conformance" kernel pk0 /run/netns/b pk1 >"$WORK/kernel" 2>&1 || rc=$?
judge kernel $rc
rc=0
wait $hwsim || rc=$?
judge hwsim $rc
[ -z "$bad" ] || fail "the suite on$bad"

say "the same tests"
names "$WORK/hwsim" >"$WORK/hwsim.names"
names "$WORK/kernel" >"$WORK/kernel.names"
diff "$WORK/hwsim.names" "$WORK/kernel.names" || fail "not the same tests"
"$KEYRACK_BIN/conformance" list | diff - "$WORK/kernel.names" || fail "not all tests"
kernel_quiet
say "good: $(wc -l <"$WORK/kernel.names") tests on both"
