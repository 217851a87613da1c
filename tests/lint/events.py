#!/usr/bin/env python3
"""docs/events.md names every event that keyrackd logs, with its levels, and no other. Run in the source directory.

LOGGERS take something, a level, an event and a format; level and event may be two alternatives (a ? b : c).
"""
import pathlib
import re
import sys

LOGGERS = re.compile(r"\b(?:log_at|ike_sa_log|ike_child_log)\(")
FOLDERS = ("base", "ike", "rekey", "offload", "ctl")


def arguments(text, start):
    """The arguments of the call whose opening parenthesis is just before `start`."""
    depth, i, quoted, args = 1, start, False, [""]
    while True:
        c = text[i]
        if quoted and c == "\\":
            args[-1] += c
            i += 1
            c = text[i]
        elif c == '"':
            quoted = not quoted
        elif not quoted:
            depth += (c == "(") - (c == ")")
            if not depth:
                return args
        if c == "," and depth == 1 and not quoted:
            args.append("")
        else:
            args[-1] += c
        i += 1


def logged():
    """{event: set of levels}, and what cannot be understood."""
    events, odd = {}, []
    for path in (p for folder in FOLDERS for p in sorted(pathlib.Path(folder).glob("*.c"))):
        text = path.read_text()
        for match in LOGGERS.finditer(text):
            _, level, event, *_ = args = arguments(text, match.end())
            if event.strip() in ("event", "const char *event"):
                continue  # it hands on what it is given
            names = re.findall(r'"([a-z]+\.[a-z_]+)"', event)
            levels = re.findall(r"LOG_LEVEL_([A-Z]+)", level)
            if not names or not levels:
                odd.append(f"{path}: {' '.join(','.join(args).split())[:100]}")
            for name in names:
                events.setdefault(name, set()).update(levels)
    return events, odd


def described():
    rows = re.findall(r"^\| `([a-z._]+)` \| ([a-z, ]+) \| \S.*\|$", pathlib.Path("docs/events.md").read_text(), re.M)
    return {name: set(levels.split(", ")) for name, levels in rows}


def main():
    spelled = {"ERROR": "error", "WARN": "warning", "NOTICE": "notice", "INFO": "info", "DEBUG": "debug"}
    events, mistakes = logged()
    have = {name: {spelled[level] for level in levels} for name, levels in events.items()}
    rows = described()
    if len(have) < 50:
        mistakes.append(f"only {len(have)} events are found in the code")
    for name in sorted(have.keys() | rows.keys()):
        if have.get(name) != rows.get(name):
            mistakes.append(f"{name}: the code has {sorted(have.get(name, [])) or 'no such event'}, "
                            f"docs/events.md {sorted(rows.get(name, [])) or 'does not name it'}")
    print("\n".join(mistakes) or f"{len(have)} events")
    return 1 if mistakes else 0


sys.exit(main())
