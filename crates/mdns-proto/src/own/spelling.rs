//! A name of ours is a base and a number: the label it was registered with, and after a lost conflict `Printer (2)`, `Printer (3)` and so
//! on (RFC 6762 §9, RFC 6763 appendix D).
//!
//! The number is kept beside the name, so the base is what the application wrote, whatever that looks like: what was registered as
//! `Camera (2)` becomes `Camera (2) (2)`, not the third camera. A base that is too long for a label with its number is cut.

use crate::{
    chance::{Chance, Draw},
    name::{LABEL_MAX, cut_label},
};

/// The label of a name of ours.
pub(crate) type Label = heapless::String<LABEL_MAX>;

/// The signs and digits behind a base.
type Suffix = heapless::String<16>;

/// The most by which the number rises at once.
const STEP_MAX: u32 = 100;

/// How the number stands in a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `Printer (2)`: for people.
    Instance,
    /// `printer-2`: letters, digits and hyphens stay what they are.
    Host,
}

/// The number after a lost conflict. It rises by one up to ten, then by a random step up to itself or [`STEP_MAX`], so that many equals
/// do not meet again and again. After the largest it begins anew.
pub(crate) fn next_number(number: u32, chance: &mut Chance, subject: u32) -> u32 {
    let step = if number < 10 {
        1
    } else {
        let most = u64::from(number.min(STEP_MAX));
        u32::try_from(chance.draw(Draw::Rename, subject) % most).unwrap_or(0) + 1
    };
    number.checked_add(step).unwrap_or(2)
}

impl Spelling {
    /// What stands before and after the number.
    fn signs(self) -> (&'static str, &'static str) {
        match self {
            Spelling::Instance => (" (", ")"),
            Spelling::Host => ("-", ""),
        }
    }

    /// The base of a label that was spelled with this number.
    pub(crate) fn base(self, label: &str, number: u32) -> &str {
        if number == 1 {
            return label;
        }
        label
            .strip_suffix(self.suffix(number).as_str())
            .unwrap_or(label)
    }

    /// The base with a number, cut to fit a label on a character's edge.
    pub(crate) fn spell(self, base: &str, number: u32) -> Label {
        let suffix = self.suffix(number);
        let mut label = Label::new();
        let pushed = label
            .push_str(cut_label(base, LABEL_MAX - suffix.len()))
            .and_then(|()| label.push_str(&suffix));
        debug_assert!(pushed.is_ok(), "the base was cut to leave room");
        label
    }

    fn suffix(self, number: u32) -> Suffix {
        let (mark, after) = self.signs();
        let mut suffix = Suffix::new();
        let mut written = suffix.push_str(mark);
        let mut power = 1_000_000_000;
        while power > 0 {
            if number >= power {
                let digit = (number / power % 10) as u8;
                written = written.and_then(|()| suffix.push(char::from(digit | b'0')));
            }
            power /= 10;
        }
        written = written.and_then(|()| suffix.push_str(after));
        debug_assert!(written.is_ok(), "ten digits and three signs fit");
        suffix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The labels after so many lost conflicts, one after another.
    fn labels(
        spelling: Spelling,
        label: &str,
        losses: usize,
    ) -> std::vec::Vec<std::string::String> {
        let (mut label, mut number) = (std::string::String::from(label), 1);
        let mut chance = Chance::new(1);
        let mut next = || {
            let base = std::string::String::from(spelling.base(&label, number));
            number = next_number(number, &mut chance, 0);
            label = spelling.spell(&base, number).as_str().into();
            label.clone()
        };
        (0..losses).map(|_| next()).collect()
    }

    /// covers: 6762-9-f, 6763-D-a
    #[test]
    fn a_lost_name_gets_the_next_number() {
        assert_eq!(
            labels(Spelling::Instance, "Printer", 2),
            ["Printer (2)", "Printer (3)"]
        );
        assert_eq!(labels(Spelling::Instance, "Printer", 9)[8], "Printer (10)");
        assert_eq!(
            labels(Spelling::Host, "printer", 2),
            ["printer-2", "printer-3"]
        );
    }

    #[test]
    fn what_was_registered_is_the_base_whatever_it_looks_like() {
        let camera = labels(Spelling::Instance, "Camera (2)", 2);
        assert_eq!(camera, ["Camera (2) (2)", "Camera (2) (3)"]);
        assert_eq!(
            labels(Spelling::Host, "esp-007", 2),
            ["esp-007-2", "esp-007-3"]
        );
        assert_eq!(labels(Spelling::Host, "esp-7", 2), ["esp-7-2", "esp-7-3"]);
    }

    #[test]
    fn the_base_stays_through_any_number_of_conflicts() {
        for label in labels(Spelling::Instance, "Front Desk", 5000) {
            let digits = label
                .strip_prefix("Front Desk (")
                .and_then(|rest| rest.strip_suffix(')'));
            let number: u32 = digits.unwrap().parse().unwrap();
            assert!((2..600_000).contains(&number), "{label}");
        }
    }

    #[test]
    fn a_long_name_is_cut_on_a_character() {
        let name = "ü".repeat(31);
        let all = labels(Spelling::Instance, &name, 200);
        assert_eq!(all[0], std::format!("{} (2)", "ü".repeat(29)));
        assert_eq!(all[8], std::format!("{} (10)", "ü".repeat(29)));
        for label in all {
            assert!(
                label.len() <= LABEL_MAX && label.starts_with(&"ü".repeat(28)),
                "{label}"
            );
            assert!(label.trim_start_matches('ü').starts_with(" ("), "{label}");
        }
        let host = labels(Spelling::Host, &"h".repeat(63), 1).remove(0);
        assert_eq!(host, std::format!("{}-2", "h".repeat(61)));
    }

    #[test]
    fn from_ten_on_the_step_is_random() {
        let mut chance = Chance::new(7);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let number = next_number(10, &mut chance, 0);
            assert!((11..=20).contains(&number));
            assert!((1001..=1100).contains(&next_number(1000, &mut chance, 0)));
            seen.insert(number);
        }
        assert!(seen.len() > 5);
        assert_eq!(next_number(u32::MAX, &mut chance, 0), 2);
    }
}
