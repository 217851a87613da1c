#!/bin/bash
# A VM with a real kernel and keyrack's NIC module, on a fresh Debian 12 with the packages of .ci/setup. Needs root.
#
#   lab.sh setup              fetch the newest kernel that Debian 13's archive has, iproute2, and the peers: strongSwan
#                             and Libreswan (once)
#   lab.sh build [DIR]        build a kernel module for it; DIR has a Kbuild file (hwsim/kmod)
#   lab.sh run SCRIPT [ARG]   boot, run SCRIPT with bash as root in the guest, and return its exit status
#
# The guest's root is the host's, read-only, with a tmpfs on top: what is built here runs there as it is. SCRIPT sees
#   LAB            the state directory: $LAB/ko/*.ko are the modules, $LAB/peers/SUITE the peers' trees
#   LAB_HERE       the directory of this file
#   KEYRACK_BIN    where keyrackd and keyrack are (set it to choose; else build/release/bin)
#
# Environment: KEYRACK_LAB (state, /var/tmp/keyrack-lab), LAB_CPUS (4), LAB_MEM (MiB, 1024), LAB_TIMEOUT (seconds,
# 300), LAB_BOOT_TIMEOUT (of them until the script begins, 120), LAB_ACCEL (kvm or tcg; else kvm where it truly works).
#
# Exit status 77: this machine cannot have it, and the last line says why.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
LAB=${KEYRACK_LAB:-/var/tmp/keyrack-lab}
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
SUITES="trixie trixie-backports" # where the kernel and its compiler come from
LAYOUT=2                         # of the state directory: another number makes it anew
PEERS=1                          # of the peers' trees: the same

say() { printf 'lab: %s\n' "$*" >&2; }
skip() {
  printf 'lab: skipped: %s\n' "$*" >&2
  exit 77
}
die() {
  printf 'lab: %s\n' "$*" >&2
  exit 1
}

need() { # COMMAND...
  local c
  [ "$(id -u)" = 0 ] || skip "not root"
  for c in "$@"; do
    command -v "$c" >/dev/null || skip "$c is missing (.ci/setup installs it)"
  done
}

lock() { # one setup or build at a time
  mkdir -p "$LAB"
  exec 9>"$LAB/lock"
  flock 9
}

# ---- the archive ----

mirror() { # the one that apt uses here already
  local found
  found=$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list 2>/dev/null | awk '
    /^(URIs:|deb )/ {
      for (i = 2; i <= NF; i++) {
        if ($i ~ /:\/\// && !any) any = $i
        if ($i ~ /:\/\/.*\/debian\/?$/ && !debian) debian = $i # others may be of other packages
      }
    }
    END { print debian ? debian : any }')
  [ -n "$found" ] || skip "no Debian mirror in /etc/apt"
  printf '%s\n' "$found"
}

apt() { # COMMAND ARG...: apt-get or apt-cache, with lists of our own
  local command=$1
  shift
  "$command" -qq -o Dir::Etc::SourceList="$LAB/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$LAB/apt/lists" -o APT::Sandbox::User=root -o Acquire::Retries=2 "$@"
}

apt_update() {
  local from suite
  from=$(mirror)
  rm -rf "$LAB/apt"
  mkdir -p "$LAB/apt/lists/partial"
  for suite in $SUITES bookworm-backports; do
    printf 'deb [signed-by=%s] %s %s main\n' "$KEYRING" "$from" "$suite"
  done >"$LAB/apt/sources.list"
  apt apt-get update
}

newest_kernel() { # prints its version as uname -r has it
  apt apt-cache show linux-image-amd64 | grep -o 'linux-image-[0-9][^ ,]*-amd64' | grep -v -- -dbg |
    sed 's/^linux-image-//' | sort -V | tail -n 1
}

# ---- setup: kernel, modules, iproute2 ----

fetch() { # VERSION
  rm -rf "$LAB/debs"
  mkdir "$LAB/debs"
  (cd "$LAB/debs" && apt apt-get download "linux-binary-$1" "linux-modules-$1" iproute2/bookworm-backports)
}

unpack_modules() { # VERSION: what the lab can use (all of them are 178 MB)
  local part parts=('*/modules.*')
  for part in net crypto lib arch fs/9p fs/netfs fs/overlayfs fs/configfs drivers/net/bonding drivers/infiniband/core \
    drivers/infiniband/sw; do
    parts+=("*/kernel/$part/*")
  done
  parts+=('*/kernel/drivers/net/*.ko.xz')
  dpkg --fsys-tarfile "$LAB/debs/linux-modules-$1"*.deb >"$LAB/debs/modules.tar"
  # a pattern that matches nothing is no mistake: kernels differ
  tar -x -f "$LAB/debs/modules.tar" -C "$LAB/kernel" --wildcards "${parts[@]}" 2>/dev/null || true
  depmod -b "$LAB/kernel/usr" "$1" 2>/dev/null # it misses lists that only the whole tree has
}

initrd_modules() { # VERSION: what the guest needs before it sees the host's root, in order
  local module
  rm -rf "$LAB/initrd"
  mkdir -p "$LAB/initrd/lib"
  for module in fs/netfs/netfs net/9p/9pnet net/9p/9pnet_virtio fs/9p/9p fs/overlayfs/overlay; do
    xz -dc "$LAB/kernel/usr/lib/modules/$1/kernel/$module.ko.xz" >"$LAB/initrd/lib/${module##*/}.ko"
    printf '%s\n' "${module##*/}" >>"$LAB/initrd/lib/order"
  done
}

is_set_up() {
  [ "$(cat "$LAB/setup.done" 2>/dev/null)" = "$LAYOUT $(cat "$LAB/version" 2>/dev/null)" ]
}

fetch_newest() { # prints the version
  local version try
  for try in 1 2; do # packages may be replaced in the archive between the list and the download
    apt_update || continue
    version=$(newest_kernel) || version=
    [ -n "$version" ] || continue
    fetch "$version" && printf '%s\n' "$version" && return
    say "kernel $version cannot be fetched (try $try)"
  done
  return 1
}

do_setup() {
  local version
  rm -rf "$LAB/setup.done" "$LAB/kernel" "$LAB/iproute2"
  mkdir -p "$LAB/kernel"
  version=$(fetch_newest) || skip "no kernel can be fetched from the Debian archive"
  say "kernel $version"
  dpkg -x "$LAB/debs/linux-binary-$version"*.deb "$LAB/kernel"
  unpack_modules "$version"
  dpkg -x "$LAB/debs"/iproute2*.deb "$LAB/iproute2"
  initrd_modules "$version"
  rm -rf "$LAB/debs"
  printf '%s\n' "$version" >"$LAB/version"
  printf '%s %s\n' "$LAYOUT" "$version" >"$LAB/setup.done"
}

# ---- setup: the peers, in Debians that are only unpacked and that the guest changes its root to ----

unpack_tree() { # SUITE PACKAGES BESIDES
  local from
  from=$(mirror)
  rm -rf "$LAB/peers/$1"
  mkdir -p "$LAB/peers"
  # An archive that was not renewed for a while will do.
  # shellcheck disable=SC2016 # mmdebstrap's shell is to see the variables
  mmdebstrap --quiet --variant=extract --mode=root --include="$2" \
    --aptopt='Acquire::Check-Valid-Until "false"' --extract-hook='set -e
    cd "$1/tmp"
    for package in '"$3"'; do
      APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq download "$package"
      dpkg -x "$package"_*.deb "$1"
      rm "$package"_*.deb
    done' "$1" "$LAB/peers/$1" "deb $from $1 main" || return
  rm -rf "$LAB/peers/$1"/usr/share/{doc,info,locale,man,zoneinfo} "$LAB/peers/$1"/var/{cache,lib/apt}
  printf '%s\n' "$PEERS" >"$LAB/peers/$1/ready"
}

peers_tree() { # SUITE PACKAGES BESIDES: made once. BESIDES are packages that conflict with PACKAGES, in name only
  local try
  [ "$(cat "$LAB/peers/$1/ready" 2>/dev/null)" != "$PEERS" ] || return 0
  for try in 1 2; do # as with the kernel, the archive may change meanwhile
    unpack_tree "$@" && return
    say "the peers of $1 cannot be fetched (try $try)"
  done
  rm -rf "$LAB/peers/$1"
  say "the tests with them will be skipped"
}

peers() {
  local needs=libnss3-tools # Libreswan's, but for scripts and what they call
  needs+=,libaudit1,libcap-ng0,libcrypt1,libcurl3t64-gnutls,libevent-core-2.1-7t64,libevent-pthreads-2.1-7t64
  needs+=,libldap2,libldns3t64,libpam0g,libselinux1,libunbound8
  peers_tree trixie "base-files,dash,charon-systemd,$needs" libreswan
  peers_tree forky base-files,charon-systemd "" # Debian 13's strongSwan is 6.0.1; RFC 9611 came with 6.0.2
}

cmd_setup() {
  need apt-get apt-cache dpkg tar xz depmod flock qemu-system-x86_64 busybox cpio mmdebstrap
  [ -r "$KEYRING" ] || skip "$KEYRING is missing"
  lock
  is_set_up || do_setup
  peers
}

# ---- build: the module, in a Debian 13 that is only unpacked ----

toolchain_has() { # VERSION
  [ -e "$LAB/toolchain/ready" ] && [ -d "$LAB/toolchain/usr/src/linux-headers-$1" ]
}

toolchain() { # VERSION: fails when the archive does not have its headers any more
  local from source suite sources=() tools
  toolchain_has "$1" && return
  from=$(mirror)
  for suite in $SUITES; do
    source="deb $from $suite main"
    sources+=("$source")
  done
  # what the kernel's own build calls; the headers bring their compiler along
  tools=make,bash,dash,coreutils,sed,grep,mawk,findutils,diffutils,xz-utils,kmod,pahole
  rm -rf "$LAB/toolchain"
  mmdebstrap --quiet --variant=extract --mode=root --include="linux-headers-$1,gcc-14,$tools" \
    trixie "$LAB/toolchain" "${sources[@]}" || return
  # nothing is configured in it: these links are made by maintainer scripts
  ln -sf dash "$LAB/toolchain/usr/bin/sh"
  ln -sf mawk "$LAB/toolchain/usr/bin/awk"
  [ -c "$LAB/toolchain/dev/null" ] || mknod -m 666 "$LAB/toolchain/dev/null" c 1 3
  touch "$LAB/toolchain/ready"
}

current_toolchain() { # for the kernel that is set up; for a newer one when that has left the archive
  toolchain "$(cat "$LAB/version")" && return
  say "the headers of kernel $(cat "$LAB/version") cannot be fetched: trying the newest"
  do_setup
  toolchain "$(cat "$LAB/version")" || skip "no kernel headers can be fetched from the Debian archive"
}

sum_of() { # DIR: of the kernel's version and every file
  (cd "$1" && cat "$LAB/version" && find . -type f -print0 | sort -z | xargs -0 cksum) | cksum
}

cmd_build() {
  local dir=${1:-$TOP/hwsim/kmod} name version sum
  need mmdebstrap unshare chroot cksum flock
  [ -e "$dir/Kbuild" ] || [ -e "$dir/Makefile" ] || die "$dir: neither Kbuild nor Makefile"
  lock
  is_set_up || do_setup
  unshare -m true 2>/dev/null || skip "mount namespaces are not allowed here"
  name=$(basename "$(realpath "$dir")")
  sum=$(sum_of "$dir")
  [ "$(cat "$LAB/ko/$name.sum" 2>/dev/null)" = "$sum" ] && return
  current_toolchain
  version=$(cat "$LAB/version")
  rm -rf "$LAB/toolchain/build/$name"
  mkdir -p "$LAB/toolchain/build" "$LAB/ko"
  cp -r "$dir" "$LAB/toolchain/build/$name"
  # objtool reads /proc, the compiler writes to /tmp
  unshare -m sh -euc '
    mount -t proc proc "$1/proc"
    mount -t tmpfs tmpfs "$1/tmp"
    chroot "$1" make -s -C "/usr/src/linux-headers-$2" M="/build/$3" W=1 KCFLAGS=-Werror -j2 modules' \
    sh "$LAB/toolchain" "$version" "$name" || die "$dir does not build for kernel $version"
  cp "$LAB/toolchain/build/$name"/*.ko "$LAB/ko/"
  sum_of "$dir" >"$LAB/ko/$name.sum"
}

# ---- run ----

accel() { # /dev/kvm can open and still emulate every instruction (a PVM host)
  if [ -n "${LAB_ACCEL:-}" ]; then
    printf '%s\n' "$LAB_ACCEL"
  elif [ -w /dev/kvm ] && [ ! -d /sys/module/kvm_pvm ] && grep -qwE 'svm|vmx' /proc/cpuinfo; then
    printf 'kvm\n'
  else
    printf 'tcg\n'
  fi
}

make_initrd() { # DIR: writes DIR/initrd
  local root=$1/root
  mkdir -p "$root"/{bin,proc,sys,dev,host,rw,new}
  cp -r "$LAB/initrd/lib" "$root/"
  cp "$(command -v busybox)" "$root/bin/busybox"
  ln -s busybox "$root/bin/sh"
  install -m 755 "$HERE/init" "$root/init"
  (cd "$root" && find . | cpio -o -H newc --quiet) >"$1/initrd"
}

make_job() { # DIR SCRIPT ARG...: writes DIR/out/job, which the guest runs
  local dir=$1 name
  shift
  {
    printf ': >/run/lab/started\n'
    for name in LAB LAB_HERE KEYRACK_BIN; do
      printf 'export %s=%q\n' "$name" "${!name}"
    done
    printf 'export PATH=%q:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n' \
      "$LAB/iproute2/bin:$LAB/iproute2/sbin"
    printf 'export HOME=/root TERM=dumb\nexec /bin/bash'
    printf ' %q' "$@"
    printf '\n'
  } >"$dir/out/job"
}

boot() { # DIR
  # Emulation translates code once for each address, so each process has the same ones (norandmaps), and without what costs
  # it most and nothing here needs; both halve the time.
  local kind cpu=max,xsave=off,avx=off,avx2=off,la57=off,smap=off,smep=off
  kind=$(accel)
  [ "$kind" = kvm ] && cpu=host
  # one thread for all CPUs: of several, QEMU 7.2's may run code that another one is just patching ("Oops: int3"), and
  # stand still where the host has fewer; what is slow here is one CPU's work at a time anyway
  [ "$kind" = tcg ] && kind=tcg,thread=single
  timeout "${LAB_TIMEOUT:-300}" qemu-system-x86_64 -M q35 -accel "$kind" -cpu "$cpu" -smp "${LAB_CPUS:-4}" \
    -m "${LAB_MEM:-1024}" -nodefaults -no-user-config -display none -no-reboot -serial stdio -monitor none -net none \
    -pidfile "$1/pid" -kernel "$LAB/kernel/usr/lib/modules/$(cat "$LAB/version")/vmlinuz" -initrd "$1/initrd" \
    -append "console=ttyS0 quiet panic=-1 oops=panic mitigations=off norandmaps sysctl.kernel.panic_on_rcu_stall=1" \
    -fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap \
    -device virtio-9p-pci,fsdev=host,mount_tag=host \
    -fsdev "local,id=out,path=$1/out,security_model=none" \
    -device virtio-9p-pci,fsdev=out,mount_tag=out </dev/null | sed -u 's/\r$//'
}

# Software emulation on a busy host now and then lets a kernel hang or panic before it has come up: then it is tried
# again. What happens from the script's first line on counts.
boot_until_up() { # DIR
  local try rc watch
  for try in 1 2 3; do
    rc=0
    ( # no output of its own: who reads ours waits for all that hold it open
      for ((second = 0; second < ${LAB_BOOT_TIMEOUT:-120}; second++)); do
        sleep 1
        [ ! -e "$1/out/started" ] || exit 0
      done
      kill "$(cat "$1/pid")"
    ) </dev/null >/dev/null 2>&1 &
    watch=$!
    boot "$1" || rc=$?
    kill "$watch" 2>/dev/null || true
    [ ! -e "$1/out/started" ] || break
    say "the guest has not come up (try $try)"
  done
  return "$rc"
}

cmd_run() {
  local dir rc=0 script
  [ $# -ge 1 ] || die "run: which script?"
  script=$(realpath -e -- "$1") || die "$1: no such script"
  shift
  need qemu-system-x86_64 busybox cpio timeout
  is_set_up || skip "nothing is set up in $LAB: run 'lab.sh setup' and 'lab.sh build' first"
  LAB_HERE=$HERE
  KEYRACK_BIN=$(realpath -m -- "${KEYRACK_BIN:-$TOP/build/release/bin}")
  dir=$(mktemp -d "$LAB/run.XXXXXX")
  # shellcheck disable=SC2064 # the value of now is meant
  trap "rm -rf '$dir'" EXIT
  mkdir "$dir/out"
  make_initrd "$dir"
  make_job "$dir" "$script" "$@"
  boot_until_up "$dir" || rc=$?
  if [ -s "$dir/out/rc" ]; then
    return "$(cat "$dir/out/rc")"
  fi
  [ "$rc" = 124 ] && die "the guest was stopped after ${LAB_TIMEOUT:-300} s"
  die "the guest ended without a result (qemu: $rc)"
}

usage() { die "usage: lab.sh setup | build [DIR] | run SCRIPT [ARG...]"; }

[ $# -ge 1 ] || usage
command=$1
shift
case $command in
setup | build | run) "cmd_$command" "$@" ;;
*) usage ;;
esac
