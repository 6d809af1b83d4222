//! What one link keeps of each claim and each record: how far probing is, what is pending, what was sent.

use crate::{
    moment::{Moment, Now, Round},
    store::Timed,
};

/// How often we ask before a name is ours (RFC 6762 §8.1).
const PROBES: u8 = 3;

/// The time between two probes, from the last one to success, and the longest wait before the first, in milliseconds.
pub(super) const PROBE_INTERVAL: u32 = 250;

/// How long to wait after another's probe won over ours, in milliseconds (§8.2).
pub(super) const DEFERRAL: u32 = 1000;

/// How often in a row another's probe is given way to. Who wins a tie-break has the name a second later and answers for it; one who only
/// ever probes is no host that wants it.
const DEFERRALS_MAX: u8 = 3;

/// How long a name that was probed for again, and won again, is kept whatever others say, before it is probed for once more, in
/// milliseconds (§9). With the second that probing takes at the most, that is once in ten seconds. It doubles with each time that it was
/// contradicted meanwhile.
const DEFENDED: u32 = 9000;
const DEFENDED_DOUBLINGS: u8 = 3;

/// The wait before a name without a successor is tried once more after it was lost, in milliseconds; it doubles with each loss in a
/// row, this many times.
const RETAKE: u32 = 1000;
const RETAKE_DOUBLINGS: u8 = 6;

/// A record is not multicast again within this time, in milliseconds (§6) ...
pub(super) const MULTICAST_INTERVAL: u32 = 1000;

/// ... but for answering a probe.
pub(super) const DEFENCE_INTERVAL: u32 = 250;

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

/// What the schedule of probes calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing yet.
    Wait,
    /// Send a probe.
    Probe,
    /// Nobody objected: the name is ours.
    Win,
    /// Nobody has contradicted us for a while.
    EndDefence,
    /// Probe for the name once more.
    Recheck,
}

/// What a link keeps of a claim.
#[derive(Debug)]
pub struct ClaimState {
    pub(super) phase: Phase,
    /// When the phase goes on; never in `Off` and `Won`.
    step: Moment,
    /// Whether it is probed for because another contradicted us.
    is_doubted: bool,
    /// How often another's probe was given way to since the name was last undisputed.
    deferrals: u8,
    /// How often it was probed for again because of a contradiction while it was defended.
    rechecks: u8,
    /// How often in a row a name without a successor was lost.
    losses: u8,
    /// Whether the first probing on this link is still going on.
    pub(super) is_first: bool,
    /// Whether the application wants the name used on other links only.
    pub(super) is_withheld: bool,
}

impl ClaimState {
    pub(super) const fn new() -> Self {
        ClaimState {
            phase: Phase::Off,
            step: Moment::NEVER,
            is_doubted: false,
            deferrals: 0,
            rechecks: 0,
            losses: 0,
            is_first: true,
            is_withheld: false,
        }
    }

    /// The name is not used on this link.
    pub(super) fn stop(&mut self) {
        (self.phase, self.step) = (Phase::Off, Moment::NEVER);
        self.forget_disputes();
    }

    /// It is another name now, or undisputed.
    pub(super) fn forget_disputes(&mut self) {
        self.is_doubted = false;
        (self.deferrals, self.rechecks, self.losses) = (0, 0, 0);
    }

    /// Begins to probe, with the first probe at `first`.
    pub(super) fn probe_from(&mut self, first: Moment) {
        (self.phase, self.step) = (Phase::Waiting, first);
    }

    /// The name is ours, with or without probing.
    pub(super) fn win(&mut self, now: Now) {
        self.is_first = false;
        self.is_doubted |= core::mem::take(&mut self.losses) > 0;
        if self.is_doubted {
            let doublings = self.rechecks.min(DEFENDED_DOUBLINGS);
            (self.phase, self.step) = (Phase::Defended, now.after(DEFENDED << doublings));
        } else {
            self.end_defence();
        }
    }

    /// Nobody disputes the name.
    pub(super) fn end_defence(&mut self) {
        (self.phase, self.step) = (Phase::Won, Moment::NEVER);
        self.forget_disputes();
    }

    pub(super) fn is_won(&self) -> bool {
        self.phase.is_won()
    }

    /// Another contradicts us (§9). `pause` is how long the rate of conflicts makes probing wait, in milliseconds. `true` if the name is
    /// to be probed for now; else it is when that has its turn.
    pub(super) fn contradict(&mut self, now: Now, pause: u32) -> bool {
        match self.phase {
            Phase::Won if pause == 0 => {
                self.is_doubted = true;
                return true;
            }
            Phase::Won => (self.phase, self.step) = (Phase::Contested, now.after(pause)),
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

    /// A name that has no successor was lost: how long to wait before it is tried again, in milliseconds.
    pub(super) fn lose(&mut self) -> u32 {
        let wait = RETAKE << self.losses.min(RETAKE_DOUBLINGS);
        self.losses = self.losses.saturating_add(1);
        wait
    }

    pub(super) fn step(&self, now: Now) -> Step {
        match self.phase {
            _ if !self.step.has_come(now) => Step::Wait,
            Phase::Waiting => Step::Probe,
            Phase::Probing(sent) if sent < PROBES => Step::Probe,
            Phase::Probing(_) => Step::Win,
            Phase::Defended => Step::EndDefence,
            Phase::Contested => Step::Recheck,
            Phase::Off | Phase::Won => Step::Wait,
        }
    }

    /// A probe is on its way.
    pub(super) fn probed(&mut self, now: Now) {
        let sent = match self.phase {
            Phase::Probing(sent) => sent,
            _ => 0,
        };
        self.phase = Phase::Probing(sent.saturating_add(1));
        // From now, not from when it was due: a late driver must still leave others 250 ms to object.
        self.step = now.after(PROBE_INTERVAL);
    }

    pub(super) fn age(&mut self, round: Round) {
        self.step.age_deadline(round);
    }
}

impl Timed for ClaimState {
    type At = Moment;
    const NEVER: Moment = Moment::NEVER;

    fn due(&self) -> Moment {
        self.step
    }
}

/// Whether a record is said on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    /// It is not: a name in it is not ours here, or it is for other links.
    Silent,
    /// It is announced and answered for.
    Active,
    /// Its goodbye is all that is still to be sent.
    Leaving,
}

/// For whom an answer is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting(u16);

impl Waiting {
    /// Nobody whose known answers could make it needless: several, or one who could not be remembered.
    pub(super) const MANY: Waiting = Waiting(u16::MAX);

    /// This requester alone. Of those there are never as many as the largest number.
    pub(super) const fn one(requester: u16) -> Self {
        Waiting(requester)
    }

    /// The one requester.
    pub(super) fn requester(self) -> Option<u16> {
        (self != Self::MANY).then_some(self.0)
    }
}

/// What a link keeps of a record.
#[derive(Debug)]
pub struct RecordState {
    /// When the pending answer is due; never if there is none.
    pub(super) due: Moment,
    /// When the next announcement or the goodbye is due.
    pub(super) announce: Moment,
    /// When it was last multicast.
    pub(super) sent: Moment,
    /// For whom the answer is pending.
    pub(super) waiting: Waiting,
    /// The packet it was last written into.
    pub(super) packet: u16,
    /// Announcements still to come.
    pub(super) left: u8,
    pub(super) activity: Activity,
    flags: u8,
}

/// The answer goes to the one requester by unicast.
const UNICAST: u8 = 1;
/// The answer defends a name against a probe: then 250 ms since the last multicast are enough (RFC 6762 §6).
const DEFENDS: u8 = 2;
/// All of its RRset goes now, perhaps in several packets (§10.2).
const JOINED: u8 = 4;
/// The probe that is being compared proposes it: ours, and another's.
const PROPOSED: u8 = 8;
const PROPOSED_BY_RIVAL: u8 = 16;

impl RecordState {
    pub(super) const fn new() -> Self {
        RecordState {
            due: Moment::NEVER,
            announce: Moment::NEVER,
            sent: Moment::NEVER,
            waiting: Waiting::MANY,
            packet: 0,
            left: 0,
            activity: Activity::Silent,
            flags: 0,
        }
    }

    /// Whether it is said to who asks: it is active, and not leaving.
    pub(super) fn is_active(&self) -> bool {
        self.activity == Activity::Active
    }

    /// Whether it can be in a packet at all.
    pub(super) fn is_sendable(&self) -> bool {
        self.activity != Activity::Silent
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.activity == Activity::Leaving
    }

    // --- announcements ---

    /// Schedules a series of announcements, or begins it anew.
    pub(super) fn announce(&mut self, at: Moment, times: u8) {
        (self.announce, self.left) = (at, times);
    }

    /// It was multicast just now, in so many announcements of `times` as are not left.
    pub(super) fn announced(&mut self, now: Now, times: u8) {
        if !self.announce.has_come(now) {
            return;
        }
        self.left = self.left.saturating_sub(1);
        self.announce = if self.left == 0 {
            Moment::NEVER
        } else {
            // §8.3: one second, then at least twice as long each time.
            let done = times.saturating_sub(self.left).clamp(1, 8);
            now.after(1000 << (done - 1))
        };
    }

    // --- the pending answer ---

    pub(super) fn is_pending(&self) -> bool {
        !self.due.is_never()
    }

    pub(super) fn defends(&self) -> bool {
        self.flags & DEFENDS != 0
    }

    pub(super) fn set_defends(&mut self) {
        self.flags |= DEFENDS;
    }

    /// Whether it goes to the one requester by unicast.
    pub(super) fn is_unicast(&self) -> bool {
        self.flags & UNICAST != 0
    }

    pub(super) fn set_unicast(&mut self, is_unicast: bool) {
        self.flags = self.flags & !UNICAST | if is_unicast { UNICAST } else { 0 };
    }

    /// Whether its RRset has begun to go.
    pub(super) fn is_joined(&self) -> bool {
        self.flags & JOINED != 0
    }

    pub(super) fn join(&mut self) {
        self.flags |= JOINED;
    }

    // --- the comparison of two probes ---

    /// Our probe proposes it.
    pub(super) fn set_proposed(&mut self) {
        self.flags |= PROPOSED;
    }

    /// Another's probe has it. Whether ours proposes it too.
    pub(super) fn set_proposed_by_rival(&mut self) -> bool {
        self.flags |= PROPOSED_BY_RIVAL;
        self.flags & PROPOSED != 0
    }

    /// The comparison comes to it for the last time. Whether the other's probe has it too.
    pub(super) fn take_proposed(&mut self) -> bool {
        let is_common = self.flags & PROPOSED_BY_RIVAL != 0;
        self.flags &= !(PROPOSED | PROPOSED_BY_RIVAL);
        is_common
    }

    /// Forgets the pending answer; the requester is for the caller to release.
    pub(super) fn clear(&mut self) {
        (self.due, self.waiting, self.flags) = (Moment::NEVER, Waiting::MANY, 0);
    }

    /// The first moment from which the rules let it be multicast (§6); never if it was not multicast yet.
    pub(super) fn may_go(&self) -> Moment {
        self.sent.plus(if self.defends() {
            DEFENCE_INTERVAL
        } else {
            MULTICAST_INTERVAL
        })
    }

    pub(super) fn age(&mut self, round: Round) {
        self.due.age_deadline(round);
        self.announce.age_deadline(round);
        self.sent.age(round);
    }
}

impl Timed for RecordState {
    type At = Moment;
    const NEVER: Moment = Moment::NEVER;

    fn due(&self) -> Moment {
        self.due.min(self.announce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;

    fn at(millis: u64) -> Now {
        Now::of(Instant::from_millis(millis))
    }

    /// covers: 6762-8.1-e, 6762-8.1-f
    #[test]
    fn three_probes_then_success() {
        let mut state = ClaimState::new();
        state.probe_from(at(100).moment());
        assert_eq!(state.step(at(99)), Step::Wait);
        for n in 0..3 {
            let due = at(100 + 250 * n);
            assert_eq!(state.step(due), Step::Probe);
            state.probed(due);
            assert_eq!(state.step(at(349 + 250 * n)), Step::Wait);
        }
        assert_eq!(state.step(at(850)), Step::Win);
    }

    #[test]
    fn a_late_probe_leaves_others_their_time() {
        let mut state = ClaimState::new();
        state.probe_from(at(1).moment());
        state.probed(at(400));
        assert_eq!(state.step(at(649)), Step::Wait);
        assert_eq!(state.step(at(650)), Step::Probe);
    }

    /// covers: 6762-8.3-e, 6762-8.3-f
    #[test]
    fn announcements_double_their_distance() {
        let mut state = RecordState::new();
        let begin = Instant::from_millis(1000);
        state.announce(Now::of(begin).moment(), 8);
        let mut times = std::vec::Vec::new();
        while !state.announce.is_never() {
            let now = state.announce.instant(begin);
            times.push(now.as_micros() / 1_000_000 - 1);
            state.announced(Now::of(now), 8);
        }
        assert_eq!(times, [0, 1, 3, 7, 15, 31, 63, 127]);
    }
}
