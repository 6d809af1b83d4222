//! What numbers are drawn for; how they are drawn is in `proto-base`.

use core::{ops::RangeInclusive, time::Duration};

use proto_base::random::Purpose;

pub(crate) use proto_base::random::Random as Chance;

/// What a number is drawn for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Draw {
    /// The wait before the first probe of a link (RFC 6762 §8.1).
    FirstProbe,
    /// The delay of an answer that others may give too (§6).
    Answer,
    /// The delay of an answer to a question whose known answers go on in another packet (§7.2).
    TruncatedAnswer,
    /// The step by which the number in a name rises (§9).
    Rename,
    /// The wait before the first question of a series (§5.2).
    FirstQuestion,
    /// By how much the intervals of a series are longer (§5.2).
    LateSeries,
    /// The extra time before a record is asked for again (§5.2).
    Refresh,
    /// The id of a one-shot question (§5.1).
    OneShotId,
}

impl Purpose for Draw {
    fn number(self) -> u64 {
        match self {
            Draw::FirstProbe => 0x100,
            Draw::Answer => 0x200,
            Draw::TruncatedAnswer => 0x300,
            Draw::Rename => 0x400,
            Draw::FirstQuestion => 0x500,
            Draw::Refresh => 0x600,
            Draw::LateSeries => 0x700,
            Draw::OneShotId => 0x800,
        }
    }
}

/// Draws a span evenly from a range, in milliseconds.
pub(crate) fn millis(
    chance: &mut Chance,
    purpose: Draw,
    subject: u32,
    range: RangeInclusive<u32>,
) -> u32 {
    let millis = |millis: &u32| Duration::from_millis((*millis).into());
    let drawn = chance.within(
        purpose,
        subject,
        millis(range.start())..=millis(range.end()),
    );
    drawn.as_secs() as u32 * 1000 + drawn.subsec_millis()
}
