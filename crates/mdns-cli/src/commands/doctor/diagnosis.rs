//! What is wrong, in plain words, and what to do.

use std::{collections::BTreeSet, io::ErrorKind};

use mdns_socket::{Family, Holder, PORT, Trial, Unused};
use serde::Serialize;

use super::{Examination, Examined, State, Unicast};

/// Something to be told.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What is the case.
    pub(super) what: String,
    /// What it means, and what to do.
    pub(super) advice: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// Something does not work, and can be mended.
    Problem,
    /// Something to know.
    Note,
}

fn problem(what: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding {
        level: Level::Problem,
        what: what.into(),
        advice: advice.into(),
    }
}

pub(super) fn note(what: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding {
        level: Level::Note,
        ..problem(what, advice)
    }
}

/// What follows from all that was found: first of interfaces, then of the port.
pub(super) fn diagnose(found: &Examination) -> Vec<Finding> {
    let mut findings = Vec::new();
    for examined in &found.interfaces {
        findings.extend(of_interface(examined, found.is_named));
    }
    let has_problem = |findings: &[Finding]| {
        findings
            .iter()
            .any(|finding| finding.level == Level::Problem)
    };
    if !has_problem(&findings) && !is_any_used(found) {
        findings.push(problem("no interface can be used", all_remedies(found)));
    }
    findings.extend(of_port(found));
    findings.extend(found.daemons.findings());
    if let Err(error) = &found.watch {
        findings.push(problem(
            format!("changes of interfaces cannot be noticed: {error}"),
            "a sandbox forbids netlink, or there are no file descriptors left; allow it, or restart programs when \
             the network changes",
        ));
    }
    findings
}

fn of_interface(examined: &Examined, is_named: bool) -> Vec<Finding> {
    let interface = &examined.interface;
    let name = &interface.name;
    let mut findings = Vec::new();
    let mut of_links = Vec::new();
    for link in &examined.links {
        match &link.state {
            State::Unused(_) => {}
            State::Closed(why) => findings.push(problem(
                why,
                format!("until then, mdns does without {name} on {}", link.family),
            )),
            State::Tried(trial) => of_links.extend(of_trial(trial).map(|told| (link.family, told))),
        }
    }
    findings.extend(together(&format!("{name}, "), of_links));
    // It leads to neighbours, and nobody would switch it so on purpose.
    let is_mute = |why| {
        let has_address = interface.addresses.iter().any(|address| address.is_ready);
        why == Unused::NoMulticast && has_address && !interface.is_loopback
    };
    if let Some(why) = unused_for(examined).filter(|why| is_named || is_mute(*why)) {
        findings.push(problem(
            format!("{name} cannot be used: {why}"),
            remedy(name, why),
        ));
    }
    if is_silent(examined) {
        findings.push(note(
            format!("{name}: nobody else answered"),
            "that is fine if no other host there has a service. Else look for an access point that isolates its \
             clients, a guest network, a switch that filters multicast (IGMP or MLD snooping), a firewall on the others",
        ));
    }
    findings
}

/// Findings of each family, those that are equal for both once; what they are about is put before them.
fn together(place: &str, each: Vec<(Family, Finding)>) -> Vec<Finding> {
    let mut joined: Vec<(String, Finding)> = Vec::new();
    for (family, finding) in each {
        match joined.iter_mut().find(|(_, other)| *other == finding) {
            Some((families, _)) => *families += &format!(" and {family}"),
            None => joined.push((family.to_string(), finding)),
        }
    }
    let with_place = |(families, finding): (String, Finding)| Finding {
        what: format!("{place}{families}: {}", finding.what),
        ..finding
    };
    joined.into_iter().map(with_place).collect()
}

fn of_trial(trial: &Trial) -> Option<Finding> {
    match &trial.sent {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Some(problem(
            format!("a query cannot be sent: {error}"),
            format!("a firewall of this host forbids it: let UDP port {PORT} out"),
        )),
        Err(error) => Some(problem(
            format!("a query cannot be sent: {error}"),
            "look at the addresses and routes of the interface",
        )),
        Ok(()) if trial.came_back => None,
        Ok(()) if trial.by_multicast.is_empty() => Some(problem(
            "what is sent to the group does not come back",
            format!(
                "most likely a firewall of this host drops it, and all that others send: let UDP port {PORT} in, for \
                 instance with `firewall-cmd --add-service=mdns` or `ufw allow {PORT}/udp`"
            ),
        )),
        Ok(()) => Some(problem(
            "others are heard, but what is sent to the group does not come back",
            "programs of this host will not find each other there: look for a firewall rule against packets from \
             its own addresses",
        )),
    }
}

/// Why a wanted interface is used by neither family; the first reason.
fn unused_for(examined: &Examined) -> Option<Unused> {
    let mut why = None;
    for link in &examined.links {
        match link.state {
            State::Unused(Unused::Unwanted | Unused::FamilyUnwanted) => return None,
            State::Unused(unused) => why = why.or(Some(unused)),
            State::Closed(_) | State::Tried(_) => return None,
        }
    }
    why
}

/// Whether all works there, and nobody was heard.
fn is_silent(examined: &Examined) -> bool {
    let trials = examined.links.iter().filter_map(|link| match &link.state {
        State::Tried(trial) => Some(trial),
        State::Unused(_) | State::Closed(_) => None,
    });
    let mut trials = trials.peekable();
    !examined.interface.is_loopback
        && trials.peek().is_some()
        && trials.all(|trial| {
            trial.came_back && trial.by_multicast.is_empty() && trial.by_unicast.is_empty()
        })
}

fn is_any_used(found: &Examination) -> bool {
    found
        .interfaces
        .iter()
        .flat_map(|examined| &examined.links)
        .any(|link| !matches!(link.state, State::Unused(_)))
}

/// What would make some interface usable.
fn all_remedies(found: &Examination) -> String {
    let remedies: Vec<String> = found
        .interfaces
        .iter()
        .filter(|examined| !examined.interface.is_loopback)
        .filter_map(|examined| Some(remedy(&examined.interface.name, unused_for(examined)?)))
        .collect();
    match &remedies[..] {
        [] if found.is_named => "there is none of that name: see the list".to_owned(),
        [] => "connect to a network".to_owned(),
        remedies => remedies.join("; "),
    }
}

/// What makes an interface usable.
fn remedy(name: &str, why: Unused) -> String {
    match why {
        Unused::Down => format!("switch {name} on, for instance with `ip link set {name} up`"),
        Unused::NoCarrier => {
            format!("connect {name}: plug in its cable, or join a wireless network")
        }
        Unused::NoMulticast => {
            format!("let {name} multicast, for instance with `ip link set {name} multicast on`")
        }
        Unused::NoAddress => format!("give {name} an address, by DHCP or by hand"),
        _ => format!("if {name} leads to neighbours, name it: --interface {name}"),
    }
}

fn of_port(found: &Examination) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut shared = Vec::new();
    for (family, state) in &found.unicast {
        match state {
            Unicast::Ours | Unicast::Off => {}
            Unicast::Shared => shared.push((*family, of_sharing(&unicast_holders(found, *family)))),
            Unicast::Fails(why) => findings.push(problem(
                why,
                "what is sent to this host alone will not arrive",
            )),
        }
    }
    findings.extend(together("", shared));
    if found.holders.iter().any(|holder| holder.process.is_none()) {
        findings.push(note(
            format!("some programs on UDP port {PORT} are known by their user only"),
            "root is told their names: `sudo mdns doctor`",
        ));
    }
    findings
}

fn of_sharing(holders: &[String]) -> Finding {
    match holders {
        [] | [_] => {
            let holder = holders.first().map_or("somebody", String::as_str);
            note(
                format!(
                    "{holder} had UDP port {PORT} first: what is sent to this host alone does not come to mdns"
                ),
                "nothing to do: mdns asks for answers by multicast then",
            )
        }
        _ => note(
            format!(
                "{} share UDP port {PORT}: what is sent to this host alone comes to one of them",
                holders.join(", ")
            ),
            "each may miss answers that were meant for it: better run one of them only",
        ),
    }
}

/// Who gets what is sent to this host alone. Who is bound to the group does not, but counts where there is nobody else.
fn unicast_holders(found: &Examination, family: Family) -> Vec<String> {
    let of = |is_group: bool| -> BTreeSet<String> {
        let holders = found.holders.iter().filter(|holder| {
            let ip = holder.address.ip();
            // A socket for both families is listed as one for IPv6.
            ip.is_multicast() == is_group && (ip.is_ipv6() || family == Family::V4)
        });
        holders.map(Holder::program).collect()
    };
    let mut programs = of(false);
    if programs.is_empty() {
        programs.extend(of(true).pop_first());
    }
    programs.into_iter().collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::{collections::BTreeSet, fmt::Write as _, io};

    use expect_test::{Expect, expect};
    use mdns_socket::{Address, Interface};

    use super::super::Link;
    use super::*;

    fn interface(name: &str) -> Interface {
        Interface {
            index: 2,
            name: name.to_owned(),
            mtu: 1500,
            is_up: true,
            has_carrier: true,
            is_multicast: true,
            is_loopback: false,
            is_point_to_point: false,
            has_link_local_route: false,
            addresses: vec![Address {
                ip: [10, 0, 0, 1].into(),
                prefix_len: 24,
                is_ready: true,
            }],
        }
    }

    fn heard(addresses: &[&str]) -> BTreeSet<std::net::IpAddr> {
        let parse = |text: &&str| text.parse().expect("an address");
        addresses.iter().map(parse).collect()
    }

    /// A link on which all is well.
    fn tried() -> Trial {
        Trial {
            sent: Ok(()),
            came_back: true,
            by_multicast: heard(&["10.0.0.7"]),
            by_unicast: BTreeSet::new(),
        }
    }

    pub(crate) fn examined(name: &str, states: [State; 2]) -> Examined {
        let link = |(family, state)| Link {
            family,
            others: Some(0),
            state,
        };
        Examined {
            interface: interface(name),
            links: Family::ALL.into_iter().zip(states).map(link).collect(),
        }
    }

    fn on(interfaces: Vec<Examined>) -> Examination {
        Examination {
            is_named: false,
            interfaces,
            holders: Vec::new(),
            unicast: Family::ALL.map(|family| (family, Unicast::Ours)).into(),
            watch: Ok(()),
            daemons: Default::default(),
        }
    }

    pub(crate) fn healthy() -> Examination {
        on(vec![examined(
            "eth0",
            [State::Tried(tried()), State::Tried(tried())],
        )])
    }

    pub(crate) fn holder(address: &str, process: Option<(u32, &str)>) -> Holder {
        Holder {
            address: address.parse().expect("an address"),
            uid: 110,
            user: Some("avahi".to_owned()),
            process: process.map(|(pid, name)| (pid, name.to_owned())),
        }
    }

    fn check(found: &Examination, expected: &Expect) {
        let mut text = String::new();
        for Finding {
            level,
            what,
            advice,
        } in diagnose(found)
        {
            writeln!(text, "{level:?}: {what}\n  {advice}").expect("a string");
        }
        expected.assert_eq(&text);
    }

    #[test]
    fn where_all_is_well_nothing_is_said() {
        assert_eq!(diagnose(&healthy()), []);
    }

    #[test]
    fn a_firewall_is_suspected_where_nothing_comes_back() {
        let silent = || Trial {
            came_back: false,
            by_multicast: BTreeSet::new(),
            ..tried()
        };
        let refused = Trial {
            sent: Err(io::ErrorKind::PermissionDenied.into()),
            ..silent()
        };
        let half = Trial {
            came_back: false,
            ..tried()
        };
        let found = on(vec![
            examined("eth0", [State::Tried(silent()), State::Tried(silent())]),
            examined("eth1", [State::Tried(refused), State::Tried(half)]),
        ]);
        check(
            &found,
            &expect![[r#"
            Problem: eth0, IPv4 and IPv6: what is sent to the group does not come back
              most likely a firewall of this host drops it, and all that others send: let UDP port 5353 in, for instance with `firewall-cmd --add-service=mdns` or `ufw allow 5353/udp`
            Problem: eth1, IPv4: a query cannot be sent: permission denied
              a firewall of this host forbids it: let UDP port 5353 out
            Problem: eth1, IPv6: others are heard, but what is sent to the group does not come back
              programs of this host will not find each other there: look for a firewall rule against packets from its own addresses
        "#]],
        );
    }

    #[test]
    fn being_alone_is_worth_a_note() {
        let alone = Trial {
            by_multicast: BTreeSet::new(),
            ..tried()
        };
        let no_address = State::Unused(Unused::NoAddress);
        let found = on(vec![examined("eth0", [State::Tried(alone), no_address])]);
        check(
            &found,
            &expect![[r#"
            Note: eth0: nobody else answered
              that is fine if no other host there has a service. Else look for an access point that isolates its clients, a guest network, a switch that filters multicast (IGMP or MLD snooping), a firewall on the others
        "#]],
        );
    }

    #[test]
    fn an_unusable_interface_is_a_problem_if_it_was_meant_or_should_be_usable() {
        let unused = |name, why| examined(name, [State::Unused(why), State::Unused(why)]);
        let mut found = healthy();
        found.interfaces.push(unused("eth1", Unused::Down));
        assert_eq!(diagnose(&found), []);
        found.is_named = true;
        check(
            &found,
            &expect![[r#"
            Problem: eth1 cannot be used: it is down
              switch eth1 on, for instance with `ip link set eth1 up`
        "#]],
        );
        let mut found = healthy();
        found.interfaces.push(unused("eth1", Unused::NoMulticast));
        check(
            &found,
            &expect![[r#"
            Problem: eth1 cannot be used: it cannot multicast
              let eth1 multicast, for instance with `ip link set eth1 multicast on`
        "#]],
        );
    }

    #[test]
    fn without_any_interface_there_is_something_to_do() {
        let unused = |name, why| examined(name, [State::Unused(why), State::Unused(why)]);
        let mut lo = unused("lo", Unused::Loopback);
        lo.interface.is_loopback = true;
        check(
            &on(vec![lo]),
            &expect![[r#"
            Problem: no interface can be used
              connect to a network
        "#]],
        );
        let found = on(vec![
            unused("eth0", Unused::NoCarrier),
            unused("eth1", Unused::NoAddress),
            unused("wg0", Unused::PointToPoint),
        ]);
        check(
            &found,
            &expect![[r#"
            Problem: no interface can be used
              connect eth0: plug in its cable, or join a wireless network; give eth1 an address, by DHCP or by hand; if wg0 leads to neighbours, name it: --interface wg0
        "#]],
        );
        let mut found = on(vec![unused("eth0", Unused::Unwanted)]);
        found.is_named = true;
        check(
            &found,
            &expect![[r#"
            Problem: no interface can be used
              there is none of that name: see the list
        "#]],
        );
    }

    #[test]
    fn neighbours_on_the_port_are_named() {
        let mut found = healthy();
        found.unicast = Family::ALL.map(|family| (family, Unicast::Shared)).into();
        found.holders = ["0.0.0.0:5353", "[::]:5353", "224.0.0.251:5353"]
            .map(|address| holder(address, Some((812, "avahi-daemon"))))
            .into();
        check(
            &found,
            &expect![[r#"
                Note: IPv4 and IPv6: avahi-daemon (pid 812) had UDP port 5353 first: what is sent to this host alone does not come to mdns
                  nothing to do: mdns asks for answers by multicast then
            "#]],
        );
        found.holders[1].process = Some((813, "mdnsd".to_owned()));
        found.holders.push(holder("127.0.0.1:5353", None));
        check(
            &found,
            &expect![[r#"
                Note: IPv4: a program of user avahi, avahi-daemon (pid 812), mdnsd (pid 813) share UDP port 5353: what is sent to this host alone comes to one of them
                  each may miss answers that were meant for it: better run one of them only
                Note: IPv6: mdnsd (pid 813) had UDP port 5353 first: what is sent to this host alone does not come to mdns
                  nothing to do: mdns asks for answers by multicast then
                Note: some programs on UDP port 5353 are known by their user only
                  root is told their names: `sudo mdns doctor`
            "#]],
        );
        found.holders = vec![holder("224.0.0.251:5353", Some((900, "mdns")))];
        check(
            &found,
            &expect![[r#"
                Note: IPv4: mdns (pid 900) had UDP port 5353 first: what is sent to this host alone does not come to mdns
                  nothing to do: mdns asks for answers by multicast then
                Note: IPv6: somebody had UDP port 5353 first: what is sent to this host alone does not come to mdns
                  nothing to do: mdns asks for answers by multicast then
            "#]],
        );
    }

    #[test]
    fn what_cannot_be_opened_is_a_problem() {
        let mut found = healthy();
        found.interfaces[0].links[0].state =
            State::Closed("eth0, IPv4: cannot open a socket: why; what to do".to_owned());
        found.unicast = vec![(
            Family::V4,
            Unicast::Fails("IPv4: cannot open a socket: why; what to do".to_owned()),
        )];
        found.watch = Err("Permission denied".to_owned());
        check(
            &found,
            &expect![[r#"
            Problem: eth0, IPv4: cannot open a socket: why; what to do
              until then, mdns does without eth0 on IPv4
            Problem: IPv4: cannot open a socket: why; what to do
              what is sent to this host alone will not arrive
            Problem: changes of interfaces cannot be noticed: Permission denied
              a sandbox forbids netlink, or there are no file descriptors left; allow it, or restart programs when the network changes
        "#]],
        );
    }
}
