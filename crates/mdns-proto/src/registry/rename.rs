//! How a name is spelled after a conflict: a base and a number. `Printer` is ("Printer", 1), `Printer (9)` is ("Printer", 9)
//! (RFC 6762 §9, RFC 6763 appendix D).
//!
//! Only the label as it is spelled and its number are stored: the base is the label without the number. Losing a conflict raises
//! the number and nothing else.

use core::num::NonZero;

use crate::{
    chance::{Chance, Draw},
    name::LABEL_MAX,
};

/// A label, in bytes.
pub(super) type Label = heapless::Vec<u8, LABEL_MAX>;

/// The most digits that a number has which the application brings in a name: a longer one is part of the base.
const DIGITS_MAX: usize = 6;

/// The most by which the number rises at once.
const STEP_MAX: u32 = 100;

/// How the number stands in a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `Printer (2)`: for people.
    Instance,
    /// `printer-2`: letters, digits and hyphens stay what they are.
    Host,
}

impl Form {
    /// What stands before and after the number.
    fn marks(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Form::Instance => (b" (", b")"),
            Form::Host => (b"-", b""),
        }
    }

    /// The number in a label as the application spells it; 1 if it has none.
    pub(super) fn number(self, label: &[u8]) -> NonZero<u32> {
        self.split(label)
            .map_or(NonZero::<u32>::MIN, |(_, number)| number)
    }

    /// The base of a label that has this number.
    pub(super) fn base(self, label: &[u8], number: NonZero<u32>) -> &[u8] {
        match self.split_digits(label) {
            Some((base, _)) if number.get() > 1 => base,
            _ => label,
        }
    }

    fn split(self, label: &[u8]) -> Option<(&[u8], NonZero<u32>)> {
        let (base, digits) = self.split_digits(label)?;
        // `-007` is a name, not a number; so is a number that we would not have reached.
        if digits.first() == Some(&b'0') || digits.len() > DIGITS_MAX || base.is_empty() {
            return None;
        }
        let number = digits
            .iter()
            .fold(0, |number, digit| number * 10 + u32::from(digit & 0xf));
        Some((
            base,
            NonZero::new(number).filter(|number| number.get() > 1)?,
        ))
    }

    fn split_digits(self, label: &[u8]) -> Option<(&[u8], &[u8])> {
        let (mark, after) = self.marks();
        let rest = label.strip_suffix(after)?;
        let digits = rest
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (head, digits) = rest.split_at_checked(rest.len().saturating_sub(digits))?;
        Some((head.strip_suffix(mark)?, digits))
    }

    /// A base with a number, cut to fit a label on the edge of a character.
    pub(super) fn spell(self, base: &[u8], number: NonZero<u32>) -> Label {
        let (mark, after) = self.marks();
        let mut digits = heapless::Vec::<u8, 10>::new();
        let mut rest = number.get();
        while rest > 0 {
            let _ten_at_most = digits.push(b'0' | (rest % 10) as u8);
            rest /= 10;
        }
        let room = LABEL_MAX - mark.len() - digits.len() - after.len();
        let mut len = base.len().min(room);
        // Not within a character of UTF-8.
        while len < base.len() && base.get(len).is_some_and(|byte| byte & 0xc0 == 0x80) {
            len = len.saturating_sub(1);
        }
        let base = base.get(..len).unwrap_or(&[]);
        digits.reverse();
        let mut label = Label::new();
        let pushed = [base, mark, &digits, after]
            .iter()
            .try_for_each(|part| label.extend_from_slice(part));
        debug_assert!(pushed.is_ok(), "the base was cut to leave room");
        label
    }
}

/// The number after a lost conflict. It rises by one up to ten, then by a random step up to itself or [`STEP_MAX`], so that many equals
/// do not meet again and again. After the largest it begins anew.
pub(super) fn next_number(number: NonZero<u32>, chance: &mut Chance, subject: u32) -> NonZero<u32> {
    let step = match number.get() {
        0..10 => 1,
        number => {
            let most = NonZero::<u64>::MIN.saturating_add(u64::from(number.min(STEP_MAX)) - 1);
            1 + (chance.draw(Draw::Rename, subject) % most) as u32
        }
    };
    number
        .checked_add(step)
        .unwrap_or(NonZero::<u32>::MIN.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn next(form: Form, label: &str) -> String {
        let number = form.number(label.as_bytes());
        let base = form.base(label.as_bytes(), number);
        let next = next_number(number, &mut Chance::new(1), 0);
        String::from_utf8(form.spell(base, next).to_vec()).unwrap()
    }

    /// covers: 6762-9-f, 6763-D-a
    #[test]
    fn a_lost_name_gets_the_next_number() {
        assert_eq!(next(Form::Instance, "Printer"), "Printer (2)");
        assert_eq!(next(Form::Instance, "Printer (2)"), "Printer (3)");
        assert_eq!(next(Form::Instance, "Printer (9)"), "Printer (10)");
        assert_eq!(next(Form::Host, "printer"), "printer-2");
        assert_eq!(next(Form::Host, "printer-9"), "printer-10");
    }

    #[test]
    fn what_is_no_number_of_ours_is_part_of_the_base() {
        assert_eq!(next(Form::Host, "esp-007"), "esp-007-2");
        assert_eq!(next(Form::Host, "-2"), "-2-2");
        assert_eq!(next(Form::Instance, "Model (X)"), "Model (X) (2)");
        assert_eq!(next(Form::Instance, "Printer(2)"), "Printer(2) (2)");
        assert_eq!(next(Form::Host, "id-99999999999"), "id-99999999999-2");
    }

    /// However large the number becomes, the base stays.
    #[test]
    fn the_base_stays_through_any_number_of_conflicts() {
        let (form, mut chance) = (Form::Instance, Chance::new(3));
        let mut number = NonZero::<u32>::MIN;
        let mut label = Label::from_slice("Front Desk".as_bytes()).unwrap();
        for _ in 0..5000 {
            let base = form.base(&label, number);
            assert_eq!(base, b"Front Desk");
            let next = next_number(number, &mut chance, 0);
            assert!(next > number && next.get() < 600_000);
            (label, number) = (form.spell(base, next), next);
        }
        assert_eq!(next_number(NonZero::<u32>::MAX, &mut chance, 0).get(), 2);
        let large = NonZero::new(4_000_000_000).unwrap();
        assert_eq!(
            form.base(&form.spell(b"Front Desk", large), large),
            b"Front Desk"
        );
    }

    #[test]
    fn a_long_name_is_cut_on_a_character() {
        let name = "ü".repeat(31);
        let label = next(Form::Instance, &name);
        assert_eq!(label, std::format!("{} (2)", "ü".repeat(29)));
        assert!(label.len() <= LABEL_MAX);
    }

    #[test]
    fn from_ten_on_the_step_is_random() {
        let mut chance = Chance::new(7);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let number = next_number(NonZero::new(10).unwrap(), &mut chance, 0).get();
            assert!((11..=20).contains(&number));
            let large = next_number(NonZero::new(1000).unwrap(), &mut chance, 0).get();
            assert!((1001..=1100).contains(&large));
            seen.insert(number);
        }
        assert!(seen.len() > 5);
    }
}
