#!/bin/bash
# The Debian package in a clean Debian 12: it is built, installed, its programs and man pages work there, and when it is
# purged nothing of it is left. Usage: package.sh BUILD-DIRECTORY
set -euo pipefail
BUILD=$1
WORK=$(mktemp -d)
ROOT=$WORK/root
trap 'rm -rf "$WORK"' EXIT

skip() {
  echo "skipped: $*"
  exit 77
}

fail() {
  echo "package: $*" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || skip "not root"
for c in cpack mmdebstrap dpkg-shlibdeps lowdown python3; do
  command -v $c >/dev/null || skip "$c is missing (.ci/setup installs it)"
done

inside() { # COMMAND...: in the clean root
  chroot "$ROOT" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

files() { # what there is, but for what any installation leaves behind
  (cd "$ROOT" && find . -xdev ! -path './var/lib/dpkg*' ! -path './var/cache*' ! -path './var/log*' ! -path './proc*' \
    ! -path './tmp*' ! -path './var/lib/apt*' ! -path './etc/*-' | sort)
  sort "$ROOT/etc/passwd" "$ROOT/etc/group" "$ROOT/etc/shadow" "$ROOT/etc/gshadow"
}

# ---- the package ----

rm -rf "$BUILD/package"
(cd "$BUILD" && cpack --config CPackConfig.cmake -B "$BUILD/package") >"$WORK/cpack" 2>&1 || fail "cpack: $(tail -20 "$WORK/cpack")"
DEB=$(ls "$BUILD"/package/*.deb)
dpkg-deb --info "$DEB" >"$WORK/info"
grep -q 'Depends:.*libc6' "$WORK/info" || fail "no dependencies: $(cat "$WORK/info")"
dpkg-deb --contents "$DEB" | awk '{ print $6 }' | sort >"$WORK/contents"
for path in ./usr/sbin/keyrackd ./usr/bin/keyrack ./usr/bin/keyrack-hwsim ./etc/keyrack/keyrack.conf \
  ./usr/lib/systemd/system/keyrackd.service ./usr/lib/sysctl.d/50-keyrack.conf ./usr/share/man/man8/keyrackd.8.gz ./usr/share/man/man1/keyrack.1.gz \
  ./usr/share/man/man5/keyrack.conf.5.gz ./usr/share/bash-completion/completions/keyrack; do
  grep -qxF "$path" "$WORK/contents" || fail "$path is not in $DEB"
done

# ---- a clean root ----

# with what it depends on, so that only its own files can be left at the end
depends=$(dpkg-deb --field "$DEB" Depends | sed 's/ *([^)]*)//g; s/ //g')
mmdebstrap --quiet --variant=apt --include="man-db,$depends" bookworm "$ROOT" >"$WORK/mmdebstrap" 2>&1 ||
  skip "mmdebstrap: $(tail -3 "$WORK/mmdebstrap")"
cp "$DEB" "$ROOT/tmp/keyrack.deb"
files >"$WORK/before"
inside dpkg -i /tmp/keyrack.deb >"$WORK/dpkg" 2>&1 || fail "dpkg -i: $(cat "$WORK/dpkg")"

inside keyrackd --version || fail "keyrackd --version"
inside keyrack --version || fail "keyrack --version"
inside keyrackd --config /etc/keyrack/keyrack.conf --check || fail "the configuration that comes with it is wrong"
# without /proc and /sys, and without a NIC: it says what is missing, and does not fall over
code=0
inside keyrack doctor --json >"$WORK/doctor" 2>"$WORK/doctor.errors" || code=$?
[ "$code" = 1 ] || fail "keyrack doctor: exit code $code: $(cat "$WORK/doctor.errors")"
python3 - "$WORK/doctor" <<'PYTHON' || fail "keyrack doctor --json: $(cat "$WORK/doctor")"
import json, sys
answer = json.load(open(sys.argv[1]))
levels = {row["check"]: row["level"] for row in answer["checks"]}
assert answer["level"] == "error" and levels["device"] == "error" and levels["keyrackd"] == "info", levels
assert all(row["text"] for row in answer["checks"]), answer
PYTHON
for page in "8 keyrackd" "1 keyrack" "5 keyrack.conf" "8 keyrack-hwsim"; do
  # shellcheck disable=SC2086
  inside man $page >"$WORK/page" 2>"$WORK/page.errors" || fail "man $page: $(cat "$WORK/page.errors")"
  [ "$(wc -l <"$WORK/page")" -gt 20 ] || fail "man $page: $(cat "$WORK/page")"
  # markdown that was not understood, and dashes that no program would take
  ! grep -nE '\*\*|–|—' "$WORK/page" || fail "man $page: see above"
done
inside bash -c '. /usr/share/bash-completion/completions/keyrack && complete -p keyrack' >/dev/null || fail "completion"
for f in "$ROOT"/usr/share/doc/keyrack/examples/*.conf; do
  inside keyrackd --config "${f#"$ROOT"}" --check || fail "$f"
done
[ "$(inside stat -c '%a %U %G' /etc/keyrack/keyrack.conf)" = "640 root keyrack" ] ||
  fail "secrets: $(inside stat -c '%a %U %G' /etc/keyrack/keyrack.conf)"
inside su -s /bin/sh keyrack -c 'keyrackd --config /etc/keyrack/keyrack.conf --check' || fail "its user cannot read the configuration"
# the demo finds its programs through /proc; the mount goes with its namespace
if unshare --mount mount --bind /proc "$ROOT/proc" 2>/dev/null; then
  unshare --mount bash -c 'mount --bind /proc "$1/proc" && chroot "$1" /usr/bin/keyrack demo --seconds 3 --queues 2 --slots 16' \
    demo "$ROOT" || fail "the demo"
else
  echo "package: no mounts here, so the demo is not run in the clean root"
fi

inside dpkg --purge keyrack >"$WORK/purge" 2>&1 || fail "dpkg --purge: $(cat "$WORK/purge")"
files >"$WORK/after"
diff -u "$WORK/before" "$WORK/after" || fail "the purge left something"
echo "package: $(basename "$DEB"): installed, used and purged"
