//! Claiming and defending one address on one interface (RFC 3927 §2, RFC 5227 §2).
//!
//! ```text
//!           0..1 s           1..2 s, twice            2 s                        2 s
//!  start ───────────▶ probe ───────────────▶ probes ────────▶ announcement ────────────▶ announcement, in use
//!    ▲                  │                       │                  │                         │
//!    └── another address, if the address is ────┴──────────────────┴── a conflict that the ──┘
//!        the machine's to choose                                       policy does not defend
//! ```

use core::{fmt, net::Ipv4Addr};

use proto_base::{
    random::{Purpose, Random},
    time::Instant,
};

use crate::{
    arp::{self, FRAME_LEN, Frame, HardwareAddress, Operation},
    candidate::{candidate, is_candidate},
};

// Time inside the machine is in microseconds of 32 bits, which hold 71 minutes: the longest time that makes a difference is a minute.

/// A second, in microseconds.
const SECOND: u32 = 1_000_000;
/// Longest random wait before the first probe, in microseconds.
const PROBE_WAIT: u32 = SECOND;
/// Number of probes.
const PROBE_NUM: u8 = 3;
/// Shortest time between two probes, in microseconds.
const PROBE_MIN: u32 = SECOND;
/// Longest time between two probes, in microseconds.
const PROBE_MAX: u32 = 2 * SECOND;
/// Time from the last probe to the first announcement, in microseconds.
const ANNOUNCE_WAIT: u32 = 2 * SECOND;
/// Number of announcements.
const ANNOUNCE_NUM: u8 = 2;
/// Time between two announcements, in microseconds.
const ANNOUNCE_INTERVAL: u32 = 2 * SECOND;
/// Number of conflicts from which on candidates are limited.
const MAX_CONFLICTS: u8 = 10;
/// Time between two candidates then, in microseconds.
const RATE_LIMIT_INTERVAL: u32 = 60 * SECOND;
/// A second conflict within this time is not defended, in microseconds.
const DEFEND_INTERVAL: u32 = 10 * SECOND;

/// What numbers are drawn for.
#[derive(Clone, Copy)]
pub(crate) enum Draw {
    /// An address (RFC 3927 §2.1).
    Candidate,
    /// The wait before the first probe (§2.2.1).
    FirstProbe,
    /// The time between two probes (§2.2.1).
    NextProbe,
}

impl Purpose for Draw {
    fn number(self) -> u64 {
        match self {
            Draw::Candidate => 0x100,
            Draw::FirstProbe => 0x200,
            Draw::NextProbe => 0x300,
        }
    }
}

/// What to do when another host uses the address that this host uses (RFC 5227 §2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// (a) Cease to use the address at once.
    Yield,
    /// (b) Defend the address with one announcement; cease to use it if there is another conflict within 10 seconds.
    #[default]
    Defend,
    /// (c) Keep the address whatever happens, and defend it with one announcement unless there was another conflict within the last
    /// 10 seconds. For hosts whose address is known to others, such as routers and servers. RFC 3927 §2.5 does not allow this for link-local
    /// addresses: there, two hosts could keep one address for ever.
    Keep,
}

/// What happened to the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// The address is this host's: configure it now.
    Claimed {
        /// The address.
        address: Ipv4Addr,
    },
    /// [`check`](AddressMachine::check) has ended, and no other host uses the address.
    Unused {
        /// The address.
        address: Ipv4Addr,
    },
    /// Another host uses the address, or probes for it at the same time. If it was claimed, [`Event::Lost`] follows.
    Conflict {
        /// The address.
        address: Ipv4Addr,
        /// The other host.
        hardware: HardwareAddress,
    },
    /// Another host uses the address too, and this host has defended it.
    Defended {
        /// The address.
        address: Ipv4Addr,
        /// The other host.
        hardware: HardwareAddress,
    },
    /// The address is this host's no more: remove it now. The cause is a conflict, a link that went down, a routable address,
    /// or a command.
    Lost {
        /// The address.
        address: Ipv4Addr,
    },
}

/// The address is not one that a host can have: it is unspecified, loopback, multicast, reserved or broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressError;

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the address must be one that a host can have, from 1.0.0.0 to 223.255.255.255 and not in 127.0.0.0/8")
    }
}

impl core::error::Error for AddressError {}

/// What kind of packet was written by [`AddressMachine::poll_transmit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transmit {
    /// A request with no sender IP address: does another host use the address?
    Probe,
    /// A request for the address itself: this host uses it. Also how an address is defended.
    Announcement,
    /// A reply to a request of another host. By broadcast if the address is link-local (RFC 3927 §2.5).
    Reply,
}

/// What the application has requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Nothing.
    Off,
    /// A link-local address of the machine's choice.
    LinkLocal,
    /// A given address, to be used.
    Claim,
    /// Whether a given address is unused.
    Check,
}

/// How far the address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is done: not started, the link is down, or there is a routable address.
    Idle,
    /// Probing, and waiting for conflicts after the last probe.
    Probing,
    /// In use; announcements are still to be sent.
    Announcing,
    /// In use.
    Announced,
    /// A check has ended without a conflict, and the application does not know it.
    Checked,
}

/// Claims and defends one IPv4 address on one interface.
///
/// One of three commands starts it: [`start`](Self::start) chooses a link-local address, [`claim`](Self::claim) claims a given address,
/// [`check`](Self::check) only looks whether a given address is unused. A later command replaces an earlier one.
/// How to drive it is in the [documentation of the crate](crate).
#[derive(Debug)]
pub struct AddressMachine {
    random: Random,
    /// The latest time that was given, in microseconds.
    now_micros: u64,
    /// Time from now to the next packet or phase, while there is one: in [`Phase::Probing`] and [`Phase::Announcing`].
    wait_micros: u32,
    /// Time from the last conflict, or the end of the last successful claim, whichever was later, to now; 71 minutes for any longer.
    quiet_micros: u32,
    /// The address in use or probed for; when idle, the one that is tried first.
    address: Ipv4Addr,
    /// The address that the application was told is claimed; zero if there is none.
    reported: Ipv4Addr,
    /// The last conflict, if the application does not know it.
    conflict: Option<Event>,
    /// Hardware and IP address of the last one who asked, and is to get a reply while `has_requester` is set.
    requester: [u8; 10],
    /// Candidates chosen so far.
    candidates: u16,
    hardware: HardwareAddress,
    policy: Policy,
    mode: Mode,
    phase: Phase,
    /// Probes or announcements sent in this phase.
    sent: u8,
    /// Conflicts since the last address that was used for a minute without one.
    conflicts: u8,
    /// Whether `quiet_micros` is from a conflict in use of the present address.
    is_contested: bool,
    is_link_up: bool,
    is_routable: bool,
    replies: bool,
    has_requester: bool,
    /// Whether an announcement in defence is to be sent.
    defends: bool,
}

impl AddressMachine {
    /// Returns a machine for the interface with this hardware address, with [`Policy::Defend`], whose link is up.
    ///
    /// The hardware address determines which link-local addresses are tried; `seed` all random delays. It should differ from start to
    /// start.
    pub const fn new(hardware: HardwareAddress, seed: u64) -> Self {
        AddressMachine {
            random: Random::new(seed),
            now_micros: 0,
            wait_micros: 0,
            quiet_micros: 0,
            address: Ipv4Addr::UNSPECIFIED,
            reported: Ipv4Addr::UNSPECIFIED,
            conflict: None,
            requester: [0; 10],
            candidates: 0,
            hardware,
            policy: Policy::Defend,
            mode: Mode::Off,
            phase: Phase::Idle,
            sent: 0,
            conflicts: 0,
            is_contested: false,
            is_link_up: true,
            is_routable: false,
            replies: true,
            has_requester: false,
            defends: false,
        }
    }

    /// Sets what happens at the next conflict.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Sets whether the machine replies to ARP requests for its address, as it does at first.
    ///
    /// Switch this off where the operating system replies, as Linux does for each address that is configured. It counts for the requests that
    /// are handled from now on.
    pub fn set_replies(&mut self, replies: bool) {
        self.replies = replies;
    }

    /// Starts to claim a link-local address (RFC 3927): `previous` first, if there is one and it may be chosen, then others.
    ///
    /// `previous` is the address that this interface had before, which the application may remember over restarts (§2.1).
    pub fn start(&mut self, now: Instant, previous: Option<Ipv4Addr>) {
        self.command(now, Mode::LinkLocal);
        self.candidates = 0;
        match previous.filter(|&address| is_candidate(address)) {
            Some(previous) => self.address = previous,
            None => self.choose(Ipv4Addr::UNSPECIFIED),
        }
        self.resume();
    }

    /// Starts to claim a given address (RFC 5227), which came from DHCP, from a person, or from elsewhere.
    ///
    /// If another host uses it, the machine stops with [`Event::Conflict`]. Else the address is announced, used and defended until the
    /// policy gives it up: then [`Event::Lost`] comes, and the machine has stopped.
    ///
    /// # Errors
    /// If no host can have this address; nothing has changed then.
    pub fn claim(&mut self, now: Instant, address: Ipv4Addr) -> Result<(), AddressError> {
        self.begin(now, Mode::Claim, address)
    }

    /// Starts to look whether another host uses this address (RFC 5227 §2.1). It ends with [`Event::Unused`] or [`Event::Conflict`],
    /// and nothing is announced.
    ///
    /// # Errors
    /// If no host can have this address; nothing has changed then.
    pub fn check(&mut self, now: Instant, address: Ipv4Addr) -> Result<(), AddressError> {
        self.begin(now, Mode::Check, address)
    }

    /// Stops: the address is lost, and no packet is sent.
    pub fn stop(&mut self, now: Instant) {
        self.command(now, Mode::Off);
    }

    /// Takes note that the link is up again: the address that was held before is probed for first (RFC 3927 §2.2).
    pub fn link_up(&mut self, now: Instant) {
        self.handle_time(now);
        if !self.is_link_up {
            self.is_link_up = true;
            self.resume();
        }
    }

    /// Takes note that the link is down, or that the machine was asleep: an address that was claimed is lost.
    pub fn link_down(&mut self, now: Instant) {
        self.handle_time(now);
        self.is_link_up = false;
        self.suspend();
    }

    /// Sets whether the interface has an operable routable address from elsewhere. While it has, no link-local address is claimed, and one
    /// that was claimed is lost (RFC 3927 §1.9).
    ///
    /// This has no effect on [`claim`](Self::claim) and [`check`](Self::check).
    pub fn set_routable(&mut self, now: Instant, is_routable: bool) {
        self.handle_time(now);
        if self.is_routable == is_routable {
            return;
        }
        self.is_routable = is_routable;
        if self.mode == Mode::LinkLocal {
            if is_routable {
                self.suspend();
            } else {
                self.resume();
            }
        }
    }

    /// Returns the address that is in use, claimed by now.
    pub fn address(&self) -> Option<Ipv4Addr> {
        matches!(self.phase, Phase::Announcing | Phase::Announced).then_some(self.address)
    }

    /// Returns the hardware address of the interface.
    pub fn hardware(&self) -> HardwareAddress {
        self.hardware
    }

    /// Returns the number of conflicts since the last address that was used for a minute without one; 255 for any more.
    ///
    /// From 10 conflicts on, there is at most one new address a minute (RFC 5227 §2.1.1).
    pub fn conflicts(&self) -> u8 {
        self.conflicts
    }

    /// Handles an Ethernet frame that the interface has received. All but ARP packets are ignored.
    pub fn handle_frame(&mut self, now: Instant, frame: &[u8]) {
        self.handle_frame_of_host(now, frame, &[]);
    }

    /// Handles a frame on a host with several interfaces, whose hardware addresses are `own`.
    ///
    /// A probe that one of them sends for a given address is no conflict (RFC 5227 §2.1.1). For a link-local address it is one, since
    /// two interfaces on one link need two addresses (RFC 3927 §2.2.1, §3.4).
    pub fn handle_frame_of_host(&mut self, now: Instant, frame: &[u8], own: &[HardwareAddress]) {
        self.handle_time(now);
        let Some(packet) = Frame::parse(frame) else {
            return;
        };
        let hardware = packet.sender_hardware();
        // RFC 3927 §2.2.1: a packet of our own that comes back is no conflict.
        if hardware == self.hardware {
            return;
        }
        // Without regard to what is due at `now`: a frame that was received late must still be able to prevent a claim.
        let is_probing = self.phase == Phase::Probing;
        let is_in_use = self.address().is_some();
        let is_asked = packet.operation() == Operation::Request && packet.target() == self.address;
        let is_simultaneous = is_probing
            && is_asked
            && packet.sender().is_unspecified()
            && (self.mode == Mode::LinkLocal || !own.contains(&hardware));
        if (is_probing || is_in_use) && packet.sender() == self.address || is_simultaneous {
            self.handle_conflict(hardware);
        } else if is_in_use && is_asked && self.replies {
            self.requester = *packet.requester();
            self.has_requester = true;
        }
    }

    /// Handles the passing of time.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn handle_timeout(&mut self, now: Instant) {
        self.handle_time(now);
        if self.phase == Phase::Probing && self.sent == PROBE_NUM && self.wait_micros == 0 {
            self.quiet_micros = 0;
            self.is_contested = false;
            self.sent = 0;
            if self.mode == Mode::Check {
                self.mode = Mode::Off;
                self.phase = Phase::Checked;
            } else {
                self.phase = Phase::Announcing;
            }
        }
    }

    /// Returns what [`poll_transmit`](Self::poll_transmit) would write at `now`; `None` if nothing is due. For drivers that must know it before they have a
    /// buffer.
    pub fn peek_transmit(&mut self, now: Instant) -> Option<Transmit> {
        self.handle_timeout(now);
        let is_due = self.wait_micros == 0;
        match self.phase {
            _ if self.defends => Some(Transmit::Announcement),
            Phase::Probing if is_due => Some(Transmit::Probe),
            Phase::Announcing if is_due => Some(Transmit::Announcement),
            _ if self.has_requester => Some(Transmit::Reply),
            _ => None,
        }
    }

    /// Writes the next frame that is due into `frame`, and returns what it is; `None` if there is none.
    pub fn poll_transmit(&mut self, now: Instant, frame: &mut [u8; FRAME_LEN]) -> Option<Transmit> {
        let kind = self.peek_transmit(now)?;
        *frame = arp::BROADCAST_REQUEST;
        arp::set::<{ arp::SOURCE }, 6>(frame, &self.hardware.0);
        arp::set::<{ arp::SENDER_HARDWARE }, 6>(frame, &self.hardware.0);
        arp::set::<{ arp::TARGET }, 4>(frame, &self.address.octets());
        if kind != Transmit::Probe {
            arp::set::<{ arp::SENDER }, 4>(frame, &self.address.octets());
        }
        match kind {
            Transmit::Announcement if self.defends => self.defends = false,
            Transmit::Probe => {
                self.sent += 1;
                // From `now`, not from when it was due: others must get the time to object.
                self.wait_micros = if self.sent == PROBE_NUM {
                    ANNOUNCE_WAIT
                } else {
                    PROBE_MIN + self.draw(Draw::NextProbe, PROBE_MAX - PROBE_MIN)
                };
            }
            Transmit::Announcement => {
                self.sent += 1;
                self.wait_micros = ANNOUNCE_INTERVAL;
                if self.sent == ANNOUNCE_NUM {
                    self.phase = Phase::Announced;
                }
            }
            Transmit::Reply => {
                self.has_requester = false;
                arp::set::<{ arp::OPERATION }, 2>(frame, &[0, Operation::Reply as u8]);
                arp::set::<{ arp::TARGET_HARDWARE }, 10>(frame, &self.requester);
                // RFC 3927 §2.5: so that a conflict is noticed by all, also after two links were joined.
                if !self.address.is_link_local()
                    && let Some(&hardware) = self.requester.first_chunk()
                    && HardwareAddress(hardware).is_unicast()
                {
                    arp::set::<{ arp::DESTINATION }, 6>(frame, &hardware);
                }
            }
        }
        Some(kind)
    }

    /// Returns what the application does not know yet; `None` if it knows everything.
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.conflict.is_some() {
            return self.conflict.take();
        }
        let current = self.address().unwrap_or(Ipv4Addr::UNSPECIFIED);
        let reported = self.reported;
        if reported != current {
            if !reported.is_unspecified() {
                self.reported = Ipv4Addr::UNSPECIFIED;
                return Some(Event::Lost { address: reported });
            }
            self.reported = current;
            return Some(Event::Claimed { address: current });
        }
        if self.phase == Phase::Checked {
            self.phase = Phase::Idle;
            return Some(Event::Unused {
                address: self.address,
            });
        }
        None
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout) next; an instant that has passed while there is something to poll;
    /// `None` if nothing will happen without a frame or a command.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let is_pending = self.defends
            || self.has_requester
            || self.conflict.is_some()
            || self.reported != self.address().unwrap_or(Ipv4Addr::UNSPECIFIED)
            || self.phase == Phase::Checked;
        let wait_micros = match self.phase {
            _ if is_pending => 0,
            Phase::Probing | Phase::Announcing => self.wait_micros,
            _ => return None,
        };
        let next = self.now_micros.saturating_add(wait_micros.into());
        Some(Instant::from_micros(next))
    }

    /// Moves all times to `now`, unless it is in the past.
    #[cfg_attr(target_os = "none", inline(never))]
    fn handle_time(&mut self, now: Instant) {
        let passed = now.as_micros().saturating_sub(self.now_micros);
        self.now_micros += passed;
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        self.wait_micros = self.wait_micros.saturating_sub(passed);
        self.quiet_micros = self.quiet_micros.saturating_add(passed);
    }

    /// Draws a time from zero to `longest`, in microseconds.
    fn draw(&mut self, purpose: Draw, longest: u32) -> u32 {
        // Two hosts with one seed have different delays all the same.
        let [.., c, d, e, f] = self.hardware.0;
        let subject = u32::from_be_bytes([c, d, e, f]);
        self.random.up_to(purpose, subject, longest)
    }

    /// Begins with a given address.
    fn begin(&mut self, now: Instant, mode: Mode, address: Ipv4Addr) -> Result<(), AddressError> {
        if let [0 | 127 | 224.., ..] = address.octets() {
            return Err(AddressError);
        }
        self.command(now, mode);
        self.address = address;
        self.resume();
        Ok(())
    }

    /// Ends what was requested before, and notes what is requested now.
    fn command(&mut self, now: Instant, mode: Mode) {
        self.handle_time(now);
        self.suspend();
        self.mode = mode;
        // What happened to another address is of no interest any more.
        self.conflict = None;
    }

    /// Ceases to probe for the address or to use it.
    fn suspend(&mut self) {
        // RFC 3927 §2.2.1: the count starts again only after a claim that succeeded, and here only if no conflict followed for a minute.
        if self.address().is_some() {
            self.forget_conflicts();
        }
        self.phase = Phase::Idle;
        self.defends = false;
        self.has_requester = false;
    }

    /// Begins to probe for the address, unless there is nothing to do.
    fn resume(&mut self) {
        let is_superseded = self.mode == Mode::LinkLocal && self.is_routable;
        if self.mode == Mode::Off || !self.is_link_up || is_superseded {
            return;
        }
        self.phase = Phase::Probing;
        self.sent = 0;
        self.is_contested = false;
        self.wait_micros = self.draw(Draw::FirstProbe, PROBE_WAIT);
        // RFC 5227 §2.1.1: measured from the last conflict, which came after the first probe of the address before.
        if self.conflicts >= MAX_CONFLICTS {
            self.wait_micros += RATE_LIMIT_INTERVAL.saturating_sub(self.quiet_micros);
        }
    }

    fn forget_conflicts(&mut self) {
        if self.quiet_micros >= RATE_LIMIT_INTERVAL {
            self.conflicts = 0;
        }
    }

    /// Another host uses the address, or probes for it while this host does (RFC 3927 §2.2.1, §2.5, RFC 5227 §2.4).
    #[cfg_attr(target_os = "none", inline(never))]
    fn handle_conflict(&mut self, hardware: HardwareAddress) {
        let is_in_use = self.address().is_some();
        let is_second = self.is_contested && self.quiet_micros < DEFEND_INTERVAL;
        if is_in_use {
            self.forget_conflicts();
        }
        // While candidates are limited, one that was never probed for does not delay the next one: else packets that are sent often enough
        // would keep this host from ever probing.
        if self.conflicts < MAX_CONFLICTS || self.sent > 0 || is_in_use {
            self.quiet_micros = 0;
        }
        self.conflicts = self.conflicts.saturating_add(1);
        self.is_contested = is_in_use;
        let address = self.address;
        if is_in_use && !is_second && self.policy != Policy::Yield {
            self.defends = true;
            self.conflict = Some(Event::Defended { address, hardware });
            return;
        }
        // §2.4 (c): the time of each conflict counts, so that conflicts without a pause are defended once.
        if is_in_use && self.policy == Policy::Keep {
            return;
        }
        self.conflict = Some(Event::Conflict { address, hardware });
        self.phase = Phase::Idle;
        self.suspend();
        if self.mode == Mode::LinkLocal {
            self.choose(address);
            self.resume();
        } else {
            self.mode = Mode::Off;
        }
    }

    /// Chooses the next candidate; another one than `rejected` (RFC 3927 §2.1).
    fn choose(&mut self, rejected: Ipv4Addr) {
        self.address = rejected;
        while self.address == rejected {
            self.address = candidate(self.hardware, self.candidates);
            self.candidates = self.candidates.wrapping_add(1);
        }
    }
}
