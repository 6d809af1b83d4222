//! The daemons of this host that speak mDNS: whether they run, and those of their settings that matter to us.

#[cfg(unix)]
use std::time::Duration;

use serde::Serialize;

use super::diagnosis::{Finding, note};

/// How long to wait for what daemons say. It takes some milliseconds.
#[cfg(unix)]
const WAIT: Duration = Duration::from_secs(1);

/// Where Avahi's settings are.
const AVAHI_SETTINGS: &str = "/etc/avahi/avahi-daemon.conf";

/// The settings of Avahi that matter to us, and the value that does.
const MATTER: [(&str, &str); 5] = [
    ("disallow-other-stacks", "yes"),
    ("disable-publishing", "yes"),
    ("disable-user-service-publishing", "yes"),
    ("publish-addresses", "no"),
    ("publish-aaaa-on-ipv4", "no"),
];

/// What was found out of daemons.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Daemons {
    /// Why there is no system bus, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_bus: Option<String>,
    /// The version of Avahi, if it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    avahi: Option<String>,
    /// The name of this host that Avahi publishes.
    #[serde(skip_serializing_if = "Option::is_none")]
    avahi_host_name: Option<String>,
    /// Settings of Avahi that matter, as they are written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    avahi_settings: Vec<String>,
    /// `MulticastDNS=` of systemd-resolved, if it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_multicast_dns: Option<String>,
}

impl Daemons {
    /// Asks the daemons.
    pub(super) fn examine() -> Self {
        let settings = std::fs::read_to_string(AVAHI_SETTINGS).unwrap_or_default();
        let avahi_settings = that_matter(&settings);
        #[cfg(unix)]
        if let Ok(mut client) = mdns_daemon::Client::open() {
            let status = client.wait_for_status(mdns_proto::time::Instant::ZERO, WAIT);
            return Daemons {
                no_bus: status.no_bus,
                avahi: status.avahi_runs.then_some(status.avahi_version),
                avahi_host_name: status.avahi_host_name.map(|name| name.to_string()),
                avahi_settings,
                resolved_multicast_dns: status.resolved_mode,
            };
        }
        Daemons {
            avahi_settings,
            ..Daemons::default()
        }
    }

    /// One line for each, for people.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(version) = &self.avahi {
            let host = self.avahi_host_name.as_deref().unwrap_or("a host");
            let mut line = format!("avahi-daemon ({version}) runs, and calls this host {host}");
            if !self.avahi_settings.is_empty() {
                line += &format!("; set: {}", self.avahi_settings.join(", "));
            }
            lines.push(line);
        }
        if let Some(mode) = &self.resolved_multicast_dns {
            lines.push(format!("systemd-resolved runs, with MulticastDNS={mode}"));
        }
        if lines.is_empty() {
            lines.push(match &self.no_bus {
                Some(why) => format!("not known: there is no D-Bus system bus: {why}"),
                None => "neither avahi-daemon nor systemd-resolved runs".to_owned(),
            });
        }
        lines
    }

    /// What follows from it.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.resolved_multicast_dns.as_deref() == Some("yes") {
            findings.push(note(
                "programs of this host that ask systemd-resolved do not see what mdns advertises",
                "it answers them for itself, from what it publishes. Neighbours do see it. `--backend resolved`, or `auto` as \
                 root, lets systemd-resolved publish; or set MulticastDNS=no in resolved.conf",
            ));
        }
        let has = |setting: &str| {
            self.avahi_settings
                .iter()
                .any(|set| set.starts_with(setting))
        };
        if self.avahi.is_some() && has("disallow-other-stacks") {
            findings.push(note(
                "Avahi keeps the port for itself (disallow-other-stacks=yes)",
                "mdns lets Avahi ask and publish then, by itself; `-v` says so",
            ));
        }
        if self.avahi.is_some() && (has("disable-publishing") || has("disable-user")) {
            findings.push(note(
                "Avahi publishes nothing for other programs",
                "`--backend avahi` cannot advertise: take the setting out of avahi-daemon.conf, or use `--backend own`",
            ));
        }
        findings
    }
}

/// The settings that matter among the lines of a file.
fn that_matter(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.trim().split_once('='));
    let pairs = lines.map(|(key, value)| (key.trim(), value.trim()));
    let pairs = pairs.filter(|pair| MATTER.contains(pair));
    pairs.map(|(key, value)| format!("{key}={value}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_matter_are_found_and_comments_are_not() {
        let text = "[server]\n#disallow-other-stacks=no\nuse-ipv4=yes\n disallow-other-stacks = yes\n\
                    [publish]\ndisable-publishing=no\npublish-addresses=no\n";
        assert_eq!(
            that_matter(text),
            ["disallow-other-stacks=yes", "publish-addresses=no"]
        );
    }

    #[test]
    fn what_local_programs_do_not_see_is_said() {
        let says = |mode: Option<&str>| {
            let daemons = Daemons {
                resolved_multicast_dns: mode.map(str::to_owned),
                ..Daemons::default()
            };
            daemons.findings().len()
        };
        assert_eq!((says(Some("yes")), says(Some("no")), says(None)), (1, 0, 0));
    }
}
