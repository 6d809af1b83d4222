//! What the command line says is what is done.

use clap::CommandFactory as _;

use super::*;

fn parse(words: &[&str]) -> Command {
    let all = ["mdns"].iter().chain(words);
    Args::try_parse_from(all).expect("arguments").command
}

fn resolved(words: &[&str]) -> Result<String, String> {
    match parse(&[&["resolve"], words].concat()) {
        Command::Resolve(args) => args.name().map(|name| name.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_definition_is_sound() {
    Args::command().debug_assert();
}

#[test]
fn an_instance_can_be_given_in_many_ways() {
    let escaped = r"J\. Smith._ipp._tcp.local";
    for words in [
        &[escaped][..],
        &[r"J\. Smith._ipp._tcp.local."],
        &["J. Smith._ipp._tcp"],
        &["J. Smith._IPP._TCP.local"],
        &["J. Smith", "_ipp._tcp"],
        &["J. Smith", "_ipp._tcp.local."],
    ] {
        let name = resolved(words).expect("an instance");
        assert!(name.eq_ignore_ascii_case(escaped), "{words:?} is {name}");
    }
    // What looks like a type in the name of an instance is part of it.
    assert_eq!(
        resolved(&["_a._tcp._http._tcp"]).as_deref(),
        Ok(r"_a\._tcp._http._tcp.local")
    );
}

#[test]
fn what_is_no_instance_is_refused() {
    for (words, why) in [
        (&["no type at all"][..], "no service type in it"),
        (&["_http._tcp"], "no service type in it"),
        (&["A._http._tcp.example.com"], "domain is not local"),
        (&["\n", "_http._tcp"], "not allowed"),
    ] {
        let error = resolved(words).expect_err("no instance");
        assert!(error.contains(why), "{words:?}: {error}");
    }
}

/// covers: 6762-21-a
#[test]
fn a_host_can_be_given_in_many_ways() {
    for text in ["printer", "printer.local", "printer.local."] {
        assert_eq!(
            host_name(text).map(|name| name.to_string()).as_deref(),
            Ok("printer.local")
        );
        assert_eq!(own_host(text).as_deref(), Ok("printer"));
    }
    for text in ["", ".", "a..local", "local", "\\"] {
        assert!(host_name(text).is_err(), "{text}");
    }
    // One of unicast DNS stays as it is.
    let other = host_name("printer.example.com");
    assert_eq!(
        other.map(|name| name.to_string()).as_deref(),
        Ok("printer.example.com")
    );
    for text in ["", "two.labels", "two.labels.local", "-a", "a b", "_a"] {
        assert!(own_host(text).is_err(), "{text}");
    }
}

#[test]
fn odd_types_are_browsed_only_when_meant() {
    let check = |words: &[&str]| match parse(&[&["browse"], words].concat()) {
        Command::Browse(args) => args.check(),
        other => panic!("{other:?}"),
    };
    let odd = "_a-name-of-sixteen._tcp";
    assert!(check(&[odd]).is_err_and(|why| why.contains("--lax")));
    assert_eq!(check(&[odd, "--lax"]), Ok(()));
    assert_eq!(check(&["_printer._sub._http._tcp"]), Ok(()));
    assert_eq!(check(&[]), Ok(()));
}

#[test]
fn attributes_keep_their_three_kinds() {
    let words = [
        "advertise",
        "Web",
        "_http._tcp",
        "80",
        "--txt",
        "path=/a=b",
        "--txt",
        "empty=",
        "--txt",
        "flag",
    ];
    let Command::Advertise(args) = parse(&words) else {
        panic!("another command");
    };
    let own = args.own().expect("a service");
    let [Own::Service(service)] = own.as_slice() else {
        panic!("{own:?}");
    };
    assert_eq!(
        service.txt.as_txt().to_string(),
        r#""path=/a=b" "empty=" "flag""#
    );
}

#[test]
fn records_can_be_asked_for_by_short_names() {
    for (text, whole) in [
        ("hall", "hall.local"),
        ("hall.Local.", "hall.Local"),
        ("local", "local"),
        ("_http._tcp", "_http._tcp.local"),
        ("Front Desk._ipp._TCP", "Front Desk._ipp._TCP.local"),
        ("1.2.254.169.in-addr.arpa", "1.2.254.169.in-addr.arpa"),
    ] {
        let name = record_name(text).map(|name| name.to_string());
        assert_eq!(name.as_deref(), Ok(whole));
    }
    for text in ["", ".", "a..local", "www.example.com", "_tcp.example"] {
        assert!(record_name(text).is_err(), "{text}");
    }
    assert_eq!(record_type("any"), Ok(RecordType::ANY));
    assert_eq!(record_type("TYPE65280"), Ok(RecordType(65280)));
    for text in ["", "OPT", "TYPE0", "AXFR", "TYPE252"] {
        assert!(record_type(text).is_err(), "{text}");
    }
}

#[test]
fn an_address_may_have_an_interface() {
    let first = &interfaces().expect("interfaces")[0];
    let words = ["reverse", &format!("fe80::7%{}", first.name)];
    let Command::Reverse(args) = parse(&words) else {
        panic!("another command");
    };
    assert_eq!(args.ip().to_string(), "fe80::7");
    assert_eq!(args.network().interfaces.len(), 1);
    for text in ["", "hall", "10.0.0", "fe80::7%nosuch0", "fe80::7%"] {
        assert!(scoped_address(text).is_err(), "{text}");
    }
}

#[test]
fn the_hosts_of_services_are_told_once() {
    let service = |host: Option<&str>| {
        let http = "_http._tcp".parse().expect("a type");
        Own::Service(Announcement {
            host: host.map(str::to_owned),
            ..Announcement::new("Web", http, 80)
        })
    };
    let all = [None, Some("a"), Some("b"), Some("a"), None].map(service);
    let hosts = Own::hosts(&all);
    assert_eq!(hosts.len(), 3, "{hosts:?}");
    assert!(Own::hosts(&[Own::Host(None)]).is_empty());
}

#[test]
fn spans_are_seconds() {
    assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
    for text in ["soon", "-1", "0", "nan", "inf", "1e300", ""] {
        assert!(seconds(text).is_err(), "{text}");
    }
}

#[test]
fn one_interface_there_always_is() {
    let first = &interfaces().expect("interfaces")[0];
    assert!(interface(&first.name).is_ok());
    assert!(interface(&first.index.to_string()).is_ok());
    assert!(interface("nosuch*").is_ok());
    assert!(interface("nosuch0").is_err_and(|why| why.contains(&first.name)));
    assert!(interface("[").is_err_and(|why| why.contains("malformed")));
}
