//! The order in which the targets of a service are to be tried (RFC 2782).

use super::Target;

/// Puts targets in the order to try them: the lowest priority first; among equals by chance, the heavier the likelier.
///
/// `draw` gives a number from zero to its argument, both included, each as likely.
///
/// ```
/// use mdns_proto::{discovery::{Target, order}, name::{Name, NameBuf}};
///
/// let hall: NameBuf = "hall.local".parse()?;
/// let target = |priority| Target { priority, weight: 0, port: 80, host: hall.as_name() };
/// let mut targets = [target(20), target(10)];
/// order(&mut targets, |_| 0);
/// assert_eq!(targets[0].priority, 10);
/// # Ok::<(), mdns_proto::name::NameError>(())
/// ```
pub fn order(targets: &mut [Target<'_>], mut draw: impl FnMut(u32) -> u32) {
    // Those without weight come first, so that they are seldom chosen beside others.
    targets.sort_unstable_by_key(|target| (target.priority, target.weight));
    for equals in targets.chunk_by_mut(|a, b| a.priority == b.priority) {
        let mut rest = equals;
        while rest.len() > 1 {
            let sum = rest.iter().map(|target| u32::from(target.weight)).sum();
            let drawn = draw(sum);
            let mut running = 0;
            let chosen = rest.iter().position(|target| {
                running += u32::from(target.weight);
                running >= drawn
            });
            if let Some(upto) = rest.get_mut(..=chosen.unwrap_or(0)) {
                upto.rotate_right(1);
            }
            rest = rest.split_first_mut().map_or(&mut [], |(_, rest)| rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chance::{Chance, Draw},
        name::Name,
    };

    fn target(priority: u16, weight: u16) -> Target<'static> {
        Target {
            priority,
            weight,
            port: 80,
            host: Name::ROOT,
        }
    }

    /// covers: 2782-b, 6763-5-b
    #[test]
    fn the_lowest_priority_comes_first() {
        let mut targets = [target(20, 9), target(10, 0), target(30, 0)];
        order(&mut targets, |sum| sum);
        assert_eq!(targets.map(|target| target.priority), [10, 20, 30]);
    }

    /// covers: 2782-c
    #[test]
    fn weights_are_chances() {
        let mut chance = Chance::new(1);
        let mut firsts = [0; 3];
        for _ in 0..4000 {
            let mut targets = [target(0, 3), target(0, 0), target(0, 1)];
            order(&mut targets, |sum| {
                (chance.draw(Draw::Refresh, 0) % (u64::from(sum) + 1)) as u32
            });
            firsts[usize::from(targets[0].weight.min(2))] += 1;
        }
        // Of five numbers one goes to weight 0, one to weight 1, three to weight 3.
        assert!((700..900).contains(&firsts[0]), "{firsts:?}");
        assert!((700..900).contains(&firsts[1]), "{firsts:?}");
        assert!((2250..2550).contains(&firsts[2]), "{firsts:?}");
    }
}
