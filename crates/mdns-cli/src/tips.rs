//! What somebody most likely meant whose command line was refused.
//!
//! A tip is a whole command to type instead. It is given where the mistake has one likely reason, and not otherwise.

use std::net::IpAddr;

use clap::{
    Error,
    error::{ContextKind, ContextValue},
};
use mdns_proto::name::ServiceType;

/// Types that are often looked for, for completions.
pub(crate) const KNOWN_TYPES: [&str; 16] = [
    "_airplay._tcp",
    "_companion-link._tcp",
    "_googlecast._tcp",
    "_hap._tcp",
    "_http._tcp",
    "_ipp._tcp",
    "_ipps._tcp",
    "_matter._tcp",
    "_mqtt._tcp",
    "_printer._tcp",
    "_raop._tcp",
    "_scanner._tcp",
    "_sftp-ssh._tcp",
    "_smb._tcp",
    "_ssh._tcp",
    "_workstation._tcp",
];

/// Services that are known to use UDP; all others are guessed to use TCP.
const OVER_UDP: [&str; 7] = [
    "coap",
    "matterc",
    "ntp",
    "osc",
    "sleep-proxy",
    "snmp",
    "tftp",
];

/// Words for what a command does, in other programs.
const SYNONYMS: [(&str, &str); 19] = [
    ("announce", "advertise"),
    ("register", "advertise"),
    ("serve", "advertise"),
    ("discover", "browse"),
    ("find", "browse"),
    ("list", "browse"),
    ("scan", "browse"),
    ("search", "browse"),
    ("services", "browse"),
    ("check", "doctor"),
    ("diagnose", "doctor"),
    ("address", "lookup"),
    ("host", "lookup"),
    ("ping", "lookup"),
    ("dump", "monitor"),
    ("sniff", "monitor"),
    ("dig", "query"),
    ("get", "resolve"),
    ("show", "resolve"),
];

/// The tip for a command line that was refused, if there is one. `words` are those after the name of the program.
pub(crate) fn tip(words: &[String], error: &Error) -> Option<String> {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(ContextValue::Strings(texts)) => texts.first().map(String::as_str),
        _ => None,
    };
    if let Some(word) = context(ContextKind::InvalidSubcommand) {
        return first_word(word);
    }
    let command = words.iter().find(|word| !word.starts_with('-'))?;
    let invalid = context(ContextKind::InvalidArg).unwrap_or_default();
    let value = context(ContextKind::InvalidValue);
    match (command.as_str(), value) {
        ("browse", None) if invalid.starts_with("-a") => Some("mdns browse".to_owned()),
        ("browse", None) if invalid.starts_with("-p") => Some("mdns browse --json".to_owned()),
        // As with avahi-browse, where it takes no value.
        ("browse", Some(value)) if invalid.starts_with("--timeout") => {
            let is_left_out = value.is_empty() || value.starts_with('_');
            is_left_out.then(|| "--once ends when nothing new has come for a while".to_owned())
        }
        // What is left over is named as the argument.
        ("advertise", None) => match invalid.contains('=') && !invalid.starts_with('-') {
            true => Some(format!("--txt {}", quoted(invalid))),
            false => None,
        },
        (command, Some(value)) => value_tip(command, value, words),
        _ => None,
    }
}

/// The tip for a value that a command refused.
pub(crate) fn value_tip(command: &str, value: &str, words: &[String]) -> Option<String> {
    let say = |command: &str, value: &str| Some(format!("mdns {command} {}", quoted(value)));
    let as_host = || host_of(value).filter(|host| host.to_ascii_lowercase().ends_with(".local"));
    match command {
        "browse" => match (as_type(value), instance(value), as_host()) {
            (Some(service_type), ..) => say("browse", &service_type),
            (_, Some(name), _) => say("resolve", name),
            (.., Some(host)) => say("lookup", host),
            _ => None,
        },
        "lookup" => match host_of(value) {
            _ if instance(value).is_some() => say("resolve", value),
            _ if ServiceType::browse(value).is_ok() => say("browse", value),
            Some(address) if is_address(address) => say("reverse", address),
            Some(host) if host != value => say("lookup", host),
            _ if value.contains('.') => Some(
                "names that do not end in .local are not looked up by multicast: ask DNS for them"
                    .to_owned(),
            ),
            _ => None,
        },
        "reverse" => match host_of(value) {
            Some(address) if is_address(address) => say("reverse", address),
            Some(host) => say("lookup", host),
            None => None,
        },
        "resolve" => match (as_type(value), host_of(value)) {
            // The second argument.
            _ if words.last().is_some_and(|last| last == value) && words.len() > 2 => {
                let service_type = as_type(value)?;
                let name = words.get(words.len() - 2)?;
                Some(format!("mdns resolve {} {service_type}", quoted(name)))
            }
            (_, Some(address)) if is_address(address) => say("reverse", address),
            _ if ServiceType::browse(value).is_ok() => say("browse", value),
            (_, Some(host)) if host.to_ascii_lowercase().ends_with(".local") => say("lookup", host),
            _ => Some(format!(
                "mdns resolve {} _http._tcp, with the type that it has",
                quoted(value)
            )),
        },
        "query" => match words
            .iter()
            .filter(|word| !word.starts_with('-'))
            .collect::<Vec<_>>()[..]
        {
            // The other way round.
            [_, rtype, name] if rtype.len() <= 5 && name == value => {
                Some(format!("mdns query {} {rtype}", quoted(name)))
            }
            _ if is_address(value) => say("reverse", value),
            _ => None,
        },
        "advertise" => match as_type(value) {
            _ if value.parse::<u16>().is_ok() => {
                Some("NAME, TYPE and PORT come in this order".to_owned())
            }
            Some(service_type) => Some(service_type),
            None if value.contains('=') => Some(format!("--txt {}", quoted(value))),
            None => None,
        },
        _ => None,
    }
}

/// A tip for what stands in place of a command.
fn first_word(word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    if let Some((_, command)) = SYNONYMS.iter().find(|(synonym, _)| *synonym == lower) {
        return Some(format!("mdns {command}"));
    }
    if ServiceType::browse(word).is_ok() {
        return Some(format!("mdns browse {word}"));
    }
    if let Some(name) = instance(word) {
        return Some(format!("mdns resolve {}", quoted(name)));
    }
    match host_of(word)? {
        address if is_address(address) => Some(format!("mdns reverse {address}")),
        host if host.to_ascii_lowercase().ends_with(".local") => {
            Some(format!("mdns lookup {host}"))
        }
        _ => None,
    }
}

/// A type that is written in another way: `http`, `_http`, `http.tcp`, `http/tcp`, `_ipp._tcp,_printer`.
fn as_type(text: &str) -> Option<String> {
    let text = text.trim_end_matches('.');
    let (text, is_whole) = match text.strip_suffix(".local") {
        Some(front) => (front, true),
        None => (text, false),
    };
    if let Some((base, subtype)) = text.split_once(',') {
        let browsed = format!("_{}._sub.{base}", subtype.trim_start_matches('_'));
        return ServiceType::browse(&browsed).is_ok().then_some(browsed);
    }
    let lower = text.to_ascii_lowercase();
    let mut parts = lower.split(['.', '/']);
    let service = parts.next()?.trim_start_matches('_');
    let protocol = match parts.next().map(|part| part.trim_start_matches('_')) {
        // The name of a host, rather.
        None if is_whole => return None,
        None if OVER_UDP.contains(&service) => "udp",
        None => "tcp",
        Some(protocol @ ("tcp" | "udp")) => protocol,
        Some(_) => return None,
    };
    let found = format!("_{service}._{protocol}");
    // A number is no type, and what is right already is not the mistake.
    let is_type = parts.next().is_none() && found != text && service.parse::<u64>().is_err();
    (is_type && found.parse::<ServiceType>().is_ok()).then_some(found)
}

/// The name of an instance: something before a type.
fn instance(text: &str) -> Option<&str> {
    let at = text.find("._")?;
    let is_it = at > 0 && !text.starts_with('_') && ServiceType::browse(&text[at + 1..]).is_ok();
    is_it.then_some(text)
}

/// The host, or address, of a URL, of a host with a port, or of an address with a prefix length.
pub(crate) fn host_of(text: &str) -> Option<&str> {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    let text = text.split('/').next()?;
    if let Some(inside) = text.strip_prefix('[') {
        return inside.split(']').next();
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => Some(host),
        _ => Some(text),
    }
    .filter(|host| !host.is_empty())
}

pub(crate) fn is_address(text: &str) -> bool {
    let address = text.split('%').next().unwrap_or(text);
    address.parse::<IpAddr>().is_ok()
}

/// As a shell would need it written.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Args;

    fn tip_for(line: &[&str]) -> Option<String> {
        let words: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
        let all = ["mdns".to_owned()].into_iter().chain(words.iter().cloned());
        match Args::try_parse_from(all) {
            Err(error) => tip(&words, &error),
            Ok(_) => value_tip(line[0], line[1], &words),
        }
    }

    #[test]
    fn the_likely_command_is_named() {
        let table: [(&[&str], &str); 37] = [
            (&["browse", "http"], "mdns browse _http._tcp"),
            (&["browse", "HTTP"], "mdns browse _http._tcp"),
            (&["browse", "_http"], "mdns browse _http._tcp"),
            (&["browse", "http.tcp"], "mdns browse _http._tcp"),
            (&["browse", "http._tcp.local."], "mdns browse _http._tcp"),
            (&["browse", "ipp/tcp"], "mdns browse _ipp._tcp"),
            (&["browse", "coap"], "mdns browse _coap._udp"),
            (
                &["browse", "_ipp._tcp,_color"],
                "mdns browse _color._sub._ipp._tcp",
            ),
            (&["browse", "A B._ipp._tcp"], "mdns resolve 'A B._ipp._tcp'"),
            (&["browse", "hall.local"], "mdns lookup hall.local"),
            (&["browse", "-a"], "mdns browse"),
            (&["browse", "-p"], "mdns browse --json"),
            (
                &["browse", "-t"],
                "--once ends when nothing new has come for a while",
            ),
            (
                &["browse", "-t", "_http._tcp"],
                "--once ends when nothing new has come for a while",
            ),
            (&["lookup", "10.0.0.1"], "mdns reverse 10.0.0.1"),
            (&["lookup", "fe80::1%lo"], "mdns reverse fe80::1%lo"),
            (&["lookup", "[fe80::1]:80"], "mdns reverse fe80::1"),
            (
                &["lookup", "http://hall.local:80/x"],
                "mdns lookup hall.local",
            ),
            (&["lookup", "hall.local:631"], "mdns lookup hall.local"),
            (&["lookup", "_http._tcp"], "mdns browse _http._tcp"),
            (&["lookup", "Web._http._tcp"], "mdns resolve Web._http._tcp"),
            (
                &["lookup", "www.example.com"],
                "names that do not end in .local are not looked up by multicast: ask DNS for them",
            ),
            (&["reverse", "hall.local"], "mdns lookup hall.local"),
            (&["reverse", "10.0.0.1/24"], "mdns reverse 10.0.0.1"),
            (&["resolve", "hall.local"], "mdns lookup hall.local"),
            (&["resolve", "10.0.0.1"], "mdns reverse 10.0.0.1"),
            (&["resolve", "_http._tcp"], "mdns browse _http._tcp"),
            (
                &["resolve", "My Web", "http"],
                "mdns resolve 'My Web' _http._tcp",
            ),
            (&["query", "A", "hall.local"], "mdns query hall.local A"),
            (
                &["advertise", "Web", "_http._tcp", "80", "path=/"],
                "--txt path=/",
            ),
            (
                &["advertise", "Web", "_http._tcp", "80", "a=b c"],
                "--txt 'a=b c'",
            ),
            (&["advertise", "Web", "http", "80"], "_http._tcp"),
            (
                &["advertise", "Web", "80", "_http._tcp"],
                "NAME, TYPE and PORT come in this order",
            ),
            (&["scan"], "mdns browse"),
            (&["_http._tcp"], "mdns browse _http._tcp"),
            (&["hall.local"], "mdns lookup hall.local"),
            (&["10.0.0.1"], "mdns reverse 10.0.0.1"),
        ];
        for (line, expected) in table {
            assert_eq!(tip_for(line).as_deref(), Some(expected), "{line:?}");
        }
    }

    #[test]
    fn what_has_no_likely_reason_gets_no_tip() {
        for line in [
            &["browse", "a..b"][..],
            &["browse", "--count", "0"],
            &["advertise", "Web", "_http._tcp", "80", "more"],
            &["lookup", ""],
            &["xyzzy"],
        ] {
            assert_eq!(tip_for(line), None, "{line:?}");
        }
    }
}
