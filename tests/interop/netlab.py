# SPDX-License-Identifier: MIT
"""Two hosts on one cable, as namespaces of this machine, and the processes in them.

A host is a process that holds a network and a mount namespace of its own; everything started on it dies with this
program (even by SIGKILL), and the namespaces go when their last process does. So nothing is left behind, and any
number of runs can be under way at once with the same addresses and interface names.
"""
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SKIP = 77
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """A check that did not hold, in one sentence."""


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIP)


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_until(what, seconds, test):
    """Polls test() until it gives something true, which is returned; a Failure at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        got = test()
        if got:
            return got
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def require(condition, text):
    if not condition:
        raise Failure(text)


def check_machine(programs):
    """Skips, saying why, where a test cannot run at all."""
    if os.geteuid() != 0:
        skip("needs root, for network namespaces")
    for program in ("ip", "unshare", "nsenter", "ping", *programs):
        if not shutil.which(program):
            skip(f"needs {program} (.ci/setup installs it)")
    try:
        open("/dev/net/tun", "rb").close()
    except OSError as e:
        skip(f"needs /dev/net/tun: {e.strerror}")
    probe = subprocess.run(["unshare", "-n", "-m", "--propagation", "private", "true"], capture_output=True, text=True)
    if probe.returncode:
        skip(f"needs network and mount namespaces: {probe.stderr.strip()}")


class Process:
    def __init__(self, name, argv, log, env):
        self.name = name
        self.log = log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                                          preexec_fn=die_with_parent)

    def check(self):
        code = self.popen.poll()
        require(code is None, f"{self.name} ended by itself with status {code}; its log is {self.log}")

    def wait(self, seconds):
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} is still running after {seconds} s") from None

    def stop(self, seconds=10):
        """SIGTERM, then its exit status."""
        if self.popen.poll() is None:
            self.popen.terminate()
        return self.wait(seconds)

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


class Host:
    """Namespaces with a private /run, which is `run` here."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.dir = os.path.join(lab.dir, name)
        self.run_dir = os.path.join(self.dir, "run")
        os.makedirs(self.run_dir)
        self.processes = []
        self.holder = subprocess.Popen(
            ["unshare", "-n", "-m", "--propagation", "private", "sh", "-c",
             f"mount --bind {self.run_dir} /run && ip link set lo up && echo && exec sleep 100000"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, preexec_fn=die_with_parent)
        require(self.holder.stdout.readline(), f"cannot make the namespaces of host {name}")
        self.enter = ["nsenter", "-t", str(self.holder.pid), "-n", "-m", "--"]

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def run(self, *argv, env=None, seconds=30):
        """Runs a command to its end, which must be 0; gives its standard output."""
        done = self.try_run(*argv, env=env, seconds=seconds)
        require(done.returncode == 0, f"'{' '.join(argv)}' on host {self.name} ended {done.returncode}: "
                f"{done.stdout.strip()} {done.stderr.strip()}")
        return done.stdout

    def try_run(self, *argv, env=None, seconds=30):
        """The same whatever it ends with; gives the CompletedProcess."""
        try:
            return subprocess.run([*self.enter, *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=seconds, env={**os.environ, **(env or {})}, preexec_fn=die_with_parent)
        except subprocess.TimeoutExpired:
            raise Failure(f"'{' '.join(argv)}' on host {self.name}: not done in {seconds} s") from None

    def set(self, knob, value):
        """A sysctl of this host's network namespace; one that this kernel lacks does not matter."""
        self.run("sh", "-c", f"! test -e /proc/sys/{knob} || echo {value} > /proc/sys/{knob}")

    def start(self, name, *argv, env=None):
        """Starts a process whose output goes to NAME.log."""
        p = Process(f"{name} on host {self.name}", [*self.enter, *argv], self.path(f"{name}.log"),
                    {**os.environ, **(env or {})})
        self.processes.append(p)
        return p

    def log(self, name):
        try:
            with open(self.path(name), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def check(self):
        for p in self.processes:
            p.check()

    def kill(self):
        for p in reversed(self.processes):
            p.kill()
        self.holder.kill()
        self.holder.wait()


class Lab:
    """Hosts a and b with the interface `wire` each, 10.99.0.1 and 10.99.0.2. Use it in a `with` statement."""

    ADDRESS = {"a": "10.99.0.1", "b": "10.99.0.2"}
    # Behind each of them, on the gateway itself: a net and one more, and an address in each.
    INNER = {"a": "10.1.0.1", "b": "10.2.0.1"}
    MORE_INNER = {"a": "10.1.1.1", "b": "10.2.1.1"}
    NET = {"a": "10.1.0.0/24", "b": "10.2.0.0/24"}
    MORE_NET = {"a": "10.1.1.0/24", "b": "10.2.1.0/24"}

    def __init__(self, keep=False, delay_ms=0, drop=0):
        """delay_ms and drop: what happens to IKE messages on the way, see wire.py."""
        self.keep = keep
        self.cable = ("--delay-ms", str(delay_ms), "--drop", str(drop)) if delay_ms or drop else None
        self.hosts = {}
        self.middle = None

    def __enter__(self):
        for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(s, lambda number, frame: sys.exit(128 + number))
        self.dir = tempfile.mkdtemp(prefix="keyrack-interop-")
        try:
            for name in self.ADDRESS:
                self.hosts[name] = Host(self, name)
            self.connect()
        except BaseException:
            self.close(failed=True)
            raise
        return self

    @staticmethod
    def plug(host, name, other, other_name):
        subprocess.run(["ip", "link", "add", "name", name, "netns", str(host.holder.pid), "type", "veth",
                        "peer", "name", other_name, "netns", str(other.holder.pid)], check=True)

    def connect(self):
        a, b = self.hosts.values()
        if self.cable:
            self.middle = Host(self, "middle")
            for host in (a, b):
                self.plug(host, "wire", self.middle, f"to-{host.name}")
                self.middle.set(f"net/ipv6/conf/to-{host.name}/disable_ipv6", 1)
                self.middle.run("ip", "link", "set", f"to-{host.name}", "up")
            self.middle.start("wire", sys.executable, "-B", os.path.join(os.path.dirname(__file__), "wire.py"),
                              *self.cable)
            wait_until("the cable", 10, lambda: self.middle.check() or "ready" in self.middle.log("wire.log"))
        else:
            self.plug(a, "wire", b, "wire")
        for name, host in self.hosts.items():
            host.run("ip", "address", "add", f"{self.ADDRESS[name]}/24", "dev", "wire")
            host.run("ip", "link", "set", "wire", "up")
            for knob in ("all", "default"):
                host.set(f"net/ipv4/conf/{knob}/rp_filter", 0)

    def all_hosts(self):
        return [*self.hosts.values(), *([self.middle] if self.middle else [])]

    def check(self):
        for host in self.all_hosts():
            host.check()

    def close(self, failed):
        for host in self.all_hosts():
            host.kill()
        if failed or self.keep:
            print(f"logs are kept in {self.dir}")
        else:
            shutil.rmtree(self.dir)

    def __exit__(self, kind, value, trace):
        self.close(failed=kind is not None)
        return False


def main(run, limit_seconds):
    """Runs a test's body with a deadline; a Failure becomes one line and status 1."""
    def late(number, frame):
        raise Failure(f"the whole test was not done in {limit_seconds} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(limit_seconds)
    try:
        run()
    except Failure as e:
        print(f"FAILED: {e}")
        sys.exit(1)
    print("passed")
