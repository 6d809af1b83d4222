//! What one link keeps about each claim and each record of ours: the rhythm of probing, and what is owed.

use core::time::Duration;

use super::debt::Debt;
use crate::{store::Timed, time::Instant};

/// How often we ask before a name is ours (RFC 6762 §8.1).
const PROBES: u8 = 3;

/// The time between two probes, from the last one to success, and the longest wait before the first.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_millis(250);

/// How long to wait after another's probe won over ours (§8.2).
pub(super) const DEFERRAL: Duration = Duration::from_secs(1);

/// How often in a row another's probe is given way to. Who wins a tie-break has the name a second later and answers for it; one who only
/// ever probes is no host that wants it.
const DEFERRALS_MAX: u8 = 3;

/// How long a name that was probed for again, and won again, is kept whatever others say, before it is probed for once more (§9). With
/// the second that probing takes at the most, that is once in ten seconds. It doubles with each time that it was contradicted meanwhile.
const DEFENDED: Duration = Duration::from_secs(9);
const DEFENDED_DOUBLINGS: u8 = 3;

/// The wait before a name without a successor is tried once more after it was lost; it doubles with each loss in a row, this many times.
const RETAKE: Duration = Duration::from_secs(1);
const RETAKE_DOUBLINGS: u8 = 6;

/// A record is not multicast again within this time (§6) ...
pub(super) const MULTICAST_INTERVAL: Duration = Duration::from_secs(1);

/// ... but for answering a probe.
pub(super) const DEFENCE_INTERVAL: Duration = Duration::from_millis(250);

/// Where a name stands on one link.
///
/// ```text
/// Off ─▶ Waiting ─0..250 ms─▶ Probing(1) ─250 ms─▶ Probing(2) ─250 ms─▶ Probing(3) ─250 ms─▶ Won
///           ▲                      └──────── another's probe wins: Waiting for 1 s ───────┘       │
///           ├─────────────────── conflict: the next name, or the same once more ─────────────────┘
///           │
///           │              the same name won once more ─▶ Defended ─9 s .. without conflict─▶ Won
///           │                                               │ conflict
///           └──────────── at the end of that time ────── Contested
/// ```
///
/// In `Defended` and `Contested` the name is in use as in `Won`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The link is down, or the claim is not for this link.
    Off,
    /// The first probe is still to come.
    Waiting,
    /// So many probes were sent.
    Probing(u8),
    /// The name is ours.
    Won,
    /// The name is ours, and was probed for again a moment ago.
    Defended,
    /// The name is in use, and will be probed for again: another has contradicted us.
    Contested,
}

impl Phase {
    /// Whether the name is in use.
    pub(super) fn is_won(self) -> bool {
        matches!(self, Phase::Won | Phase::Defended | Phase::Contested)
    }
}

/// What the rhythm calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing yet.
    Wait,
    /// Send a probe.
    Probe,
    /// Nobody objected: the name is ours.
    Win,
    /// Nobody has contradicted us for a while.
    Settle,
    /// Probe for the name once more.
    Recheck,
}

/// What a link keeps about a claim.
#[derive(Debug)]
pub struct ClaimState {
    pub(super) phase: Phase,
    /// When the phase goes on; [`Instant::MAX`] in `Off` and `Won`.
    step: Instant,
    /// Whether it is probed for because another contradicted us.
    is_doubted: bool,
    /// How often another's probe was given way to since the name was last undisputed.
    deferrals: u8,
    /// How often it was probed for again because of a contradiction while it was defended.
    rechecks: u8,
    /// How often in a row a name without a successor was lost.
    losses: u8,
    /// The answer "there is no such record", owed (§6.1).
    pub(super) denial: Debt,
    /// When that was last multicast.
    pub(super) sent: Option<Instant>,
    /// Whether the first probing on this link is still going on.
    pub(super) is_first: bool,
    /// Whether the application wants the name used on other links only.
    pub(super) is_withheld: bool,
    /// The packet beside whose records it was last denied.
    pub(super) packet: u16,
}

impl ClaimState {
    pub(super) const fn new() -> Self {
        ClaimState {
            phase: Phase::Off,
            step: Instant::MAX,
            is_doubted: false,
            deferrals: 0,
            losses: 0,
            rechecks: 0,
            denial: Debt::NONE,
            sent: None,
            is_first: true,
            is_withheld: false,
            packet: 0,
        }
    }

    /// The name is not used on this link.
    pub(super) fn stop(&mut self) {
        (self.phase, self.step) = (Phase::Off, Instant::MAX);
        self.forget_disputes();
    }

    /// It is another name now, or undisputed.
    pub(super) fn forget_disputes(&mut self) {
        self.is_doubted = false;
        (self.deferrals, self.losses, self.rechecks) = (0, 0, 0);
    }

    /// Begins to probe, with the first probe at `first`.
    pub(super) fn probe_from(&mut self, first: Instant) {
        (self.phase, self.step) = (Phase::Waiting, first);
    }

    /// The name is ours, with or without probing.
    pub(super) fn win(&mut self, now: Instant) {
        self.is_first = false;
        self.is_doubted |= core::mem::take(&mut self.losses) > 0;
        if self.is_doubted {
            let doublings = self.rechecks.min(DEFENDED_DOUBLINGS);
            (self.phase, self.step) = (Phase::Defended, now + DEFENDED * (1 << doublings));
        } else {
            self.settle();
        }
    }

    /// Nobody disputes the name.
    pub(super) fn settle(&mut self) {
        (self.phase, self.step) = (Phase::Won, Instant::MAX);
        self.forget_disputes();
    }

    pub(super) fn is_won(&self) -> bool {
        self.phase.is_won()
    }

    /// Another contradicts us (§9). `true` if the name is to be probed for now; else it is when that has its turn.
    pub(super) fn contradict(&mut self, now: Instant, pause: Duration) -> bool {
        match self.phase {
            Phase::Won if pause.is_zero() => {
                self.is_doubted = true;
                return true;
            }
            Phase::Won => (self.phase, self.step) = (Phase::Contested, now + pause),
            Phase::Defended => self.phase = Phase::Contested,
            _ => {}
        }
        self.is_doubted = true;
        false
    }

    /// It is probed for once more after it was contradicted while it was defended.
    pub(super) fn recheck(&mut self) {
        self.rechecks = self.rechecks.saturating_add(1);
    }

    /// Whether to give way to another's probe that has won over ours (§8.2); it counts then.
    pub(super) fn defer(&mut self) -> bool {
        let may_defer = self.deferrals < DEFERRALS_MAX;
        self.deferrals += u8::from(may_defer);
        may_defer
    }

    /// A name that has no successor was lost: how long to wait before it is tried again.
    pub(super) fn lose(&mut self) -> Duration {
        let wait = RETAKE * (1 << self.losses.min(RETAKE_DOUBLINGS));
        self.losses = self.losses.saturating_add(1);
        wait
    }

    pub(super) fn step(&self, now: Instant) -> Step {
        match self.phase {
            _ if now < self.step => Step::Wait,
            Phase::Waiting => Step::Probe,
            Phase::Probing(sent) if sent < PROBES => Step::Probe,
            Phase::Probing(_) => Step::Win,
            Phase::Defended => Step::Settle,
            Phase::Contested => Step::Recheck,
            Phase::Off | Phase::Won => Step::Wait,
        }
    }

    /// A probe is on its way.
    pub(super) fn probed(&mut self, now: Instant) {
        let sent = match self.phase {
            Phase::Probing(sent) => sent,
            _ => 0,
        };
        self.phase = Phase::Probing(sent.saturating_add(1));
        // From now, not from when it was due: a late driver must still leave others 250 ms to object.
        self.step = now + PROBE_INTERVAL;
    }
}

impl Timed for ClaimState {
    fn due(&self) -> Instant {
        self.step.min(self.denial.due)
    }
}

/// What a link keeps about a record.
#[derive(Debug)]
pub struct RecordState {
    /// The answer that is owed.
    pub(super) debt: Debt,
    /// When the next announcement or the goodbye is due.
    pub(super) announce: Instant,
    /// When it was last multicast.
    pub(super) sent: Option<Instant>,
    /// Announcements still to come.
    pub(super) left: u8,
    /// Whether it may be said on this link.
    pub(super) is_live: bool,
    /// Whether a goodbye is all that is still to be said.
    pub(super) is_leaving: bool,
    /// Of a record that is leaving: whether its name was said to have no other types. That takes its leave too.
    pub(super) denied: bool,
    /// Whether the probe of another that is being read proposes it too.
    pub(super) is_proposed: bool,
    /// The packet it was last written into.
    pub(super) packet: u16,
}

impl RecordState {
    pub(super) const fn new() -> Self {
        RecordState {
            debt: Debt::NONE,
            announce: Instant::MAX,
            sent: None,
            left: 0,
            is_live: false,
            is_leaving: false,
            denied: false,
            is_proposed: false,
            packet: 0,
        }
    }

    /// Owes a series of announcements, or begins it anew.
    pub(super) fn announce(&mut self, at: Instant, times: u8) {
        (self.announce, self.left) = (at, times);
    }

    /// Whether it is said to who asks: it is live, and not leaving.
    pub(super) fn is_said(&self) -> bool {
        self.is_live && !self.is_leaving
    }

    /// The first instant from which the rules let it be multicast (§6).
    pub(super) fn may_go(&self) -> Instant {
        let interval = if self.debt.defends {
            DEFENCE_INTERVAL
        } else {
            MULTICAST_INTERVAL
        };
        self.sent.map_or(Instant::ZERO, |sent| sent + interval)
    }

    /// It was multicast just now, in so many announcements of `times` as are not left.
    pub(super) fn announced(&mut self, now: Instant, times: u8) {
        if self.announce > now {
            return;
        }
        self.left = self.left.saturating_sub(1);
        self.announce = if self.left == 0 {
            Instant::MAX
        } else {
            // §8.3: one second, then at least twice as long each time.
            let done = times.saturating_sub(self.left).clamp(1, 8);
            now + Duration::from_secs(1 << (done - 1))
        };
    }
}

impl Timed for RecordState {
    fn due(&self) -> Instant {
        self.debt.due.min(self.announce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    /// covers: 6762-8.1-e, 6762-8.1-f
    #[test]
    fn three_probes_then_success() {
        let mut state = ClaimState::new();
        state.probe_from(at(100));
        assert_eq!(state.step(at(99)), Step::Wait);
        for n in 0..3 {
            let due = at(100 + 250 * n);
            assert_eq!(state.step(due), Step::Probe);
            state.probed(due);
            assert_eq!(state.step(due + Duration::from_millis(249)), Step::Wait);
        }
        assert_eq!(state.step(at(850)), Step::Win);
    }

    #[test]
    fn a_late_probe_leaves_others_their_time() {
        let mut state = ClaimState::new();
        state.probe_from(at(0));
        state.probed(at(400));
        assert_eq!(state.step(at(649)), Step::Wait);
        assert_eq!(state.step(at(650)), Step::Probe);
    }

    /// covers: 6762-8.3-e, 6762-8.3-f
    #[test]
    fn announcements_double_their_distance() {
        let mut state = RecordState::new();
        state.announce(at(0), 8);
        let mut times = std::vec::Vec::new();
        while state.announce != Instant::MAX {
            times.push(state.announce.as_micros() / 1_000_000);
            state.announced(state.announce, 8);
        }
        assert_eq!(times, [0, 1, 3, 7, 15, 31, 63, 127]);
    }
}
