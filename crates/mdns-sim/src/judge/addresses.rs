//! Worlds of hosts that claim their addresses themselves (RFC 3927), some of which have a name and a service on top (RFC 6762, RFC 6763).
//!
//! In the end each host has an address that no other host of its segment has, none has sent more ARP frames than its world allows, and who browses
//! sees each service at the address that its host has now.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv4Addr},
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use mdns_proto::store::Heap;

use super::{Failure, Figures, Rule, caught};
use crate::{
    Conditions, Host, Net,
    arp::{deny, repeat},
};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The most hosts of a world that have a name and a service; the others have an address and nothing else.
const NAMED_MAX: usize = 20;

/// The service type of hosts with a name.
const SERVICE_TYPE: &str = "_ipp._tcp";

/// The longest time from the start to an address, by the RFC's waits: one for the first probe, two between probes, twice, and two for the
/// announcement; and the same again for each of a few candidates that others have.
const CLAIMED: Duration = secs(7);
const SETTLED: Duration = secs(60);

/// Time for names to be probed for and announced, and for answers.
const NAMED: Duration = secs(10);

/// ARP frames of a host that keeps its first candidate: three probes, two announcements.
const FRAMES: u32 = 5;

/// A world, and its sizes.
#[derive(Debug)]
pub struct AddressWorld {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What happens in it.
    pub about: &'static str,
    /// How many hosts there are in a test of every change.
    pub hosts: usize,
    play: fn(&mut Play) -> Result<(), Broken>,
}

/// All worlds.
pub const ADDRESS_WORLDS: [AddressWorld; 8] = [
    AddressWorld {
        name: "power-up",
        about: "all hosts are switched on at one instant, without an address",
        hosts: 1000,
        play: power_up,
    },
    AddressWorld {
        name: "one-address",
        about: "all hosts are switched on at one instant and remember one address",
        hosts: 100,
        play: one_address,
    },
    AddressWorld {
        name: "denied",
        about: "a neighbour denies each address for an hour",
        hosts: 20,
        play: denied,
    },
    AddressWorld {
        name: "contested",
        about: "a neighbour lets each address be claimed, and uses it from then on, for an hour",
        hosts: 20,
        play: contested,
    },
    AddressWorld {
        name: "joined",
        about: "two links with the same addresses are joined",
        hosts: 100,
        play: joined,
    },
    AddressWorld {
        name: "repeated",
        about: "a neighbour repeats each ARP packet, and the segment sends frames back to their senders",
        hosts: 40,
        play: repeated,
    },
    AddressWorld {
        name: "cables",
        about: "cables of half of the hosts are pulled, and put in where others have their addresses",
        hosts: 100,
        play: cables,
    },
    AddressWorld {
        name: "air",
        about: "a fifth of all frames is lost, the others are late, double or repeated",
        hosts: 40,
        play: air,
    },
];

impl AddressWorld {
    /// Returns the world of this name.
    pub fn named(name: &str) -> Option<&'static AddressWorld> {
        ADDRESS_WORLDS.iter().find(|world| world.name == name)
    }

    /// Plays it with this seed and so many hosts, and judges it. Of the figures, [`packets_worst`](Figures::packets_worst) counts ARP frames, and
    /// [`renames`](Figures::renames) addresses that were given up for others.
    ///
    /// # Errors
    /// The first rule that was broken; a panic counts as a broken contract.
    pub fn run(&self, seed: u64, hosts: usize) -> Result<Figures, Box<Failure>> {
        let played = catch_unwind(AssertUnwindSafe(|| {
            let mut play = Play::new(seed, hosts);
            let result = (self.play)(&mut play);
            let at = play.net.now();
            match result {
                Ok(()) => Ok(play.figures()),
                Err((rule, what)) => Err(Box::new(Failure {
                    at,
                    rule,
                    what,
                    page: play.page(),
                })),
            }
        }));
        played.unwrap_or_else(|panic| Err(caught(&*panic)))
    }
}

type Broken = (Rule, String);

/// A world that is being played.
struct Play {
    net: Net,
    size: usize,
    hosts: Vec<Host<Heap>>,
    /// Those with a service, by its full name.
    named: BTreeMap<String, usize>,
    /// Frames of each host that were judged before.
    judged: Vec<u32>,
}

impl Play {
    fn new(seed: u64, size: usize) -> Self {
        Play {
            net: Net::seeded(seed),
            size,
            hosts: Vec::new(),
            named: BTreeMap::new(),
            judged: Vec::new(),
        }
    }

    /// Switches all hosts on. The first browses; it and some others have a name.
    fn start(&mut self, previous: impl Fn(usize) -> Option<Ipv4Addr>) {
        for n in 0..self.size {
            let (label, previous) = (format!("host-{n}"), previous(n));
            let host = if n >= NAMED_MAX {
                self.net.bare_host(&label, previous)
            } else {
                let service = format!("Service {n}");
                self.named
                    .insert(format!("{service}.{SERVICE_TYPE}.local"), n);
                let host = self.net.host_without_address(&label, previous);
                host.advertise(&service, SERVICE_TYPE, 631)
            };
            if n == 0 {
                host.browse(SERVICE_TYPE);
            }
            self.hosts.push(host);
            self.judged.push(0);
        }
    }

    fn run_for(&self, span: Duration) {
        self.net.run_for(span);
    }

    /// Each host is heard by all others, one after another. Were it at one instant, two hosts with one address would hear each other twice, and each give it
    /// up (RFC 3927 §2.5).
    fn talk(&self) {
        for host in &self.hosts {
            host.talk();
            self.run_for(Duration::from_millis(10));
        }
    }

    fn address(&self, n: usize) -> Option<Ipv4Addr> {
        self.hosts[n]
            .addresses()
            .into_iter()
            .find_map(|ip| match ip {
                IpAddr::V4(ip) => Some(ip),
                IpAddr::V6(_) => None,
            })
    }

    fn losses(&self) -> u32 {
        self.hosts.iter().map(Host::address_losses).sum()
    }

    /// Each of these hosts has an address that no other of them has.
    fn judge_addresses(&self, hosts: impl Iterator<Item = usize>) -> Result<(), Broken> {
        let mut owners = HashMap::new();
        for n in hosts {
            let broken = |what| Err((Rule::Addresses, what));
            let Some(address) = self.address(n) else {
                return broken(format!("host-{n} has no address"));
            };
            if !ipv4ll::is_candidate(address) {
                return broken(format!("host-{n} has {address}, which nobody may choose"));
            }
            if let Some(other) = owners.insert(address, n) {
                return broken(format!("host-{other} and host-{n} have {address}"));
            }
        }
        Ok(())
    }

    /// No host has sent more ARP frames than this since it was last judged.
    fn judge_frames(&mut self, most: u32) -> Result<(), Broken> {
        for (n, (host, judged)) in self.hosts.iter().zip(&mut self.judged).enumerate() {
            let sent = host.arp_frames() - std::mem::replace(judged, host.arp_frames());
            if sent > most {
                return Err((Rule::Flood, format!("host-{n} has sent {sent} ARP frames")));
            }
        }
        Ok(())
    }

    /// The first host sees the service of each of these hosts, and each that it sees at the address that its host has.
    fn judge_picture(&self, must_see: impl Fn(usize) -> bool) -> Result<(), Broken> {
        let browser = &self.hosts[0];
        let found = browser.found();
        for name in self.named.keys().filter(|name| found.contains_key(*name)) {
            browser.resolve(name);
        }
        self.run_for(NAMED);
        let resolved = browser.resolved();
        for name in self.named.keys().filter(|name| found.contains_key(*name)) {
            browser.stop(name);
        }
        for (name, &n) in &self.named {
            if !found.contains_key(name) {
                if must_see(n) {
                    return Err((Rule::Picture, format!("host-0 has not found {name}")));
                }
                continue;
            }
            let details = resolved.get(name).map_or("nowhere", String::as_str);
            let address = self.address(n).map(|address| address.to_string());
            let expected = format!("at host-{n}:631, {}", address.unwrap_or_default());
            if details != expected {
                return Err((
                    Rule::Details,
                    format!("host-0 sees {name} {details}, and it is {expected}"),
                ));
            }
        }
        Ok(())
    }

    fn judge_all(&self) -> Result<(), Broken> {
        self.judge_addresses(0..self.size)?;
        self.judge_picture(|_| true)
    }

    fn figures(&self) -> Figures {
        let frames = self.hosts.iter().map(Host::arp_frames);
        Figures {
            packets_worst: frames.max().unwrap_or(0),
            settled: Duration::ZERO,
            renames: self.losses(),
            deliveries: self.net.deliveries(),
        }
    }

    /// The last lines of the transcript.
    fn page(&mut self) -> String {
        let page = self.net.transcript();
        let lines: Vec<_> = page.lines().collect();
        lines[lines.len().saturating_sub(super::PAGE)..].join("\n")
    }
}

/// An address of the hosts' own choice, which several hosts are made to want.
fn wanted(n: usize) -> Ipv4Addr {
    let [high, low] = u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes();
    Ipv4Addr::new(169, 254, 7 + high, low)
}

/// Says that the expected number of addresses was given up.
fn judge_losses(play: &Play, expected: u32) -> Result<(), Broken> {
    let losses = play.losses();
    let what = format!("{losses} addresses were given up, not {expected}");
    if losses == expected {
        Ok(())
    } else {
        Err((Rule::Addresses, what))
    }
}

fn power_up(play: &mut Play) -> Result<(), Broken> {
    play.start(|_| None);
    play.run_for(SETTLED);
    // Candidates that two hosts had were few, and given up before anybody used them.
    judge_losses(play, 0)?;
    play.judge_frames(FRAMES + 3 * 3)?;
    play.judge_all()
}

fn one_address(play: &mut Play) -> Result<(), Broken> {
    play.start(|_| Some(wanted(0)));
    play.run_for(SETTLED);
    play.judge_frames(FRAMES + 3 * 3)?;
    play.judge_all()
}

fn denied(play: &mut Play) -> Result<(), Broken> {
    play.net.segment().react_to_arp(Some(deny));
    play.start(|_| None);
    play.run_for(secs(3600));
    if let Some(n) = (0..play.size).find(|&n| play.address(n).is_some()) {
        return Err((
            Rule::Addresses,
            format!("host-{n} has taken an address that is denied"),
        ));
    }
    // Ten at once, then one a minute (RFC 3927 §2.2.1).
    play.judge_frames(10 + 61)?;
    play.net.segment().react_to_arp(None);
    play.run_for(secs(60) + CLAIMED + NAMED);
    play.judge_frames(FRAMES + 1)?;
    play.judge_all()
}

fn contested(play: &mut Play) -> Result<(), Broken> {
    play.net.segment().react_to_arp(Some(|packet| {
        // It announces what was announced, as its own.
        (!packet.is_probe() && packet.sender == packet.target).then_some(ipv4ll::arp::Packet {
            sender_hardware: crate::NEIGHBOUR,
            ..*packet
        })
    }));
    play.start(|_| None);
    play.run_for(secs(3600));
    // Ten addresses at once, then one a minute: three probes and two announcements each, one of them in defence.
    play.judge_frames(FRAMES * (10 + 61))?;
    play.net.segment().react_to_arp(None);
    play.run_for(secs(60) + CLAIMED + NAMED);
    play.judge_frames(FRAMES * 2)?;
    play.judge_all()
}

fn joined(play: &mut Play) -> Result<(), Broken> {
    play.start(|n| Some(wanted(n / 2)));
    let half: Vec<_> = play.hosts.iter().skip(1).step_by(2).collect();
    play.net.segment().part(&half);
    play.run_for(SETTLED);
    judge_losses(play, 0)?;
    play.judge_addresses((0..play.size).step_by(2))?;
    play.judge_addresses((1..play.size).step_by(2))?;
    play.judge_picture(|n| n % 2 == 0)?;
    play.judge_frames(FRAMES)?;
    play.net.segment().heal();
    play.talk();
    play.run_for(CLAIMED * 2 + NAMED);
    // Of two hosts with one address, one keeps it. The other has announced its services with its new address.
    judge_losses(play, u32::try_from(play.size / 2).unwrap_or(u32::MAX))?;
    play.judge_frames(FRAMES + 4)?;
    play.judge_addresses(0..play.size)?;
    play.judge_picture(|n| n % 2 == 0 || play.hosts[n].address_losses() > 0)
}

fn repeated(play: &mut Play) -> Result<(), Broken> {
    play.net.segment().react_to_arp(Some(repeat));
    play.net.segment().set(Conditions {
        sends_back: true,
        ..Conditions::default()
    });
    play.start(|_| None);
    play.run_for(SETTLED);
    // No host takes its own probes for those of another.
    judge_losses(play, 0)?;
    play.judge_frames(FRAMES + 3 * 3)?;
    play.judge_all()
}

fn cables(play: &mut Play) -> Result<(), Broken> {
    play.start(|n| Some(wanted(n / 2)));
    let half: Vec<_> = play.hosts.iter().skip(1).step_by(2).collect();
    play.net.segment().part(&half);
    play.run_for(SETTLED);
    let before: Vec<_> = (0..play.size).map(|n| play.address(n)).collect();
    for host in &half {
        host.link_down();
    }
    play.run_for(secs(10));
    play.net.segment().heal();
    for host in &half {
        host.link_up();
    }
    play.run_for(SETTLED);
    // Who was there keeps what it has, and denies it to those who come.
    for (n, was) in before.into_iter().enumerate() {
        let is = play.address(n);
        if (was == is) != (n % 2 == 0) {
            return Err((
                Rule::Addresses,
                format!("host-{n} had {was:?}, and has {is:?}"),
            ));
        }
    }
    play.judge_frames(2 * FRAMES + 3 * 3)?;
    play.judge_all()
}

fn air(play: &mut Play) -> Result<(), Broken> {
    play.net.segment().set(Conditions {
        delay: Duration::ZERO..=Duration::from_millis(300),
        loss_percent: 20,
        duplication_percent: 20,
        stale_percent: 5,
        stale_delay: secs(2)..=secs(20),
        sends_back: true,
    });
    // Few enough addresses that some are wanted twice.
    play.start(|n| Some(wanted(n / 4)));
    for _ in 0..20 {
        play.run_for(secs(30));
        play.talk();
    }
    play.judge_frames(300)?;
    play.net.segment().set(Conditions::default());
    play.run_for(SETTLED);
    play.talk();
    play.run_for(SETTLED);
    play.judge_addresses(0..play.size)
}
