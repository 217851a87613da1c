# SPDX-License-Identifier: MIT
"""Debian's strongSwan on a host: charon with ESP in user space (kernel-libipsec, always UDP-encapsulated), and swanctl."""
import os
import re
import shutil

from netlab import Lab, require, skip, wait_until

# charon 5.9.8 installs an outbound SA when the one that it replaces is deleted, even if it has replaced that SA, too, by
# then and has wiped its keys: libipsec does not know an algorithm without a key.
OUTDATED = re.compile(r".*failed to create ESP context: unsupported AEAD algorithm.*\n.*failed to create SAD entry\n"
                      r".*unable to install outbound.*\n")

CHARON = "/usr/lib/ipsec/charon"
PLUGINS = "/usr/lib/ipsec/plugins"

STRONGSWAN_CONF = """
charon {{
    load_modular = yes
    install_virtual_ip = no
    retransmit_timeout = 0.5
    retransmit_base = 1.2
    filelog {{
        charon {{
            path = {dir}/charon.log
            flush_line = yes
            time_format = %H:%M:%S
            default = 1
        }}
    }}
    plugins {{
        {plugins}
        kernel-libipsec {{
            load = 10
        }}
        vici {{
            load = yes
            socket = unix://{socket}
        }}
    }}
}}
swanctl {{
    load = random nonce openssl pem pkcs1 x509
}}
"""

LOADED = "random nonce drbg x509 pubkey pkcs1 pkcs8 pem openssl kdf kernel-netlink socket-default updown".split()


def check_installed():
    if not os.access(CHARON, os.X_OK) or not shutil.which("swanctl"):
        skip("needs charon and swanctl (strongswan-charon, strongswan-swanctl)")
    if not os.path.exists(f"{PLUGINS}/libstrongswan-kernel-libipsec.so"):
        skip("needs the plugin kernel-libipsec (libcharon-extra-plugins)")


def raw_messages(text):
    """What `swanctl --raw` prints, `list-sa event {gw {uniqueid=1 ...}}` a line each, as dictionaries."""
    return [raw_section(iter(re.findall(r"[{}\[\]]|[^\s{}\[\]=]+=?|=", line.split("{", 1)[1])))
            for line in text.splitlines() if " event {" in line]


def raw_section(tokens):
    out, key = {}, None
    for t in tokens:
        if t == "}":
            return out
        if t == "{":
            out[key] = raw_section(tokens)
        elif t == "[":
            out[key.rstrip("=")] = list(iter(tokens.__next__, "]"))
        elif t.endswith("="):
            key = t[:-1]
            out[key] = ""
        elif key in out and out[key] == "":
            out[key] = t
        else:
            key = t
    return out


class Swanctl:
    """swanctl against one daemon's VICI socket."""

    def __init__(self, host, socket, directory):
        self.host = host
        self.socket = socket
        self.env = {"SWANCTL_DIR": directory, "STRONGSWAN_CONF": host.write(
            "swanctl-client.conf", "swanctl {\n load = random nonce openssl pem pkcs1 x509\n}\n")}

    def __call__(self, *argv):
        return self.host.run("swanctl", *argv, "--uri", f"unix://{self.socket}", env=self.env)

    def try_run(self, *argv):
        """Whether it succeeded, and all it said."""
        done = self.host.try_run("swanctl", *argv, "--uri", f"unix://{self.socket}", env=self.env)
        return done.returncode == 0, done.stdout + done.stderr

    def sas(self):
        """IKE SAs by unique id."""
        found = {}
        for message in raw_messages(self("--list-sas", "--raw")):
            for name, sa in message.items():
                found[sa["uniqueid"]] = {"name": name, **sa}
        return found

    def children(self):
        return [child for sa in self.sas().values() for child in sa.get("child-sas", {}).values()]


class Driven:
    """What swanctl does with either gateway: self.swanctl is a Swanctl."""

    def initiate(self, child="net"):
        self.swanctl("--initiate", "--child", child, "--timeout", "15")

    def rekey(self, **what):
        for option, name in what.items():
            self.swanctl("--rekey", f"--{option}", name)

    def terminate(self, **what):
        for option, name in what.items():
            self.swanctl("--terminate", f"--{option}", name, "--timeout", "10")


class StrongSwan(Driven):
    kind = "strongswan"

    def __init__(self, host, section, secrets):
        """section: the `connections` of swanctl.conf; secrets likewise."""
        check_installed()
        self.host = host
        self.socket = host.path("run", "charon.vici")
        self.conf = host.write("strongswan.conf", STRONGSWAN_CONF.format(
            dir=host.dir, socket=self.socket,
            plugins="\n        ".join(f"{p} {{\n            load = yes\n        }}" for p in LOADED)))
        host.write("swanctl/swanctl.conf", section + secrets)
        self.swanctl = Swanctl(host, self.socket, host.path("swanctl"))

    def start(self):
        # kernel-libipsec routes with a source address inside local_ts, and wants to find one.
        for inner in (Lab.INNER, Lab.MORE_INNER):
            self.host.run("ip", "address", "add", f"{inner[self.host.name]}/32", "dev", "lo")
        self.charon = self.host.start("charon-out", CHARON, env={"STRONGSWAN_CONF": self.conf})
        wait_until("charon's VICI socket", 10, lambda: os.path.exists(self.socket) or self.charon.check())
        wait_until("charon answering", 10, lambda: self.swanctl.try_run("--stats")[0])
        self.swanctl("--load-all")

    def check_offloaded(self):
        pass  # it is software, always

    def log(self):
        return self.host.log("charon.log")

    def rekeys(self):
        """Child SAs that have replaced another, by either side's wish."""
        return len(set(re.findall(r"outbound CHILD_SA \w+\{(\d+)\} established", self.log())))

    def collisions(self):
        """Simultaneous rekeys of a Child SA."""
        return len(re.findall(r"CHILD_SA rekey collision (?:won|lost)", self.log()))

    def liveness(self):
        """(empty requests sent and answered, empty requests received and answered)."""
        log = self.log()
        sent = re.findall(r"generating INFORMATIONAL request (\d+) \[ \]", log)
        answered = re.findall(r"parsed INFORMATIONAL response (\d+) \[ \]", log)
        received = re.findall(r"parsed INFORMATIONAL request (\d+) \[ \]", log)
        return len(set(sent) & set(answered)), len(set(received))

    def vendor_ids(self):
        """Those that it does not know, in hexadecimal."""
        return [v.replace(":", "") for v in re.findall(r"received unknown vendor ID: ([0-9a-f:]+)", self.log())]

    def private_notifies(self):
        """Numbers of the private-use status notifies that it was sent and does not know."""
        numbers = re.findall(r"N\(\((\d+)\)\)", "".join(re.findall(r"parsed .*", self.log())))
        return [int(n) for n in numbers if int(n) >= 40960]

    def is_empty(self):
        return not self.swanctl.sas()

    def check_clean(self):
        """After everything was deleted."""
        bad = re.findall(r".*(?:integrity check failed|unable to install|failed to establish CHILD_SA|giving up after).*",
                         OUTDATED.sub("", self.log()))
        require(not bad, f"charon's log says: {bad[0] if bad else ''}")

    def stop(self):
        require(self.charon.stop() == 0, f"charon ended with status {self.charon.popen.returncode}")
        self.host.processes.remove(self.charon)
