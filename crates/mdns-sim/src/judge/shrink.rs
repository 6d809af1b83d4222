//! Shrinking: what can be left out of a script that fails, while it still breaks the same rule.

use std::time::{Duration, Instant};

use super::{Failure, Script, run, script::Act};

/// Leaves out hosts, then acts, then time, as long as the script still breaks the rule that `failure` names, and as long as the
/// budget of real time allows. Gives the smallest script found and how it fails.
pub fn shrink(script: &Script, failure: Box<Failure>, budget: Duration) -> (Script, Box<Failure>) {
    let mut shrinking = Shrinking {
        script: script.clone(),
        failure,
        end: Instant::now() + budget,
    };
    while shrinking.round() {}
    (shrinking.script, shrinking.failure)
}

struct Shrinking {
    script: Script,
    failure: Box<Failure>,
    end: Instant,
}

impl Shrinking {
    /// Tries every kind of cut once; says whether one of them worked.
    fn round(&mut self) -> bool {
        let by_hosts = self.cut(|script| script.guests.len(), without_hosts);
        let by_acts = self.cut(|script| script.acts.len(), without_acts);
        let by_time = self.shorten();
        by_hosts || by_acts || by_time
    }

    /// Leaves out runs of things, half of them first, then ever fewer.
    fn cut(
        &mut self,
        count: impl Fn(&Script) -> usize,
        without: impl Fn(&Script, std::ops::Range<usize>) -> Script,
    ) -> bool {
        let mut has_worked = false;
        let mut size = count(&self.script).div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from < count(&self.script) {
                let smaller = without(&self.script, from..from + size);
                let is_smaller = smaller.acts.len() < self.script.acts.len();
                if is_smaller && self.still_fails(smaller) {
                    has_worked = true;
                    if count(&self.script) > from {
                        continue;
                    }
                }
                from += size;
            }
            size /= 2;
        }
        has_worked
    }

    fn shorten(&mut self) -> bool {
        let mut smaller = self.script.clone();
        smaller.noise /= 2;
        let noise = smaller.noise;
        smaller.acts.retain(|(at, _)| *at <= noise);
        noise > Duration::from_secs(1) && self.still_fails(smaller)
    }

    fn still_fails(&mut self, script: Script) -> bool {
        if Instant::now() >= self.end {
            return false;
        }
        match run(&script) {
            Err(failure) if failure.rule == self.failure.rule => {
                (self.script, self.failure) = (script, failure);
                true
            }
            _ => false,
        }
    }
}

/// Hosts keep their numbers: those that are left out do not arrive.
fn without_hosts(script: &Script, hosts: std::ops::Range<usize>) -> Script {
    let mut script = script.clone();
    script.acts.retain(|(_, act)| match act {
        Act::Arrive(host) => !hosts.contains(host),
        _ => true,
    });
    script
}

fn without_acts(script: &Script, acts: std::ops::Range<usize>) -> Script {
    let mut script = script.clone();
    let end = acts.end.min(script.acts.len());
    script.acts.drain(acts.start.min(end)..end);
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{Rule, WorldPlan};

    /// covers: none (the judge)
    #[test]
    fn what_does_not_matter_is_left_out() {
        let world = WorldPlan::named("bad-air").unwrap();
        let mut script = world.script(3, 3, Duration::from_secs(60));
        // So few that the first announcement is too much.
        script.packets_max = 3;
        let failure = run(&script).unwrap_err();
        assert_eq!(failure.rule, Rule::Flood);
        let (script, failure) = shrink(&script, failure, Duration::from_secs(60));
        assert_eq!(failure.rule, Rule::Flood);
        assert_eq!(script.acts.len(), 1, "{script}");
        assert!(matches!(script.acts[..], [(_, Act::Arrive(_))]));
        assert!(!failure.page.is_empty());
    }
}
