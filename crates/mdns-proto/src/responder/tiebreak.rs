//! Simultaneous probes: two hosts ask for one name at once, and the later data win (RFC 6762 §8.2).
//!
//! Both sides sort what they propose and compare it pair by pair. The first pair that differs has the least of all records that only one
//! side proposes: its owner loses, unless the other side has nothing greater to set against it and so has the shorter list. That
//! is found without sorting anything.

use core::cmp::Ordering;

use crate::wire::Record;

/// What decides between two lists of proposed records, as far as they have been read. A record may come several times.
#[derive(Default)]
pub(super) struct Probes<'a> {
    ours: Side<'a>,
    theirs: Side<'a>,
}

#[derive(Default)]
struct Side<'a> {
    /// The least record that the other side does not propose.
    least: Option<Record<'a>>,
    greatest: Option<Record<'a>>,
}

impl<'a> Side<'a> {
    fn add(&mut self, record: Record<'a>, is_common: bool) {
        let is = |order: Ordering, other: &Option<Record<'a>>| {
            other.is_none_or(|other| record.cmp_probe(&other) == order)
        };
        if is(Ordering::Greater, &self.greatest) {
            self.greatest = Some(record);
        }
        if !is_common && is(Ordering::Less, &self.least) {
            self.least = Some(record);
        }
    }

    fn has_greater_than(&self, record: &Record<'a>) -> bool {
        self.greatest
            .is_some_and(|greatest| greatest.cmp_probe(record).is_gt())
    }
}

impl<'a> Probes<'a> {
    pub(super) fn add_ours(&mut self, record: Record<'a>, is_common: bool) {
        self.ours.add(record, is_common);
    }

    pub(super) fn add_theirs(&mut self, record: Record<'a>, is_common: bool) {
        self.theirs.add(record, is_common);
    }

    /// How ours compare to theirs: `Less` when we must give way.
    pub(super) fn compare(&self) -> Ordering {
        let is_ours_first = match (&self.ours.least, &self.theirs.least) {
            (None, None) => return Ordering::Equal,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(ours), Some(theirs)) => ours.cmp_probe(theirs).is_lt(),
        };
        let (first, other) = if is_ours_first {
            (&self.ours, &self.theirs)
        } else {
            (&self.theirs, &self.ours)
        };
        let is_other_longer = first
            .least
            .is_some_and(|least| other.has_greater_than(&least));
        // §8.2.1: the later data win; if one list ends first, the longer one does.
        if is_other_longer == is_ours_first {
            Ordering::Less
        } else {
            Ordering::Greater
        }
    }
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
        let has = |list: &[Record<'_>], record: &Record<'_>| {
            list.iter().any(|other| other.cmp_probe(record).is_eq())
        };
        let mut probes = Probes::default();
        for record in ours {
            probes.add_ours(*record, has(theirs, record));
        }
        for record in theirs {
            probes.add_theirs(*record, has(ours, record));
        }
        probes.compare()
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

    /// Against the rule as it is written: sort, compare pair by pair.
    ///
    /// covers: 6762-8.2.1-a, 6762-8.2.1-b
    #[test]
    fn all_small_lists_compare_as_sorted_ones() {
        let list = |bits: u8| -> Vec<Record<'static>> {
            let set = (0..4u8).filter(|n| bits >> n & 1 == 1);
            // Out of order, and twice.
            set.clone()
                .rev()
                .chain(set)
                .map(|n| a([10, 0, 0, n]))
                .collect()
        };
        let sorted = |bits: u8| -> Vec<u8> { (0..4).filter(|n| bits >> n & 1 == 1).collect() };
        for ours in 0..16 {
            for theirs in 0..16 {
                assert_eq!(
                    order(&list(ours), &list(theirs)),
                    sorted(ours).cmp(&sorted(theirs)),
                    "{ours:b} {theirs:b}"
                );
            }
        }
    }

    #[test]
    fn nothing_hides_behind_many_copies() {
        let mut many: Vec<_> = (0..100).map(|_| a([10, 0, 0, 1])).collect();
        many.push(a([10, 0, 0, 2]));
        assert_eq!(order(&[a([10, 0, 0, 1])], &many), Ordering::Less);
    }
}
