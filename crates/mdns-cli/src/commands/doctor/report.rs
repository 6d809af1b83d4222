//! The report: as a page for people, as one object for programs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
    net::IpAddr,
};

use mdns_socket::{Address, Family, Holder, Trial};
use serde::Serialize;

use super::{
    Examination, Examined, Link, State, Unicast,
    daemons::Daemons,
    diagnosis::{Finding, Level, diagnose},
};
use crate::output::{Print, Stamp};

/// How many neighbours of a link are named on the page.
const NAMED_MAX: usize = 4;

/// All that is told.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    event: &'static str,
    well: bool,
    findings: Vec<Finding>,
    #[serde(flatten)]
    facts: Facts<'a>,
    #[serde(skip)]
    found: &'a Examination,
}

impl<'a> Report<'a> {
    pub(super) fn of(found: &'a Examination) -> Self {
        let findings = diagnose(found);
        Report {
            event: "doctor",
            well: findings.iter().all(|finding| finding.level == Level::Note),
            findings,
            facts: Facts::of(found),
            found,
        }
    }

    pub(super) fn is_well(&self) -> bool {
        self.well
    }
}

impl Print for Report<'_> {
    fn columns(&self, _: Stamp) -> String {
        let mut page = String::new();
        // Writing to a string cannot fail.
        self.page(&mut page).ok();
        page.truncate(page.trim_end().len());
        // Names of interfaces, users and programs are any bytes.
        page.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}")
    }
}

impl Report<'_> {
    fn page(&self, page: &mut String) -> fmt::Result {
        writeln!(page, "Interfaces")?;
        let names = self.found.interfaces.iter();
        let widths = names.map(|examined| examined.interface.name.chars().count());
        let width = widths.max().unwrap_or(0);
        for examined in &self.found.interfaces {
            interface(page, examined, width)?;
        }
        writeln!(page, "\nOthers on UDP port 5353")?;
        holders(page, self.found)?;
        writeln!(page, "\nDaemons of this host")?;
        for line in self.found.daemons.lines() {
            writeln!(page, "  {line}")?;
        }
        writeln!(page, "\nWhat is sent to this host alone")?;
        for (family, state) in &self.found.unicast {
            let words = match state {
                Unicast::Ours => "comes to mdns",
                Unicast::Shared => "goes to others, who had the port before",
                Unicast::Off => "there is no such family on this system",
                Unicast::Fails(_) => "cannot arrive",
            };
            writeln!(page, "  {family}  {words}")?;
        }
        for level in [Level::Problem, Level::Note] {
            let findings = self.findings.iter();
            let mut findings = findings.filter(|found| found.level == level).peekable();
            if findings.peek().is_some() {
                writeln!(page, "\n{level:?}s")?;
            }
            for Finding { what, advice, .. } in findings {
                writeln!(page, "- {what}\n  {advice}")?;
            }
        }
        let verdict = match self.well {
            true => "All is well.",
            false => "Something is wrong: see the problems above.",
        };
        writeln!(page, "\n{verdict}")
    }
}

fn interface(page: &mut String, examined: &Examined, width: usize) -> fmt::Result {
    let name = &examined.interface.name;
    let reasons: BTreeSet<String> = examined.links.iter().map(words).collect();
    if let (
        1,
        Some(Link {
            state: State::Unused(_),
            ..
        }),
    ) = (reasons.len(), examined.links.first())
    {
        let why = reasons.into_iter().next().unwrap_or_default();
        return writeln!(page, "  {name:<width$}  {why}");
    }
    for (at, link) in examined.links.iter().enumerate() {
        let name = if at == 0 { name } else { "" };
        writeln!(page, "  {name:<width$}  {}  {}", link.family, words(link))?;
    }
    Ok(())
}

/// What there is to say of a link.
fn words(link: &Link) -> String {
    let trial = match &link.state {
        State::Unused(why) => return format!("not used: {why}"),
        State::Closed(_) => return "cannot be opened".to_owned(),
        State::Tried(trial) => trial,
    };
    let mut words = vec!["joined".to_owned()];
    match link.others {
        None | Some(0) => {}
        Some(1) => words.push("by 1 other socket too".to_owned()),
        Some(others) => words.push(format!("by {others} other sockets too")),
    }
    words.push(match (&trial.sent, trial.came_back) {
        (Err(_), _) => "cannot send".to_owned(),
        (Ok(()), true) => "multicast comes back".to_owned(),
        (Ok(()), false) => "multicast does not come back".to_owned(),
    });
    let heard = neighbours(trial);
    let named: Vec<String> = heard
        .iter()
        .take(NAMED_MAX)
        .map(ToString::to_string)
        .collect();
    match (named.len(), heard.len() - named.len()) {
        (0, _) => words.push("nobody else is heard".to_owned()),
        (_, 0) => words.push(format!("heard {}", named.join(" "))),
        (_, more) => {
            let least = if trial.is_cut() { "at least " } else { "" };
            words.push(format!("heard {} and {least}{more} more", named.join(" ")));
        }
    }
    words.join(", ")
}

fn neighbours(trial: &Trial) -> BTreeSet<&IpAddr> {
    trial.by_multicast.union(&trial.by_unicast).collect()
}

/// A line for each program, with all it is bound to.
fn holders(page: &mut String, found: &Examination) -> fmt::Result {
    let mut programs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for holder in &found.holders {
        let addresses = programs.entry(holder.program()).or_default();
        addresses.insert(holder.address.ip().to_string());
    }
    if programs.is_empty() {
        let is_shared = found
            .unicast
            .iter()
            .any(|(_, state)| *state == Unicast::Shared);
        writeln!(
            page,
            "  {}",
            if is_shared { "hidden from us" } else { "none" }
        )?;
    }
    for (program, addresses) in programs {
        let addresses: Vec<String> = addresses.into_iter().collect();
        writeln!(page, "  {program} on {}", addresses.join(", "))?;
    }
    Ok(())
}

/// What was found, without what it means.
#[derive(Serialize)]
struct Facts<'a> {
    interfaces: Vec<InterfaceFacts<'a>>,
    holders: Vec<HolderFacts<'a>>,
    unicast: Vec<UnicastFacts>,
    daemons: &'a Daemons,
}

#[derive(Serialize)]
struct InterfaceFacts<'a> {
    interface: &'a str,
    index: u32,
    links: Vec<LinkFacts>,
}

#[derive(Serialize)]
struct LinkFacts {
    family: String,
    addresses: Vec<String>,
    joined: bool,
    /// Why it has not been joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Sockets of others that have joined; left out where that cannot be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    others: Option<u32>,
    #[serde(flatten)]
    trial: Option<TrialFacts>,
}

#[derive(Serialize)]
struct TrialFacts {
    sent: bool,
    came_back: bool,
    by_multicast: BTreeSet<IpAddr>,
    by_unicast: BTreeSet<IpAddr>,
}

#[derive(Serialize)]
struct HolderFacts<'a> {
    address: IpAddr,
    uid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<&'a str>,
}

#[derive(Serialize)]
struct UnicastFacts {
    family: String,
    /// Whether what is sent to this host alone comes to us.
    ours: bool,
}

impl<'a> Facts<'a> {
    fn of(found: &'a Examination) -> Self {
        Facts {
            interfaces: found.interfaces.iter().map(interface_facts).collect(),
            holders: found.holders.iter().map(holder_facts).collect(),
            unicast: found.unicast.iter().map(unicast_facts).collect(),
            daemons: &found.daemons,
        }
    }
}

fn interface_facts(examined: &Examined) -> InterfaceFacts<'_> {
    let interface = &examined.interface;
    InterfaceFacts {
        interface: &interface.name,
        index: interface.index,
        links: examined
            .links
            .iter()
            .map(|link| link_facts(link, &interface.addresses))
            .collect(),
    }
}

fn link_facts(link: &Link, addresses: &[Address]) -> LinkFacts {
    let its = addresses
        .iter()
        .filter(|address| Family::of(&address.ip) == link.family);
    let (why, trial) = match &link.state {
        State::Unused(why) => (Some(why.to_string()), None),
        State::Closed(why) => (Some(why.clone()), None),
        State::Tried(trial) => (
            None,
            Some(TrialFacts {
                sent: trial.sent.is_ok(),
                came_back: trial.came_back,
                by_multicast: trial.by_multicast.clone(),
                by_unicast: trial.by_unicast.clone(),
            }),
        ),
    };
    LinkFacts {
        family: link.family.to_string(),
        addresses: its
            .map(|address| format!("{}/{}", address.ip, address.prefix_len))
            .collect(),
        joined: trial.is_some(),
        why,
        others: link.others,
        trial,
    }
}

fn holder_facts(holder: &Holder) -> HolderFacts<'_> {
    let process = holder.process.as_ref();
    HolderFacts {
        address: holder.address.ip(),
        uid: holder.uid,
        user: holder.user.as_deref(),
        pid: process.map(|(pid, _)| *pid),
        program: process.map(|(_, name)| name.as_str()),
    }
}

fn unicast_facts((family, state): &(Family, Unicast)) -> UnicastFacts {
    UnicastFacts {
        family: family.to_string(),
        ours: *state == Unicast::Ours,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;
    use mdns_socket::Unused;

    use super::super::diagnosis::tests::{examined, healthy, holder};
    use super::*;

    #[test]
    fn the_page_has_all_that_was_found() {
        let unused = |why| [State::Unused(why), State::Unused(why)];
        let mut found = healthy();
        let attic = examined("attic\u{1b}[2J", unused(Unused::NoMulticast));
        found
            .interfaces
            .insert(0, examined("lo", unused(Unused::Loopback)));
        found.interfaces.push(attic);
        let eth0 = &mut found.interfaces[1];
        eth0.links[0].others = Some(2);
        if let State::Tried(trial) = &mut eth0.links[1].state {
            trial.by_unicast = (2..=9).map(|n| IpAddr::from([10, 0, 0, n])).collect();
        }
        found.unicast[0].1 = Unicast::Shared;
        found.holders = ["0.0.0.0:5353", "224.0.0.251:5353"]
            .map(|address| holder(address, Some((812, "avahi\u{9b}daemon"))))
            .into();
        let stamp = Stamp::recorded(Duration::ZERO, Duration::ZERO);
        let report = Report::of(&found);
        assert!(!report.is_well());
        expect![[r#"
            Interfaces
              lo         not used: it is loopback; select it by name to use it
              eth0       IPv4  joined, by 2 other sockets too, multicast comes back, heard 10.0.0.7
                         IPv6  joined, multicast comes back, heard 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 and 4 more
              attic�[2J  not used: it cannot multicast

            Others on UDP port 5353
              avahi�daemon (pid 812) on 0.0.0.0, 224.0.0.251

            Daemons of this host
              neither avahi-daemon nor systemd-resolved runs

            What is sent to this host alone
              IPv4  goes to others, who had the port before
              IPv6  comes to mdns

            Problems
            - attic�[2J cannot be used: it cannot multicast
              let attic�[2J multicast, for instance with `ip link set attic�[2J multicast on`

            Notes
            - IPv4: avahi�daemon (pid 812) had UDP port 5353 first: what is sent to this host alone does not come to mdns
              nothing to do: mdns asks for answers by multicast then

            Something is wrong: see the problems above."#]].assert_eq(&report.columns(stamp));
    }
}
