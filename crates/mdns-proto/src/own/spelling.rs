//! A name of ours is a base and a number: `Printer` is ("Printer", 1), `Printer (9)` is ("Printer", 9) (RFC 6762 §9, RFC 6763 appendix D).
//!
//! Only the label as it is spelled now is kept: the base can be read off it. Losing a conflict raises the number.

use crate::{
    chance::{Chance, Draw},
    name::{LABEL_MAX, cut_label},
};

/// The label of a name of ours.
pub(crate) type Label = heapless::String<LABEL_MAX>;

/// How the number stands in a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `Printer (2)`: for people.
    Instance,
    /// `printer-2`: letters, digits and hyphens stay what they are.
    Host,
}

impl Spelling {
    /// The base and the number of a label. No number is 1.
    fn split(self, label: &str) -> (&str, u32) {
        let (mark, after) = self.signs();
        let numbered = label.strip_suffix(after).and_then(|rest| {
            let digits = rest.bytes().rev().take_while(u8::is_ascii_digit).count();
            let (head, digits) = rest.split_at_checked(rest.len().saturating_sub(digits))?;
            Some((head.strip_suffix(mark)?, digits))
        });
        let Some((base, digits)) = numbered else {
            return (label, 1);
        };
        // `-007` is a name, not a number; so is a number that we would not have reached.
        let is_number = !digits.starts_with('0') && digits.len() <= 6 && !base.is_empty();
        let number = |digits: &str| {
            digits
                .bytes()
                .fold(0, |number, digit| number * 10 + u32::from(digit & 0xf))
        };
        match is_number.then(|| number(digits)) {
            Some(number) if number > 1 => (base, number),
            _ => (label, 1),
        }
    }

    /// What stands before and after the number.
    fn signs(self) -> (&'static str, &'static str) {
        match self {
            Spelling::Instance => (" (", ")"),
            Spelling::Host => ("-", ""),
        }
    }

    /// The label after a lost conflict. The number rises by one up to ten, then by a random step up to itself, so that many
    /// equals do not meet again and again.
    pub(crate) fn next(self, label: &str, chance: &mut Chance, subject: u32) -> Label {
        let (base, number) = self.split(label);
        let step = if number < 10 {
            1
        } else {
            u32::try_from(chance.draw(Draw::Rename, subject) % u64::from(number)).unwrap_or(0) + 1
        };
        self.spell(base, number.saturating_add(step))
    }

    /// The base with a number, cut to fit a label on a character's edge.
    fn spell(self, base: &str, number: u32) -> Label {
        let (mark, after) = self.signs();
        let mut suffix = heapless::String::<16>::new();
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
        let mut label = Label::new();
        let pushed = label
            .push_str(cut_label(base, LABEL_MAX - suffix.len()))
            .and_then(|()| label.push_str(&suffix));
        debug_assert!(pushed.is_ok(), "the base was cut to leave room");
        label
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(spelling: Spelling, label: &str) -> std::string::String {
        spelling.next(label, &mut Chance::new(1), 0).as_str().into()
    }

    /// covers: 6762-9-f, 6763-D-a
    #[test]
    fn a_lost_name_gets_the_next_number() {
        assert_eq!(next(Spelling::Instance, "Printer"), "Printer (2)");
        assert_eq!(next(Spelling::Instance, "Printer (2)"), "Printer (3)");
        assert_eq!(next(Spelling::Instance, "Printer (9)"), "Printer (10)");
        assert_eq!(next(Spelling::Host, "printer"), "printer-2");
        assert_eq!(next(Spelling::Host, "printer-9"), "printer-10");
    }

    #[test]
    fn what_is_no_number_of_ours_is_part_of_the_name() {
        assert_eq!(next(Spelling::Host, "esp-007"), "esp-007-2");
        assert_eq!(next(Spelling::Host, "-2"), "-2-2");
        assert_eq!(next(Spelling::Instance, "Model (X)"), "Model (X) (2)");
        assert_eq!(next(Spelling::Instance, "Printer(2)"), "Printer(2) (2)");
        assert_eq!(next(Spelling::Host, "id-99999999999"), "id-99999999999-2");
    }

    #[test]
    fn a_long_name_is_cut_on_a_character() {
        let name = "ü".repeat(31);
        let label = next(Spelling::Instance, &name);
        assert_eq!(label, std::format!("{} (2)", "ü".repeat(29)));
        assert!(label.len() <= LABEL_MAX);
    }

    #[test]
    fn from_ten_on_the_step_is_random_and_never_past_double() {
        let mut chance = Chance::new(7);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let label = Spelling::Host.next("x-10", &mut chance, 0);
            let number: u32 = label.strip_prefix("x-").unwrap().parse().unwrap();
            assert!((11..=20).contains(&number));
            seen.insert(number);
        }
        assert!(seen.len() > 5);
    }
}
