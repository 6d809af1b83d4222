//! What is played in the lab. A scenario is a function: it makes a network, lets programs talk, and fails with a reason.

mod adapters;
mod address;
mod backend;
mod beside;
mod command;
mod conflict;
mod dns;
mod exchange;
mod flood;
mod held;
mod links;
mod look_ups;
mod many;

use anyhow::Result;

use super::{Context, until};

/// A page from the life of a network.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) run: fn(&Context) -> Result<()>,
    /// Whether it is a minute of waiting, for which the others need not wait.
    pub(super) is_long: bool,
}

/// All of them: first the peers among themselves, which proves the lab. The long ones come early, so that the last to run
/// alone is a short one.
pub(super) fn all() -> Vec<Scenario> {
    let scenario = |name, about, run| Scenario {
        name,
        about,
        run,
        is_long: false,
    };
    let long = |name, about, run| Scenario {
        is_long: true,
        ..scenario(name, about, run)
    };
    vec![
        scenario(
            "backend-suite",
            "the suite of all adapters over Avahi, with port 5353 closed to us",
            backend::suite,
        ),
        scenario(
            "backend-forbidden",
            "Avahi keeps the port: browse, resolve, look-up and advertise go through it, as nobody too",
            backend::forbidden,
        ),
        scenario(
            "backend-restarted",
            "Avahi, then the bus, killed and started under a browse and an advertise",
            backend::restarted,
        ),
        scenario(
            "backend-denied",
            "no bus, no daemon, and a bus that forbids Avahi are told as such",
            backend::denied,
        ),
        scenario(
            "backend-auto",
            "Avahi stopped and started under a browse that chooses by itself",
            backend::auto,
        ),
        scenario(
            "backend-resolved",
            "systemd-resolved publishes for us, as root; nobody is refused, with polkit and without",
            backend::resolved,
        ),
        scenario(
            "backend-500",
            "five hundred services published and resolved through Avahi",
            backend::many,
        ),
        scenario(
            "peers-v4",
            "Avahi and python-zeroconf find each other on IPv4",
            exchange::peers_v4,
        ),
        scenario("peers-v6", "the same on IPv6 alone", exchange::peers_v6),
        scenario("peers-both", "the same on both", exchange::peers_both),
        scenario(
            "peers-conflict",
            "two Avahis want one service name",
            conflict::peers,
        ),
        scenario(
            "peers-fifty",
            "fifty services of python-zeroconf, seen by Avahi",
            many::peers,
        ),
        scenario(
            "dns-nss",
            "libnss-mdns with the socket of mdns resolver, then with Avahi",
            dns::nss,
        ),
        scenario(
            "dns-musl",
            "a static program built with musl asks mdns resolver",
            dns::musl,
        ),
        scenario(
            "dns-forwarders",
            "dnsmasq, Unbound and systemd-resolved ask mdns resolver for .local",
            dns::forwarders,
        ),
        long(
            "dns-unicast",
            "mdns browses, resolves and looks up in DNS; Avahi and resolved see the same; BIND restarted",
            dns::unicast,
        ),
        long(
            "dns-publish",
            "mdns publish: two of one name, found by Avahi, a server that lost them, removal, wrong keys",
            dns::publish,
        ),
        long(
            "dns-proxy",
            "a printer on one link, found from another through BIND by resolved and Avahi",
            dns::proxy,
        ),
        long(
            "dns-proxy-large",
            "sixty printers through a proxy: truncation, TCP; and a flood",
            dns::proxy_large,
        ),
        long(
            "address-alone",
            "mdns address: claims, is checked, defends, gives up, follows the cable and a routable address",
            address::alone,
        ),
        long(
            "address-times",
            "how long mdns address and the daemons of others take to have an address, all at one time",
            address::times,
        ),
        long(
            "address-script",
            "mdns address with a script that hangs: the address is defended meanwhile, and the script is called in order",
            address::script,
        ),
        long(
            "address-errors",
            "mdns address says what is wrong with files, interfaces, rights and links, and ends with the exit code for it",
            address::errors,
        ),
        long(
            "address-program",
            "one program claims an address and advertises a service; both follow a conflict",
            address::program,
        ),
        long(
            "address-avahi-autoipd",
            "mdns address and avahi-autoipd want one address, either first, and on two links that are joined",
            address::avahi_autoipd,
        ),
        long(
            "address-dhcpcd",
            "mdns address and dhcpcd want one address, either first, and on two links that are joined",
            address::dhcpcd,
        ),
        long(
            "address-networkd",
            "mdns address and systemd-networkd want one address, either first, and on two links that are joined",
            address::networkd,
        ),
        long(
            "address-dhcp",
            "mdns address steps back for DHCP, and returns",
            address::dhcp,
        ),
        long(
            "beside-avahi",
            "mdns and Avahi on one host with 20 services each, for a minute",
            beside::avahi,
        ),
        long(
            "one-bridge",
            "two interfaces of mdns on one wire, for a minute",
            links::one_bridge,
        ),
        scenario(
            "adapters",
            "each adapter is found, finds, and keeps to what it owes the network",
            adapters::adapters,
        ),
        scenario(
            "fifty-ours",
            "fifty services of one mdns, seen by both peers",
            many::ours,
        ),
        scenario(
            "fifty-theirs",
            "fifty services of each peer, seen by mdns",
            many::theirs,
        ),
        scenario(
            "published-v4",
            "both peers see what mdns advertises, and its goodbye",
            exchange::published_v4,
        ),
        scenario(
            "published-v6",
            "the same on IPv6 alone",
            exchange::published_v6,
        ),
        scenario(
            "published-both",
            "the same on both",
            exchange::published_both,
        ),
        scenario(
            "found-v4",
            "mdns sees what both peers advertise, and their goodbyes",
            exchange::found_v4,
        ),
        scenario("found-v6", "the same on IPv6 alone", exchange::found_v6),
        scenario("found-both", "the same on both", exchange::found_both),
        scenario(
            "look-ups",
            "mdns looks hosts of all three stacks up, ten times in a row, alone and beside Avahi",
            look_ups::in_a_row,
        ),
        scenario(
            "txt-changes",
            "mdns sees a changed TXT record of either peer",
            exchange::txt_changes,
        ),
        scenario(
            "service-avahi-first",
            "mdns wants a service name that Avahi has",
            conflict::service_avahi_first,
        ),
        scenario(
            "service-ours-first",
            "Avahi wants a service name that mdns has",
            conflict::service_ours_first,
        ),
        scenario(
            "host-avahi-first",
            "mdns wants a host name that Avahi has",
            conflict::host_avahi_first,
        ),
        scenario(
            "host-ours-first",
            "Avahi wants a host name that mdns has",
            conflict::host_ours_first,
        ),
        scenario(
            "late-network",
            "mdns starts without an interface, which comes later",
            links::late_network,
        ),
        scenario(
            "interface",
            "an interface comes, goes down, comes up elsewhere, goes and comes",
            links::interface,
        ),
        scenario(
            "thirty-interfaces",
            "one mdns on thirty interfaces",
            links::thirty,
        ),
        scenario(
            "cable",
            "the cable is pulled and plugged in again",
            links::cable,
        ),
        scenario("address", "an address comes and goes", links::address),
        scenario(
            "link-local",
            "a link-local and a routable address meet on one wire",
            links::link_local,
        ),
        scenario(
            "two-links",
            "a host on two networks tells each its own address",
            links::two_links,
        ),
        scenario(
            "flood",
            "a hostile host floods the link, and mdns goes on in the memory it had",
            flood::flood,
        ),
        long(
            "held-port",
            "another program has port 5353 for itself, of one family or both, and leaves or comes later",
            held::held_port,
        ),
        scenario(
            "bad-input",
            "every malformed argument is refused",
            command::bad_input,
        ),
        scenario(
            "nothing-found",
            "exit codes and time-outs of one-shot commands",
            command::nothing_found,
        ),
    ]
}
