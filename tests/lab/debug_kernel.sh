#!/bin/bash
# Makes a state directory for lab.sh whose kernel finds what the usual one forgives: KASAN, lockdep, kmemleak, reference
# trackers. From Debian's source of the kernel that lab.sh uses, with debug.config; a quarter of an hour on two cores.
#
#   debug_kernel.sh DIR
#   KEYRACK_LAB=DIR lab.sh build && KEYRACK_LAB=DIR LAB_TIMEOUT=1800 lab.sh run SCRIPT
#
# Not part of the tests. Needs root and what `lab.sh build` needs. Everything is several times slower on it.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# = 1 ] || {
  echo "usage: debug_kernel.sh DIR" >&2
  exit 2
}
LAB=$(realpath -m "$1")
KEYRACK_LAB=$LAB bash "$HERE/lab.sh" setup # for iproute2, and for the archive's lists

say() { printf 'debug kernel: %s\n' "$*" >&2; }

apt() { # COMMAND ARG...
  "$1" -qq -o Dir::Etc::SourceList="$LAB/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$LAB/apt/lists" -o APT::Sandbox::User=root "${@:2}"
}

inside() { # COMMAND...: in the unpacked Debian 13, in the kernel's tree
  unshare -m sh -euc '
    mount -t proc proc "$1/proc"
    mount -t tmpfs tmpfs "$1/tmp"
    root=$1 tree=$2
    shift 2
    exec chroot "$root" sh -euc "cd $tree; exec \"\$@\"" sh "$@"' sh "$LAB/toolchain" "$TREE" "$@"
}

series=$(sed 's/^\([0-9]*\.[0-9]*\).*/\1/' "$LAB/version")
say "source of Linux $series"
rm -rf "$LAB/source" "$LAB/toolchain" "$LAB/ko"
mkdir -p "$LAB/source"
(cd "$LAB/source" && apt apt-get download "linux-source-$series" && dpkg -x linux-source*.deb .)
sources=()
while read -r line; do
  case $line in *trixie*) sources+=("$line") ;; esac
done <"$LAB/apt/sources.list"
tools=gcc-14,libc6-dev,make,bash,dash,coreutils,sed,grep,mawk,findutils,diffutils,xz-utils,kmod,perl-base,flex,bison,m4,bc
tools+=,libelf-dev,zlib1g-dev,libssl-dev,tar,gzip,cpio,python3-minimal
mmdebstrap --quiet --variant=extract --mode=root --include="$tools" trixie "$LAB/toolchain" "${sources[@]}"
ln -sf dash "$LAB/toolchain/usr/bin/sh"
ln -sf mawk "$LAB/toolchain/usr/bin/awk"
ln -sf gcc-14 "$LAB/toolchain/usr/bin/gcc"
[ -c "$LAB/toolchain/dev/null" ] || mknod -m 666 "$LAB/toolchain/dev/null" c 1 3
mkdir -p "$LAB/toolchain/usr/src"
tar -x -f "$LAB"/source/usr/src/linux-source-*.tar.xz -C "$LAB/toolchain/usr/src"
rm -rf "$LAB/source"

TREE=/usr/src/linux-source-$series
cp "$HERE/debug.config" "$LAB/toolchain$TREE/lab.config"
make=(make -s "-j$(nproc)")
inside "${make[@]}" tinyconfig
inside sh scripts/kconfig/merge_config.sh -m .config lab.config >/dev/null
inside "${make[@]}" olddefconfig
while IFS= read -r line; do # an option that has gone or has got a dependency is worth a word
  case $line in CONFIG_*=n) continue ;; CONFIG_*) ;; *) continue ;; esac
  grep -qxF "$line" "$LAB/toolchain$TREE/.config" || say "not as asked for: $line"
done <"$HERE/debug.config"
say "building it"
inside "${make[@]}" bzImage modules

version=$(inside "${make[@]}" kernelrelease)
rm -rf "$LAB/kernel" "$LAB/initrd"
mkdir -p "$LAB/kernel/usr/lib/modules/$version" "$LAB/initrd/lib"
cp "$LAB/toolchain$TREE/arch/x86/boot/bzImage" "$LAB/kernel/usr/lib/modules/$version/vmlinuz"
cp "$LAB/toolchain$TREE"/modules.builtin* "$LAB/kernel/usr/lib/modules/$version/"
touch "$LAB/kernel/usr/lib/modules/$version/modules.order"
depmod -b "$LAB/kernel/usr" "$version"
: >"$LAB/initrd/lib/order"
ln -sfn "${TREE##*/}" "$LAB/toolchain/usr/src/linux-headers-$version"
touch "$LAB/toolchain/ready"
printf '%s\n' "$version" >"$LAB/version"
sed "s/ .*/ $version/" "$LAB/setup.done" >"$LAB/setup.new"
mv "$LAB/setup.new" "$LAB/setup.done"
say "kernel $version is in $LAB"
