"""python-zeroconf as a peer of the lab: one JSON object a line, in the words of `mdns --json`.

  zc.py [--ip v4|v6|all] register FILE   a service a line: {"instance", "type", "port", "txt", "host", "addresses"};
                                         a JSON object on standard input becomes the TXT record of the first
  zc.py [--ip v4|v6|all] browse TYPE     until stopped; a line on standard input asks for the addresses in the cache
  zc.py [--ip v4|v6|all] host NAME       addresses of NAME.local
"""

import argparse
import ipaddress
import json
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import zeroconf

START = time.monotonic()
WORKERS = ThreadPoolExecutor(max_workers=60)


def say(event, **facts):
    line = {"event": event, **facts, "time_ms": round((time.monotonic() - START) * 1000, 1)}
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def facts(info):
    text = lambda value: None if value is None else value.decode("utf-8", "replace")
    return {
        "instance": info.name.removesuffix("." + info.type),
        "type": info.type.removesuffix(".local."),
        "host": info.server,
        "port": info.port,
        "txt": {text(key): text(value) for key, value in info.properties.items()},
        "addresses": info.parsed_scoped_addresses(),
    }


class Told(zeroconf.ServiceListener):
    """Tells what a browser sees, resolving each in its own thread: a look-up waits."""

    def tell(self, event, zc, full_type, name):
        say(event, instance=name.removesuffix("." + full_type), type=full_type.removesuffix(".local."))
        WORKERS.submit(self.resolve, zc, full_type, name)

    def resolve(self, zc, full_type, name):
        info = zc.get_service_info(full_type, name, timeout=5000)
        if info:
            say("resolved", **facts(info))

    def add_service(self, zc, full_type, name):
        self.tell("found", zc, full_type, name)

    def update_service(self, zc, full_type, name):
        self.tell("changed", zc, full_type, name)

    def remove_service(self, zc, full_type, name):
        say("gone", instance=name.removesuffix("." + full_type), type=full_type.removesuffix(".local."))


def service(line, txt=None):
    wanted = json.loads(line)
    full_type = wanted["type"] + ".local."
    return zeroconf.ServiceInfo(
        full_type,
        wanted["instance"] + "." + full_type,
        port=wanted["port"],
        properties=wanted["txt"] if txt is None else txt,
        server=wanted["host"] + ".local.",
        parsed_addresses=wanted["addresses"],
    )


def register(zc, path, stopped):
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    infos = [service(line) for line in lines]

    def one(info):
        first = info.name
        zc.register_service(info, allow_name_change=True)
        if info.name != first:
            say("renamed", **facts(info))
        say("registered", **facts(info))

    list(WORKERS.map(one, infos))

    def updates():
        for line in sys.stdin:
            info = service(lines[0], json.loads(line))
            zc.update_service(info)
            say("changed", **facts(info))

    threading.Thread(target=updates, daemon=True).start()
    stopped.wait()
    zc.unregister_all_services()


def browse(zc, service_type, stopped):
    zeroconf.ServiceBrowser(zc, service_type + ".local.", listener=Told())

    def dumps():
        for _ in sys.stdin:
            records = [record for name in zc.cache.names() for record in zc.cache.entries_with_name(name)]
            now = zeroconf.current_time_millis()
            known = [record for record in records if not record.is_expired(now)]
            addresses = {record.address for record in known if isinstance(record, zeroconf.DNSAddress)}
            say("cache", addresses=sorted(str(ipaddress.ip_address(address)) for address in addresses))

    threading.Thread(target=dumps, daemon=True).start()
    stopped.wait()


def host(zc, name, ip):
    resolvers = {
        "v4": zeroconf.AddressResolverIPv4,
        "v6": zeroconf.AddressResolverIPv6,
        "all": zeroconf.AddressResolver,
    }
    resolver = resolvers[ip](name + ".local.")
    found = resolver.request(zc, 3000)
    if found:
        say("address", host=name + ".local", addresses=resolver.parsed_scoped_addresses())
    return 0 if found else 1


def interfaces(ip):
    """IPv4 by address, IPv6 by index. Choosing by itself it would take `lo` along, which has no IPv6 multicast."""
    chosen = []
    if ip != "v6":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unsent:
            unsent.connect(("224.0.0.251", 5353))
            chosen.append(unsent.getsockname()[0])
    if ip != "v4":
        chosen.append(socket.if_nametoindex("eth0"))
    return chosen


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--ip", choices=["v4", "v6", "all"], default="v4")
    parser.add_argument("chore", choices=["register", "browse", "host"])
    parser.add_argument("subject")
    options = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    versions = {"v4": zeroconf.IPVersion.V4Only, "v6": zeroconf.IPVersion.V6Only, "all": zeroconf.IPVersion.All}
    with zeroconf.Zeroconf(interfaces=interfaces(options.ip), ip_version=versions[options.ip]) as zc:
        if options.chore == "register":
            register(zc, options.subject, stopped)
        elif options.chore == "browse":
            browse(zc, options.subject, stopped)
        else:
            return host(zc, options.subject, options.ip)
    return 0


if __name__ == "__main__":
    sys.exit(main())
