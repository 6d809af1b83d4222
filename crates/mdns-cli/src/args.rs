//! The command line: what may be said, and what is refused with the reason and the place.
//!
//! Every value is checked here, before any socket is opened. A value that is refused ends the program with exit code 2.

use std::{path::PathBuf, time::Duration};

use clap::{ArgGroup, Parser, Subcommand, builder::NonEmptyStringValueParser};
use mdns_proto::{
    name::{
        LabelError, Name, NameBuf, NameError, ServiceError, ServiceType, check_host,
        check_instance, split_instance,
    },
    wire::{TxtError, TxtVec},
};
use mdns_socket::{Family, PatternError, Selection, interfaces};
use mdns_tokio::{Announcement, Options};

/// The domain of multicast DNS (RFC 6762 §3).
const LOCAL: Name<'static> = Name::from_static(b"\x05local\0");

const EXIT_CODES: &str = "\
Exit codes:
  0  found, or advertised
  1  nothing found
  2  something is wrong with the arguments
  3  the network cannot be used, or the output cannot be written";

/// Finds and advertises services on the local network, by multicast DNS and DNS-SD.
#[derive(Debug, Parser)]
#[command(name = "mdns", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Browse(Browse),
    Resolve(Resolve),
    Lookup(Lookup),
    Advertise(Advertise),
    Demo(Demo),
}

/// Lists the instances of a service type, or of all types, as they come and go.
///
/// Runs until ctrl-C, unless --timeout or --count ends it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns browse                                  everything there is
  mdns browse _http._tcp --resolve             web servers, with address and port
  mdns browse _printer._sub._http._tcp         those of the subtype _printer
  mdns browse _ipp._tcp --timeout 3 --json     printers that answer within 3 s, as JSON")]
pub(crate) struct Browse {
    /// A service type such as _http._tcp, perhaps with a subtype before it: _printer._sub._http._tcp [default: all types].
    #[arg(value_name = "TYPE", value_parser = browsed)]
    pub(crate) service_type: Option<ServiceType>,

    /// Tells host, port, attributes and addresses of each instance, again when they change.
    #[arg(long, short)]
    pub(crate) resolve: bool,

    /// Takes types that RFC 6335 does not allow, such as those of more than 15 characters; some devices have them.
    #[arg(long)]
    pub(crate) lax: bool,

    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) show: Show,
}

/// Tells host, port, attributes and addresses of one instance.
///
/// Ends when they are known, or after 5 s without an answer.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns resolve 'Front Desk._ipp._tcp'          as `browse` prints it, with or without .local
  mdns resolve 'J. Smith' _ipp._tcp            the name as it is, and its type
  mdns resolve Web _http._tcp --count 9 --timeout 60
                                               the next 9 changes within a minute")]
pub(crate) struct Resolve {
    /// The instance: NAME._service._tcp, in which \. is a dot and \DDD a byte; or its name alone as it is, if TYPE is given.
    #[arg(value_name = "INSTANCE", value_parser = NonEmptyStringValueParser::new())]
    instance: String,

    /// The service type, if INSTANCE does not have it.
    #[arg(value_name = "TYPE", value_parser = instance_type)]
    service_type: Option<ServiceType>,

    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) show: Show,
}

/// Tells the addresses of a host.
///
/// Ends when they are known, or after 5 s without an answer.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns lookup printer                          the same as printer.local
  mdns lookup printer.local -6 --json          IPv6 addresses only, as JSON")]
pub(crate) struct Lookup {
    /// The name of the host, with or without .local
    #[arg(value_name = "HOST", value_parser = host_name)]
    pub(crate) host: NameBuf,

    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) show: Show,
}

/// Advertises a service until ctrl-C, and then says goodbye.
///
/// If another has the name already, the service gets a number, as in `Name (2)`; what is printed has the final name.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("what").args(["instance", "from"]).required(true))]
#[command(after_help = "\
Examples:
  mdns advertise 'My Web' _http._tcp 8080 --txt path=/ --txt dark
  mdns advertise Printer _ipp._tcp 631 --subtype _universal --host laser
  mdns advertise --from services.jsonl

A line of FILE is a JSON object:
  {\"instance\": \"My Web\", \"type\": \"_http._tcp\", \"port\": 8080, \"txt\": {\"path\": \"/\", \"dark\": true},
   \"subtypes\": [\"_printer\"], \"host\": \"laser\"}")]
pub(crate) struct Advertise {
    /// The name that people see, as it is: up to 63 bytes, with spaces and dots if you like.
    #[arg(value_name = "NAME", value_parser = instance, requires_all = ["service_type", "port"])]
    instance: Option<String>,

    /// The service type, such as _http._tcp.
    #[arg(value_name = "TYPE", value_parser = str::parse::<ServiceType>)]
    service_type: Option<ServiceType>,

    /// The port on which the service listens.
    #[arg(value_name = "PORT", value_parser = clap::value_parser!(u16))]
    port: Option<u16>,

    /// Adds an attribute; without a value it is just present.
    #[arg(long = "txt", value_name = "KEY[=VALUE]", value_parser = attribute, requires = "instance")]
    txt: Vec<Attribute>,

    /// Adds a subtype, such as _printer.
    #[arg(long = "subtype", value_name = "SUBTYPE", value_parser = subtype, requires = "instance")]
    subtypes: Vec<String>,

    /// Names the host [default: the system's name].
    #[arg(long, value_name = "HOST", value_parser = own_host, requires = "instance")]
    host: Option<String>,

    /// Advertises the services in a file, one a line.
    #[arg(long, value_name = "FILE", conflicts_with = "instance")]
    from: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) show: Show,
}

/// Advertises two services and finds them, over real sockets on loopback; takes about four seconds.
///
/// Needs no network, no other host and no root. Exit code 0 means that everything was seen: both services found and
/// resolved, a changed attribute, both goodbyes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns demo
  mdns demo --interface eth0 --verbose         over a real network")]
pub(crate) struct Demo {
    /// Gives up after this many seconds.
    #[arg(long, value_name = "SECS", value_parser = seconds, default_value = "10")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) timeout: Duration,

    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) show: Show,
}

/// When to end.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Limits {
    /// Ends after this many seconds; 0.5 is half a second.
    #[arg(long, short, value_name = "SECS", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) timeout: Option<Duration>,

    /// Ends after this many results.
    #[arg(long, short = 'n', value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
}

/// Where to speak and listen.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct Network {
    /// Uses an interface by its name (eth0), its index (2) or a pattern ('en*'); may be repeated.
    ///
    /// A name or an index must be one that there is. A pattern may match nothing yet.
    #[arg(long = "interface", short, value_name = "INTERFACE", value_parser = interface)]
    interfaces: Vec<Interface>,

    /// Uses IPv4 only.
    #[arg(short = '4', long = "ipv4", conflicts_with = "v6")]
    v4: bool,

    /// Uses IPv6 only.
    #[arg(short = '6', long = "ipv6")]
    v6: bool,
}

/// What to print.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Show {
    /// Prints one JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,

    /// Tells which interfaces are used, and since when.
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// An interface as it was asked for.
#[derive(Clone, Debug)]
enum Interface {
    Name(String),
    Index(u32),
}

/// `key=value` or `key`.
#[derive(Clone, Debug)]
struct Attribute {
    key: String,
    value: Option<String>,
}

impl Command {
    pub(crate) fn show(&self) -> Show {
        match self {
            Command::Browse(args) => args.show,
            Command::Resolve(args) => args.show,
            Command::Lookup(args) => args.show,
            Command::Advertise(args) => args.show,
            Command::Demo(args) => args.show,
        }
    }
}

impl Browse {
    /// What RFC 6335 has against the type, unless the user does not mind.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Some(service_type) = self.service_type.as_ref().filter(|_| !self.lax) else {
            return Ok(());
        };
        let text = service_type.base().to_string();
        match text.parse::<ServiceType>() {
            Ok(_) => Ok(()),
            Err(error) => Err(format!(
                "service type {text:?}: {error}; --lax browses for it nevertheless"
            )),
        }
    }
}

impl Resolve {
    /// The instance, in whichever way it was given.
    pub(crate) fn name(&self) -> Result<NameBuf, String> {
        let name = match &self.service_type {
            Some(service_type) => service_type
                .instance(&self.instance)
                .map_err(|error| error.to_string()),
            None => full_instance(&self.instance),
        };
        name.map_err(|why| format!("instance {:?}: {why}", self.instance))
    }
}

impl Advertise {
    /// What is to be advertised; at least one.
    pub(crate) fn services(self) -> Result<Vec<Announcement>, String> {
        if let Some(path) = &self.from {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            return crate::services::read(&text)
                .map_err(|error| format!("{}, {error}", path.display()));
        }
        // The group and `requires_all` see to it that these are there.
        let (Some(instance), Some(service_type), Some(port)) =
            (self.instance, self.service_type, self.port)
        else {
            return Err("NAME, TYPE and PORT, or --from FILE, must be given".to_owned());
        };
        let mut txt = TxtVec::new();
        for Attribute { key, value } in &self.txt {
            txt.push(key, value.as_deref().map(str::as_bytes))
                .map_err(|error| format!("--txt {key:?}: {error}"))?;
        }
        Ok(vec![Announcement {
            txt,
            subtypes: self.subtypes,
            host: self.host,
            ..Announcement::new(instance, service_type, port)
        }])
    }
}

impl Network {
    /// A host on the interfaces that were asked for, or else on the `usual` ones.
    pub(crate) fn options(&self, usual: Selection) -> Result<Options, PatternError> {
        let mut selection = usual;
        if !self.interfaces.is_empty() {
            selection = Selection::none();
        }
        for interface in &self.interfaces {
            selection = match interface {
                Interface::Name(pattern) => selection.with_name(pattern)?,
                Interface::Index(index) => selection.with_index(*index),
            };
        }
        if let Some(family) = self.family() {
            selection = selection.only(family);
        }
        Ok(Options {
            interfaces: selection,
            ..Options::default()
        })
    }

    /// The one family to use, if one was asked for.
    pub(crate) fn family(&self) -> Option<Family> {
        match (self.v4, self.v6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|secs| Duration::try_from_secs_f64(secs).ok())
        .filter(|span| !span.is_zero())
        .ok_or_else(|| "not a number of seconds above 0".to_owned())
}

fn browsed(text: &str) -> Result<ServiceType, ServiceError> {
    ServiceType::browse(text)
}

/// A type without a subtype: instances have none in their names.
fn instance_type(text: &str) -> Result<ServiceType, ServiceError> {
    let service_type = ServiceType::browse(text)?;
    match service_type.subtype() {
        Some(_) => Err(ServiceError::Subtype { at: 0 }),
        None => Ok(service_type),
    }
}

fn instance(text: &str) -> Result<String, LabelError> {
    check_instance(text).map(|()| text.to_owned())
}

/// The first label of a host's name; `.local` may follow.
pub(crate) fn own_host(text: &str) -> Result<String, LabelError> {
    let label = without_local(text);
    check_host(label).map(|()| label.to_owned())
}

/// `printer`, `printer.local` and `printer.local.` are the same.
fn host_name(text: &str) -> Result<NameBuf, String> {
    let mut name: NameBuf = text
        .parse()
        .map_err(|error: NameError| format!("not a name: {error}"))?;
    if name.as_name().labels().count() == 1 && name != LOCAL {
        name.push_name(LOCAL).map_err(|error| error.to_string())?;
    }
    if name == LOCAL || !name.as_name().ends_with(LOCAL) {
        return Err("not a name under .local".to_owned());
    }
    Ok(name)
}

fn without_local(text: &str) -> &str {
    let name = text.strip_suffix('.').unwrap_or(text);
    match name.len().checked_sub(".local".len()) {
        Some(at) if name.is_char_boundary(at) && name[at..].eq_ignore_ascii_case(".local") => {
            &name[..at]
        }
        _ => text,
    }
}

pub(crate) fn subtype(text: &str) -> Result<String, NameError> {
    NameBuf::from_labels([text.as_bytes()]).map(|_| text.to_owned())
}

fn attribute(text: &str) -> Result<Attribute, TxtError> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (text, None),
    };
    TxtVec::new().push(key, value.map(str::as_bytes))?;
    Ok(Attribute {
        key: key.to_owned(),
        value: value.map(str::to_owned),
    })
}

/// `Front Desk._ipp._tcp`, with or without `.local`.
///
/// In front of the type there is exactly one label (RFC 6763 §4.1), so dots that nobody escaped are part of it.
fn full_instance(text: &str) -> Result<NameBuf, String> {
    let name: NameBuf = text.parse().map_err(|error: NameError| error.to_string())?;
    let labels: Vec<&[u8]> = name.as_name().labels().collect();
    let begins_type = |at: &usize| {
        let from = |at: usize| labels.get(at..).unwrap_or_default().iter().copied();
        NameBuf::from_labels(from(at - 1))
            .is_ok_and(|tail| split_instance(tail.as_name()).is_some())
    };
    let at = (1..labels.len()).rev().find(begins_type).ok_or(
        "no service type in it: expected NAME._service._tcp or NAME._service._udp, or the type as a second argument",
    )?;
    let (label, rest) = labels.split_at(at);
    let whole = NameBuf::from_labels(rest.iter().copied()).map_err(|error| error.to_string())?;
    let service_type = instance_type(&whole.to_string()).map_err(|error| error.to_string())?;
    let mut instance =
        NameBuf::from_labels([label.join(&b'.').as_slice()]).map_err(|error| error.to_string())?;
    instance
        .push_name(service_type.as_name())
        .map_err(|error| error.to_string())?;
    Ok(instance)
}

/// A name without wildcards, or an index, is most likely mistyped if there is no such interface.
fn interface(text: &str) -> Result<Interface, String> {
    let is_pattern = text.contains(['*', '?', '[']);
    if is_pattern {
        return match Selection::none().with_name(text) {
            Ok(_) => Ok(Interface::Name(text.to_owned())),
            Err(error) => Err(error.to_string()),
        };
    }
    let present = interfaces().map_err(|error| error.to_string())?;
    let by_name = present.iter().any(|interface| interface.name == text);
    let index = text
        .parse()
        .ok()
        .filter(|index| present.iter().any(|found| found.index == *index));
    match index {
        _ if by_name => Ok(Interface::Name(text.to_owned())),
        Some(index) => Ok(Interface::Index(index)),
        None => {
            let names: Vec<&str> = present
                .iter()
                .map(|interface| interface.name.as_str())
                .collect();
            Err(format!(
                "no such interface; there are {} (a pattern such as '{text}*' waits for one)",
                names.join(", ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_host_can_be_given_in_many_ways() {
        for text in ["printer", "printer.local", "printer.local."] {
            assert_eq!(
                host_name(text).map(|name| name.to_string()).as_deref(),
                Ok("printer.local")
            );
            assert_eq!(own_host(text).as_deref(), Ok("printer"));
        }
        for text in ["", ".", "a..local", "local", "printer.example.com", "\\"] {
            assert!(host_name(text).is_err(), "{text}");
        }
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
        let services = args.services().expect("services");
        assert_eq!(
            services[0].txt.as_txt().to_string(),
            r#""path=/a=b" "empty=" "flag""#
        );
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
}
