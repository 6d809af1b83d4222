//! Simultaneous probes: two hosts ask for one name at once, and the later data win (RFC 6762 §8.2).
//!
//! Both sides sort what they propose and compare it pair by pair; without an allocator the sorting is done by looking for the
//! next greater record again and again, among at most as many as are looked at of any RRset.

use core::cmp::Ordering;

use crate::wire::Record;

/// How what we propose compares to what another proposes for the same name: `Less` when we must give way.
///
/// `most` bounds what is looked at on either side.
pub(super) fn compare<'a, A, B>(ours: A, theirs: B, most: usize) -> Ordering
where
    A: Iterator<Item = Record<'a>> + Clone,
    B: Iterator<Item = Record<'a>> + Clone,
{
    let (mut our, mut their) = (None, None);
    loop {
        our = next_of(ours.clone().take(most), our);
        their = next_of(theirs.clone().take(most), their);
        // §8.2.1: if one list ends first, the longer one wins.
        match (&our, &their) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(our), Some(their)) => match our.cmp_probe(their) {
                Ordering::Equal => {}
                order => return order,
            },
        }
    }
}

/// The least of the records that are greater than the last one: one after another they are in ascending order, each once.
fn next_of<'a>(
    records: impl Iterator<Item = Record<'a>>,
    last: Option<Record<'a>>,
) -> Option<Record<'a>> {
    let mut least: Option<Record<'a>> = None;
    for record in records {
        let is_later = last.is_none_or(|last| record.cmp_probe(&last).is_gt());
        if is_later && least.is_none_or(|least| record.cmp_probe(&least).is_lt()) {
            least = Some(record);
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        name::{Name, NameBuf},
        wire::{Class, Rdata, Srv, Ttl, Txt},
    };
    use std::vec::Vec;

    const OWNER: Name<'static> = Name::from_static(b"\x01h\x05local\0");

    fn record(rdata: Rdata<'_>) -> Record<'_> {
        Record {
            name: OWNER,
            class: Class::IN,
            cache_flush: false,
            ttl: Ttl(120),
            rdata,
        }
    }

    fn a(octets: [u8; 4]) -> Record<'static> {
        record(Rdata::A(octets.into()))
    }

    fn order(ours: &[Record<'_>], theirs: &[Record<'_>]) -> Ordering {
        compare(ours.iter().copied(), theirs.iter().copied(), 16)
    }

    /// covers: 6762-8.2-h, 6762-8.2-j, 6762-8.2.1-c
    #[test]
    fn the_later_data_win() {
        let (low, high) = (a([169, 254, 99, 200]), a([169, 254, 200, 50]));
        assert_eq!(order(&[low], &[high]), Ordering::Less);
        assert_eq!(order(&[high], &[low]), Ordering::Greater);
        assert_eq!(order(&[high], &[high]), Ordering::Equal);
        let flushed = Record {
            cache_flush: true,
            ..high
        };
        assert_eq!(order(&[high], &[flushed]), Ordering::Equal);
        let other_class = Record {
            class: Class(3),
            ..low
        };
        assert_eq!(order(&[high], &[other_class]), Ordering::Less);
    }

    /// covers: 6762-8.2.1-a, 6762-8.2.1-b
    #[test]
    fn lists_are_sorted_first_and_the_longer_one_wins() {
        let (one, two) = (a([10, 0, 0, 1]), a([10, 0, 0, 2]));
        assert_eq!(order(&[two, one], &[one, two]), Ordering::Equal);
        assert_eq!(order(&[two, one, one], &[one, two]), Ordering::Equal);
        assert_eq!(order(&[one], &[two, one]), Ordering::Less);
        assert_eq!(order(&[two], &[two, one]), Ordering::Greater);
        let target: NameBuf = "h.local".parse().unwrap();
        let srv = |port| {
            record(Rdata::Srv(Srv {
                priority: 0,
                weight: 0,
                port,
                target: target.as_name(),
            }))
        };
        let txt = |bytes| record(Rdata::Txt(Txt::from_wire(bytes).unwrap()));
        // TXT (16) decides before SRV (33).
        assert_eq!(
            order(&[srv(9), txt(b"\x01a")], &[srv(1), txt(b"\x01b")]),
            Ordering::Less
        );
    }

    #[test]
    fn no_more_is_looked_at_than_is_allowed() {
        let many: Vec<_> = (0..100).map(|n| a([10, 0, 0, n])).collect();
        assert_eq!(order(&many[..16], &many), Ordering::Equal);
    }
}
