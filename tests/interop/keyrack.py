# SPDX-License-Identifier: MIT
"""keyrack on a host: the card (keyrack-hwsim on the wire, a TAP towards the host), keyrackd, keyrack."""
import json
import os
import socket

import gateway
from netlab import Lab, require, wait_until
from strongswan import Driven, Swanctl


# Of the cards, the one that offloads UDP-encapsulated tunnels, which is all that kernel-libipsec speaks.
ENCAP_PROFILE = "tiny-33"
# What a child needs besides, so that a card that refuses it is an error and not a fall-back.
OFFLOAD = {"hw_offload": "packet"}


class Keyrack(Driven):
    kind = "keyrack"

    def __init__(self, host, section, secrets, bin_dir, profile=ENCAP_PROFILE, slots=64, queues=1, options=()):
        self.host = host
        self.bin = bin_dir
        self.profile = profile
        self.slots = slots
        self.queues = queues
        self.socket = host.path("run", "keyrackd.vici")
        self.card_netlink = host.path("run", "card.netlink")
        self.card_control = host.path("run", "card.control")
        self.options = options
        self.conf = host.write("keyrack.conf", section + secrets + gateway.render({
            "nic": {"backend": "hwsim", "socket": self.card_netlink, "profile": profile, "slots": slots,
                    "queues": queues},
            "daemon": {"control": self.socket, "retransmit_timeout": 0.5, "retransmit_base": 1.2},
        }))
        host.write("swanctl/swanctl.conf", section + secrets)
        self.swanctl = Swanctl(host, self.socket, host.path("swanctl"))

    def start(self):
        other = Lab.NET["b" if self.host.name == "a" else "a"]
        self.card = self.host.start("keyrack-hwsim", os.path.join(self.bin, "keyrack-hwsim"),
                                    "--netlink", self.card_netlink, "--control", self.card_control,
                                    "--profile", self.profile, "--slots", str(self.slots), "--queues", str(self.queues),
                                    "--wire", "packet:wire", "--host", "tap:kr0")
        wait_until("the card's sockets", 10, lambda: self.card.check() or os.path.exists(self.card_netlink) and
                   os.path.exists(self.card_control))
        self.host.run("ip", "address", "add", f"{Lab.INNER[self.host.name]}/32", "dev", "kr0")
        self.host.run("ip", "link", "set", "kr0", "up")
        self.host.run("ip", "route", "add", other, "dev", "kr0", "src", Lab.INNER[self.host.name])
        self.daemon = self.host.start("keyrackd", os.path.join(self.bin, "keyrackd"), "--config", self.conf,
                                      *self.options)
        wait_until("keyrackd's control socket", 10, lambda: self.daemon.check() or os.path.exists(self.socket))

    def keyrack(self, *argv):
        """The command line's answer."""
        return json.loads(self.host.run(os.path.join(self.bin, "keyrack"), "--socket", self.socket, *argv, "--json"))

    def ask_card(self, **request):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(self.card_control)
            s.sendall(json.dumps(request).encode() + b"\n")
            with s.makefile() as lines:
                return json.loads(lines.readline())

    def check_offloaded(self):
        """Every Child SA is in the card."""
        for c in self.swanctl.children():
            require(c["offload"] == "packet", f"Child SA {c['name']} #{c['uniqueid']} runs in mode {c['offload']}")

    def log(self):
        return self.host.log("keyrackd.log")

    def rekeys(self):
        """Child SAs that have replaced another, by either side's wish."""
        counters = self.keyrack("status")["counters"]
        return int(counters["rekeys_done"]) + int(counters["rekeys_peer"])

    def collisions(self):
        """Simultaneous rekeys."""
        return int(self.keyrack("status")["ike_counters"]["collisions"])

    def liveness(self):
        """(INFORMATIONAL requests sent and answered, received): with nothing to delete these are for liveness."""
        ike = self.keyrack("status")["ike_counters"]
        return min(int(ike["info_out_req"]), int(ike["info_in_resp"])), int(ike["info_in_req"])

    def is_empty(self):
        card = self.ask_card(cmd="stats")["card"]
        return not self.swanctl.sas() and not card["total"]["used"] and not card["total"]["freeing"]

    def check_clean(self):
        """After everything was deleted: nothing in the card, no packet that the tunnel lost or refused."""
        card = self.ask_card(cmd="stats")["card"]
        for counter in ("refused", "hard_expired", "tx_plain", "tx_no_sa", "rx_auth_fail", "rx_replay", "rx_malformed"):
            require(card[counter] == 0, f"host {self.host.name}'s card counts {card[counter]} {counter}")
        require(card["installs"] == card["deletes"],
                f"host {self.host.name}'s card: {card['installs']} installs, {card['deletes']} deletes")
        check = self.ask_card(cmd="check")
        require(check.get("ok"), f"host {self.host.name}'s card is inconsistent: {check}")

    def stop(self):
        require(self.daemon.stop() == 0, f"keyrackd ended with status {self.daemon.popen.returncode}")
        self.host.processes.remove(self.daemon)
        card = self.ask_card(cmd="stats")["card"]
        require(not card["total"]["used"] and not card["policies"],
                f"keyrackd left {card['total']['used']} SAs and {card['policies']} policies in the card")
        require(self.card.stop() == 0, f"keyrack-hwsim ended with status {self.card.popen.returncode}")
        self.host.processes.remove(self.card)
