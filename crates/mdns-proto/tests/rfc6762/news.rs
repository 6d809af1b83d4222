//! What a host tells, as lines of text.

use mdns_proto::{
    discovery::{self, Instance},
    host::Event,
    name::Name,
};

/// `registered Printer._ipp._tcp.local`, and so on.
pub(crate) fn told(event: &Event<'_>) -> String {
    match event {
        Event::Registered { name, .. } => format!("registered {name}"),
        Event::Renamed { name, .. } => format!("renamed {name}"),
        Event::HostRegistered { name, .. } => format!("host registered {name}"),
        Event::HostRenamed { name, .. } => format!("host renamed {name}"),
        Event::NameRegistered { name } => format!("name registered {name}"),
        Event::NameLost { name } => format!("name lost {name}"),
        Event::Discovery(event) => found(event),
        other => format!("{other:?}"),
    }
}

/// News of what was asked for: `found Printer._ipp._tcp.local at hall.local:631 10.0.0.7 "a=b"`, with what is known.
fn found(event: &discovery::Event<'_>) -> String {
    match event {
        discovery::Event::Found { instance, .. } => format!("found {}", described(instance)),
        discovery::Event::Changed { instance, .. } => format!("changed {}", described(instance)),
        discovery::Event::Gone { instance, .. } => format!("gone {}", instance.name()),
        discovery::Event::Resolved { instance, .. } => format!("resolved {}", described(instance)),
        discovery::Event::Lost { instance, .. } => format!("lost {}", instance.name()),
        discovery::Event::Addresses { host, .. } => {
            let addresses = host.addresses().map(|address| address.ip.to_string());
            let canonical = Some(host.canonical_name());
            format!(
                "addresses {}{}{}",
                host.name(),
                alias_for(host.name(), canonical),
                spaced(addresses)
            )
        }
        discovery::Event::Answers { records, .. } => {
            let answers = records.iter().map(|answer| format!("[{}]", answer.rdata));
            format!(
                "answers {} {}{}",
                records.name(),
                records.rtype(),
                spaced(answers)
            )
        }
        discovery::Event::Finished { outcome, .. } => format!("finished {outcome:?}"),
        other => format!("{other:?}"),
    }
}

fn described(instance: &Instance<'_>) -> String {
    let mut text = instance.name().to_string();
    if let Some(target) = instance.target() {
        text += &format!(" at {}:{}", target.host, target.port);
        text += &alias_for(target.host, instance.canonical_host());
    }
    text += &spaced(instance.addresses().map(|address| address.ip.to_string()));
    let txt = instance.txt();
    if txt.attributes().next().is_some() {
        text += &format!(" {txt}");
    }
    text
}

/// ` is hall.local`, if that is another name.
fn alias_for(name: Name<'_>, canonical: Option<Name<'_>>) -> String {
    let other = canonical.filter(|canonical| *canonical != name);
    other
        .map(|other| format!(" is {other}"))
        .unwrap_or_default()
}

/// Each with a space before it, sorted.
fn spaced(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<_> = words.map(|word| format!(" {word}")).collect();
    words.sort();
    words.concat()
}
