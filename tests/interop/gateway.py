# SPDX-License-Identifier: MIT
"""The configuration that both sides of a tunnel share: swanctl.conf's keys mean the same to keyrackd and to charon."""
from netlab import Lab

ID = {"a": "a.example.net", "b": "b.example.net"}
SECRET = "0sZm9yIHRlc3RzIG9ubHksIG5vdCBhIHNlY3JldA=="


def render(tree, depth=0):
    """A nested dictionary in swanctl.conf's syntax."""
    pad = "    " * depth
    lines = []
    for key, value in tree.items():
        if isinstance(value, dict):
            lines += [f"{pad}{key} {{", render(value, depth + 1).rstrip("\n"), f"{pad}}}"]
        else:
            lines.append(f"{pad}{key} = {value}")
    return "\n".join(lines) + "\n"


def connections(me, ike, children, dpd=0, **more):
    """The section `connections` of host `me`: one connection, gw, to the other host."""
    peer = "b" if me == "a" else "a"
    return render({"connections": {"gw": {
        "version": 2,
        "local_addrs": Lab.ADDRESS[me],
        "remote_addrs": Lab.ADDRESS[peer],
        "proposals": ike,
        "mobike": "no",
        "dpd_delay": f"{dpd}s",
        **more,
        "local": {"auth": "psk", "id": ID[me]},
        "remote": {"auth": "psk", "id": ID[peer]},
        "children": children,
    }}})


def child(me, esp, counts=None, nets=Lab.NET, **more):
    """One child between two nets. counts: {packets: (rekey, life, rand)} in the words of swanctl.conf; none: this side never rekeys."""
    peer = "b" if me == "a" else "a"
    tree = {"local_ts": nets[me], "remote_ts": nets[peer], "esp_proposals": esp, "rekey_time": 0, **more}
    for unit, (rekey, life, rand) in (counts or {}).items():
        tree |= {f"rekey_{unit}": rekey, f"life_{unit}": life, f"rand_{unit}": rand}
    return tree


def secrets():
    return render({"secrets": {"ike-1": {"id-a": ID["a"], "id-b": ID["b"], "secret": SECRET}}})
