//! The worlds that hosts are judged in: each makes a script of a seed, a number of hosts and a time.

use std::time::Duration;

use super::{Act, Guest, Script};
use crate::{
    Conditions,
    chance::{Chance, Draw},
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A world, and its sizes.
#[derive(Debug)]
pub struct WorldPlan {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What happens in it.
    pub about: &'static str,
    /// The small size: how many hosts ..
    pub hosts: usize,
    /// .. and how long the noise lasts.
    pub noise: Duration,
    /// The full size.
    pub full_hosts: usize,
    /// How long the noise lasts at full size.
    pub full_noise: Duration,
    /// The most packets that a host may send in an hour: so many, and so many more for each host of the world.
    pub packets: (u32, u32),
    write: fn(&mut Scene),
}

/// All worlds.
pub const WORLDS: [WorldPlan; 10] = [
    WorldPlan {
        name: "start",
        about: "all hosts are switched on at one instant, each with a service of its own; up to ten browse",
        hosts: 10,
        noise: MINUTE,
        full_hosts: 1000,
        full_noise: MINUTE,
        packets: (100, 1),
        write: start,
    },
    WorldPlan {
        name: "one-name",
        about: "all hosts are switched on at one instant and want one host name and one service name",
        hosts: 8,
        noise: MINUTE,
        full_hosts: 300,
        full_noise: MINUTE,
        packets: (200, 10),
        write: one_name,
    },
    WorldPlan {
        name: "bad-air",
        about: "30 % loss, duplicates, delays up to 2 s that change the order; hosts come, go, crash and want each other's names",
        hosts: 6,
        noise: Duration::from_secs(10 * 60),
        full_hosts: 50,
        full_noise: HOUR,
        packets: (1500, 20),
        write: bad_air,
    },
    WorldPlan {
        name: "partitions",
        about: "the wire is cut and made whole again and again; hosts in several parts want one name",
        hosts: 8,
        noise: Duration::from_secs(10 * 60),
        full_hosts: 60,
        full_noise: HOUR,
        packets: (500, 10),
        write: partitions,
    },
    WorldPlan {
        name: "twice",
        about: "every other host has two interfaces on the one wire, and some speak IPv6 too",
        hosts: 6,
        noise: Duration::from_secs(10 * 60),
        full_hosts: 50,
        full_noise: HOUR,
        packets: (1500, 20),
        write: twice,
    },
    WorldPlan {
        name: "moves",
        about: "every second a third of the hosts get other addresses",
        hosts: 6,
        noise: Duration::from_secs(2 * 60),
        full_hosts: 30,
        full_noise: Duration::from_secs(20 * 60),
        packets: (6000, 50),
        write: moves,
    },
    WorldPlan {
        name: "sleep",
        about: "machines sleep and wake, for seconds or for hours",
        hosts: 8,
        noise: HOUR,
        full_hosts: 50,
        full_noise: Duration::from_secs(8 * 3600),
        packets: (300, 10),
        write: sleep,
    },
    WorldPlan {
        name: "stale",
        about: "packets of hosts arrive once more, at themselves too, seconds to minutes later",
        hosts: 6,
        noise: Duration::from_secs(20 * 60),
        full_hosts: 30,
        full_noise: HOUR,
        packets: (800, 20),
        write: stale,
    },
    WorldPlan {
        name: "echo",
        about: "a Wi-Fi sends everything back to its sender, late",
        hosts: 8,
        noise: Duration::from_secs(10 * 60),
        full_hosts: 60,
        full_noise: HOUR,
        packets: (400, 10),
        write: echo,
    },
    WorldPlan {
        name: "days",
        about: "three days of browsing; a host appears on the second day",
        hosts: 3,
        noise: Duration::from_secs(3 * 24 * 3600),
        full_hosts: 40,
        full_noise: Duration::from_secs(3 * 24 * 3600),
        packets: (40, 2),
        write: days,
    },
];

impl WorldPlan {
    /// The world of this name.
    pub fn named(name: &str) -> Option<&'static WorldPlan> {
        WORLDS.iter().find(|world| world.name == name)
    }

    /// What happens to so many hosts in so long a time, by this seed.
    pub fn script(&self, seed: u64, hosts: usize, noise: Duration) -> Script {
        let (at_least, each) = self.packets;
        let more = u32::try_from(hosts)
            .unwrap_or(u32::MAX)
            .saturating_mul(each);
        let guests = (0..hosts).map(|n| Guest {
            label: format!("host-{n}"),
            service: Some(format!("Service {n}")),
            browses: n % 10 == 0 && n < 100,
            ..Guest::default()
        });
        let mut scene = Scene {
            script: Script {
                seed,
                guests: guests.collect(),
                conditions: Conditions::default(),
                acts: Vec::new(),
                noise,
                packets_max: at_least.saturating_add(more),
            },
            drawn: 0,
        };
        (self.write)(&mut scene);
        let mut script = scene.script;
        script.acts.sort_by_key(|(at, _)| *at);
        script
    }
}

/// A script that is being written.
struct Scene {
    script: Script,
    /// How often chance was asked.
    drawn: u64,
}

impl Scene {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.drawn += 1;
        let drawn = Chance(self.script.seed).draw(Draw::Script, [self.drawn, 0]);
        usize::try_from(drawn % (end.max(1) as u64)).unwrap_or(0)
    }

    fn within(&mut self, from: Duration, to: Duration) -> Duration {
        self.drawn += 1;
        Chance(self.script.seed).within(Draw::Script, [self.drawn, 1], &(from..=to))
    }

    fn host(&mut self) -> usize {
        self.below(self.script.guests.len())
    }

    fn at(&mut self, at: Duration, act: Act) {
        self.script.acts.push((at, act));
    }

    /// All come at once.
    fn all_arrive(&mut self) {
        for host in 0..self.script.guests.len() {
            self.at(Duration::ZERO, Act::Arrive(host));
        }
    }

    /// All come, one after another, in the first part of the noise.
    fn all_come(&mut self) {
        let end = self.script.noise / 4;
        for host in 0..self.script.guests.len() {
            let at = self.within(Duration::ZERO, end);
            self.at(at, Act::Arrive(host));
        }
    }

    /// Something is done again and again, with pauses of up to twice the mean.
    fn now_and_then(&mut self, mean: Duration, mut act: impl FnMut(&mut Scene, Duration)) {
        let mut at = self.within(Duration::ZERO, mean * 2);
        while at < self.script.noise {
            act(self, at);
            at += self.within(Duration::from_millis(1), mean * 2);
        }
    }

    /// Services come, go and change.
    fn services_change(&mut self, mean: Duration) {
        self.now_and_then(mean, |scene, at| {
            let host = scene.host();
            let act = if scene.below(3) == 0 {
                Act::Toggle(host)
            } else {
                Act::Update(host)
            };
            scene.at(at, act);
        });
    }

    /// One host in so many wants a name that others want too.
    fn share_names(&mut self, one_in: usize) {
        for host in 0..self.script.guests.len() {
            if self.below(one_in) == 0
                && let Some(guest) = self.script.guests.get_mut(host)
            {
                guest.label = "box".to_owned();
                guest.service = Some("Printer".to_owned());
            }
        }
    }

    /// Half of them browse.
    fn many_browse(&mut self) {
        for guest in self.script.guests.iter_mut().step_by(2) {
            guest.browses = true;
        }
    }
}

fn start(scene: &mut Scene) {
    scene.all_arrive();
}

fn one_name(scene: &mut Scene) {
    for guest in &mut scene.script.guests {
        guest.label = "box".to_owned();
        guest.service = Some("Printer".to_owned());
    }
    scene.all_arrive();
}

fn bad_air(scene: &mut Scene) {
    scene.script.conditions = Conditions {
        delay: Duration::ZERO..=SECOND * 2,
        loss_percent: 30,
        duplication_percent: 20,
        ..Conditions::default()
    };
    scene.many_browse();
    scene.share_names(3);
    scene.all_come();
    scene.services_change(SECOND * 20);
    scene.now_and_then(MINUTE * 5, |scene, at| {
        let host = scene.host();
        scene.at(at, Act::Crash(host));
    });
}

fn partitions(scene: &mut Scene) {
    scene.many_browse();
    scene.share_names(2);
    scene.all_come();
    scene.services_change(MINUTE);
    scene.now_and_then(SECOND * 45, |scene, at| {
        let hosts = 0..scene.script.guests.len();
        let part = hosts.filter(|_| scene.below(3) == 0).collect();
        scene.at(at, Act::Part(part));
    });
    scene.now_and_then(MINUTE * 2, |scene, at| scene.at(at, Act::Heal));
}

fn twice(scene: &mut Scene) {
    for (at, guest) in scene.script.guests.iter_mut().enumerate() {
        guest.is_twice = at % 2 == 0;
        guest.is_dual = at % 3 == 0;
        guest.browses = at % 4 < 2;
    }
    scene.share_names(3);
    scene.all_come();
    scene.services_change(SECOND * 20);
}

fn moves(scene: &mut Scene) {
    scene.many_browse();
    scene.all_come();
    let hosts = scene.script.guests.len();
    let mut at = SECOND;
    while at < scene.script.noise {
        for host in 0..hosts {
            if scene.below(3) == 0 {
                scene.at(at, Act::Move(host));
            }
        }
        at += SECOND;
    }
}

fn sleep(scene: &mut Scene) {
    scene.many_browse();
    scene.share_names(3);
    scene.all_come();
    scene.services_change(MINUTE * 5);
    for host in 0..scene.script.guests.len() {
        scene.now_and_then(MINUTE * 20, |scene, at| {
            let (short, long) = (SECOND * 30, HOUR * 3);
            let nap = if scene.below(3) == 0 {
                scene.within(short, long)
            } else {
                scene.within(Duration::from_millis(100), short)
            };
            scene.at(at, Act::Sleep(host));
            scene.at(at + nap, Act::Wake(host));
        });
    }
}

fn stale(scene: &mut Scene) {
    scene.script.conditions = Conditions {
        stale_percent: 5,
        sends_back: true,
        ..Conditions::default()
    };
    scene.many_browse();
    scene.all_come();
    scene.services_change(SECOND * 30);
    scene.now_and_then(MINUTE * 3, |scene, at| {
        let host = scene.host();
        scene.at(at, Act::Move(host));
    });
    scene.now_and_then(SECOND * 5, |scene, at| {
        let (host, back) = (scene.host(), scene.below(30));
        scene.at(at, Act::Replay(host, back));
    });
}

fn echo(scene: &mut Scene) {
    scene.script.conditions = Conditions {
        delay: Duration::from_millis(1)..=Duration::from_millis(300),
        sends_back: true,
        ..Conditions::default()
    };
    scene.many_browse();
    scene.share_names(3);
    scene.all_come();
    scene.services_change(MINUTE);
}

fn days(scene: &mut Scene) {
    scene.many_browse();
    let last = scene.script.guests.len().saturating_sub(1);
    for host in 0..last {
        scene.at(Duration::ZERO, Act::Arrive(host));
    }
    let at = scene.within(DAY, DAY * 2).min(scene.script.noise);
    scene.at(at, Act::Arrive(last));
}
