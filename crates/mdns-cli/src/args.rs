//! The command line: what may be said, and what is refused with the reason and the place.
//!
//! Every value is checked here, before any socket is opened. A value that is refused ends the program with exit code 2.

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{
    ArgGroup, Parser, Subcommand,
    builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser as _},
};
use clap_complete::{
    Shell,
    engine::{ArgValueCandidates, CompletionCandidate},
};
use mdns_proto::{
    discovery::AskError,
    name::{
        LabelError, Name, NameBuf, NameError, ServiceError, ServiceType, check_host,
        check_instance, split_instance,
    },
    wire::{KindError, RecordType},
};
use mdns_socket::{Family, PatternError, Selection, interfaces};
use mdns_tokio::{Announcement, Backend, Options};

use crate::{
    attributes::{Attribute, Attributes},
    files,
    names::{Names, Wanted},
    session::Failure,
    tips::{self, KNOWN_TYPES},
    updates::{Reread, Updates},
};

/// The domain of multicast DNS (RFC 6762 §3).
const LOCAL: Name<'static> = Name::from_static(b"\x05local\0");

pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  found, or advertised
  1  nothing found; for doctor, something is wrong
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
    Reverse(Reverse),
    Query(Query),
    Advertise(Advertise),
    Demo(Demo),
    Doctor(Doctor),
    Monitor(Monitor),
    Decode(Decode),
    Address(crate::commands::address::Args),
    Resolver(Box<crate::commands::resolver::Args>),
    Domains(crate::commands::unicast::Domains),
    Publish(Box<crate::commands::publish::Args>),
    Completions(Completions),
    Man(Man),
}

/// Lists the instances of a service type, or of all types, as they come and go.
///
/// Runs until ctrl-C, unless --once, --timeout or --count ends it. On a terminal it shows a table of what is there now; elsewhere it
/// prints a line whenever something comes or goes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns browse                                  everything there is
  mdns browse _http._tcp --resolve             web servers, with address and port
  mdns browse _ssh._tcp --once --short         names alone, of what is there now
  mdns browse _printer._sub._http._tcp         those of the subtype _printer
  mdns browse _ipp._tcp --timeout 3 --json     printers that answer within 3 s, as JSON
  mdns browse _ipp._tcp -d example.com         printers that DNS knows in example.com")]
pub(crate) struct Browse {
    /// A service type such as _http._tcp, perhaps with a subtype before it: _printer._sub._http._tcp [default: all types].
    #[arg(value_name = "TYPE", value_parser = browsed, add = ArgValueCandidates::new(known_types))]
    pub(crate) service_type: Option<ServiceType>,

    /// Tells host, port, attributes and addresses of each instance, again when they change.
    #[arg(long, short)]
    pub(crate) resolve: bool,

    /// Ends when nothing new has come for two seconds: tells what is there now.
    ///
    /// With --resolve it waits a little longer for details. It ends after 30 s in any case.
    #[arg(long)]
    pub(crate) once: bool,

    /// Takes types that RFC 6335 does not allow, such as those of more than 15 characters; some devices have them.
    #[arg(long)]
    pub(crate) lax: bool,

    #[command(flatten)]
    pub(crate) dns: Dns,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) show: Show,
    #[command(flatten)]
    short: Short,
}

/// Tells host, port, attributes and addresses of one instance.
///
/// Ends when they are known, or after 5 s without an answer.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns resolve 'Front Desk._ipp._tcp'          as `browse` prints it, with or without .local
  mdns resolve 'J. Smith' _ipp._tcp            the name as it is, and its type
  mdns resolve 'Front Desk._ipp._tcp' --short  host:port, for a script
  mdns resolve Web _http._tcp --count 9 --timeout 60
                                               the next 9 changes within a minute")]
pub(crate) struct Resolve {
    /// The instance: NAME._service._tcp, in which \. is a dot and \DDD a byte; or its name alone as it is, if TYPE is given.
    #[arg(value_name = "INSTANCE", value_parser = NonEmptyStringValueParser::new())]
    instance: String,

    /// The service type, if INSTANCE does not have it.
    #[arg(value_name = "TYPE", value_parser = instance_type, add = ArgValueCandidates::new(known_types))]
    service_type: Option<ServiceType>,

    #[command(flatten)]
    pub(crate) dns: Dns,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) show: Show,
    #[command(flatten)]
    short: Short,
}

/// Tells the addresses of a host.
///
/// Ends when they are known, or after 5 s without an answer.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns lookup printer                          the same as printer.local
  mdns lookup printer --short                  addresses, one a line
  mdns lookup printer.local -6 --json          IPv6 addresses only, as JSON")]
pub(crate) struct Lookup {
    /// The name of the host, with or without .local
    #[arg(value_name = "HOST", value_parser = host_name)]
    pub(crate) host: NameBuf,

    #[command(flatten)]
    pub(crate) dns: Servers,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) show: Show,
    #[command(flatten)]
    short: Short,
}

/// Tells the names of the host that has an address.
///
/// Ends when one is known, or after 5 s without an answer.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns reverse 169.254.7.90
  mdns reverse fe80::7%eth0                    asks on eth0 only")]
pub(crate) struct Reverse {
    /// The address, IPv4 or IPv6; an interface may follow, as in fe80::7%eth0
    #[arg(value_name = "ADDRESS", value_parser = scoped_address)]
    address: ScopedAddress,

    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    pub(crate) show: Show,
    #[command(flatten)]
    short: Short,
}

/// Tells the records of a name.
///
/// Ends at the first answer, or after 3 s without one. What comes together is told together.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns query hall.local AAAA                   one answer
  mdns query _http._tcp PTR --all              whatever comes within 3 s
  mdns query 'Front Desk._ipp._tcp' any --all --timeout 60
                                               as records come and go")]
pub(crate) struct Query {
    /// The name; after one label, and after _tcp or _udp, .local may be left out.
    #[arg(value_name = "NAME", value_parser = record_name)]
    pub(crate) name: NameBuf,

    /// The type of the records, such as A, AAAA, PTR, SRV, TXT, HINFO, NSEC, or ANY; others as TYPE and their number.
    #[arg(value_name = "TYPE", value_parser = record_type)]
    pub(crate) record_type: RecordType,

    /// Goes on after the first answer, until the time is up.
    #[arg(long, short, conflicts_with = "count")]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) show: Show,
    #[command(flatten)]
    short: Short,
}

/// Advertises a service, or a host alone, until ctrl-C, and then says goodbye.
///
/// SIGTERM, SIGQUIT and SIGHUP end it in the same way; SIGHUP has the file of --from or --txt-file read again instead.
///
/// If another has the name already, it gets a number, as in `Name (2)` or `host-2`; what is printed has the final name.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("what").args(["instance", "from", "host"]).required(true).multiple(true))]
#[command(after_help = "\
Examples:
  mdns advertise 'My Web' _http._tcp 8080 --txt path=/ --txt dark
  mdns advertise Printer _ipp._tcp 631 --subtype _universal --host laser
  mdns advertise --host laser                  the name and the addresses, no service
  mdns advertise --from services.jsonl --name-file /var/lib/mdns/names
  monitor | mdns advertise Printer _ipp._tcp 631 --txt state=idle --txt-file -
                                               each line of the other's output is a change

A line of --from FILE is a JSON object:
  {\"instance\": \"My Web\", \"type\": \"_http._tcp\", \"port\": 8080, \"txt\": {\"path\": \"/\", \"dark\": true},
   \"subtypes\": [\"_printer\"], \"host\": \"laser\"}")]
pub(crate) struct Advertise {
    /// The name that people see, as it is: up to 63 bytes, with spaces and dots if you like.
    #[arg(value_name = "NAME", value_parser = instance, requires_all = ["service_type", "port"])]
    instance: Option<String>,

    /// The service type, such as _http._tcp.
    #[arg(value_name = "TYPE", value_parser = str::parse::<ServiceType>, add = ArgValueCandidates::new(known_types))]
    service_type: Option<ServiceType>,

    /// The port on which the service listens.
    #[arg(value_name = "PORT", value_parser = clap::value_parser!(u16))]
    port: Option<u16>,

    /// Adds an attribute; without a value it is just present.
    #[arg(long = "txt", value_name = "KEY[=VALUE]", value_parser = str::parse::<Attribute>, requires = "instance")]
    txt: Vec<Attribute>,

    /// Changes attributes by the lines of a file, KEY[=VALUE] or !KEY; reads it again at each SIGHUP.
    ///
    /// KEY[=VALUE] sets an attribute, !KEY takes one away. If FILE is -, lines are read from standard input, and each is a
    /// change to what is advertised by then; it goes on when the input ends.
    #[arg(long, value_name = "FILE", requires = "instance")]
    txt_file: Option<PathBuf>,

    /// Adds a subtype, such as _printer.
    #[arg(long = "subtype", value_name = "SUBTYPE", value_parser = subtype, requires = "instance")]
    subtypes: Vec<String>,

    /// Keeps others from the same name under a type of the same family, such as _printer._tcp for one without LPR.
    #[arg(long = "placeholder", value_name = "TYPE", value_parser = str::parse::<ServiceType>, requires = "instance")]
    placeholders: Vec<ServiceType>,

    /// Names the host [default: the system's name]. Without NAME nothing but the host is advertised.
    #[arg(long, value_name = "HOST", value_parser = own_host)]
    host: Option<String>,

    /// Advertises the services in a file, one a line; reads it again at each SIGHUP.
    ///
    /// What has changed since is changed, added or withdrawn, and nothing else. If anything in the file is wrong nothing changes.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["instance", "host"])]
    pub(crate) from: Option<PathBuf>,

    /// Keeps the names that are won in a file, and begins with them the next time.
    ///
    /// Mode and owner of the file stay. What is no regular file is refused, but for /dev/null, which keeps nothing.
    #[arg(long, value_name = "FILE")]
    name_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) show: Show,
    #[command(flatten)]
    short: Short,
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
    #[arg(long, short, value_name = "SECS", value_parser = seconds, default_value = "10")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) timeout: Duration,

    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) show: Show,
}

/// Says whether mDNS can work on this host, and what to do where it cannot; takes about two seconds.
///
/// Lists the network interfaces, which of them can be used and why others cannot; who else has UDP port 5353; whether
/// what is sent to a host alone arrives; and, by a harmless query on each interface, whether multicast comes back and
/// who else is there. Needs no root, but only root is told the names of other users' programs.
///
/// Exit code 0 means that all is well, 1 that something is wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns doctor
  mdns doctor --interface eth0                 something is wrong if eth0 cannot be used
  mdns doctor --json                           one object, for programs")]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) network: Network,

    /// Prints one JSON object.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Prints what is said on the network, a line a packet.
///
/// A line has the time in seconds, the interface, who speaks, and what: `asks` is a query, `says` a response. QU marks a
/// question that welcomes a unicast answer; `for` is what a host claims, `knows` what need not be answered, `bye` what is
/// gone, ! what replaces all that was said before, (+ ..) what was not asked for. Left out are .local and the usual TTLs.
///
/// Only what is sent to the mDNS groups can be seen, by this host or others. What is sent to one host alone cannot.
#[derive(Debug, clap::Args)]
#[command(mut_arg("timeout", |timeout| timeout.visible_alias("duration")))]
#[command(after_help = "\
Examples:
  mdns monitor
  mdns monitor --interface eth0 --duration 60
  mdns monitor --json --count 100              with all records, for programs")]
pub(crate) struct Monitor {
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) show: Show,
}

/// Prints what was said in a recording, a line a packet, in the words of `mdns monitor`.
///
/// Reads pcap and pcapng: Ethernet with or without VLAN tags, raw IP, BSD loopback, Linux cooked. Packets from or to UDP
/// port 5353 are shown, what one host sends to another included; others are counted. IP fragments are not put
/// together. Times count from the first packet.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns decode printer.pcapng
  tcpdump -U -w - udp port 5353 | mdns decode -
  mdns decode --json printer.pcap              with all records, for programs")]
pub(crate) struct Decode {
    /// The recording; - is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Ends after this many packets are shown.
    #[arg(long, short = 'n', value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// Prints one JSON object a line.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Prints a script that completes the words of this command in a shell.
///
/// It asks this command what may come next, so that it knows the network interfaces that there are.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  source <(mdns completions bash)              in this shell
  mdns completions bash > ~/.local/share/bash-completion/completions/mdns
  mdns completions zsh > ~/.zfunc/_mdns
  mdns completions fish > ~/.config/fish/completions/mdns.fish")]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Prints a page of the manual, in roff.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns man | man -l -
  mdns man browse > mdns-browse.1")]
pub(crate) struct Man {
    /// The command that the page is about [default: mdns itself].
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
}

/// Which domain of unicast DNS to look in, if not `.local`.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Unicast DNS")]
pub(crate) struct Dns {
    /// Looks in this domain of unicast DNS, in place of the local network.
    #[arg(long, short, value_name = "DOMAIN", value_parser = domain_name)]
    pub(crate) domain: Option<NameBuf>,

    /// Asks this DNS server, in place of those in /etc/resolv.conf; may be repeated.
    #[arg(long = "server", value_name = "ADDRESS[:PORT]", value_parser = server_address)]
    pub(crate) servers: Vec<SocketAddr>,
}

/// Which servers of unicast DNS to ask.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Unicast DNS")]
pub(crate) struct Servers {
    /// Asks this DNS server, in place of those in /etc/resolv.conf; may be repeated.
    #[arg(long = "server", value_name = "ADDRESS[:PORT]", value_parser = server_address)]
    servers: Vec<SocketAddr>,
}

impl Servers {
    pub(crate) fn dns(&self) -> Dns {
        Dns {
            domain: None,
            servers: self.servers.clone(),
        }
    }
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
    #[arg(add = ArgValueCandidates::new(interface_names))]
    interfaces: Vec<Interface>,

    /// Uses IPv4 only.
    #[arg(short = '4', long = "ipv4", conflicts_with = "v6")]
    v4: bool,

    /// Uses IPv6 only.
    #[arg(short = '6', long = "ipv6")]
    v6: bool,

    /// Lets a daemon of this host ask and publish (avahi, resolved; auto: whichever runs, else own).
    ///
    /// With `own`, Avahi does it where the port is refused to us. `-v` and `mdns doctor` say who does it, and why.
    #[arg(
        long,
        value_name = "BACKEND",
        default_value = "own",
        hide_default_value = true
    )]
    #[arg(value_parser = PossibleValuesParser::new(BACKENDS).map(|text| text.parse::<Backend>().unwrap_or_default()))]
    pub(crate) backend: Backend,
}

/// What `--backend` takes, in the order in which it is listed.
const BACKENDS: [&str; 4] = [
    Backend::Own.as_str(),
    Backend::Avahi.as_str(),
    Backend::Resolved.as_str(),
    Backend::Auto.as_str(),
];

/// What to print.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Show {
    /// Prints one JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,

    /// Tells which interfaces are used, and since when.
    #[arg(long, short)]
    pub(crate) verbose: bool,

    /// One value a line; see [`Short`].
    #[arg(skip)]
    pub(crate) short: bool,
}

/// What to print, where results have one value.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Short {
    /// Prints one value a line and nothing else: an address, host:port, a name, or the data of a record.
    #[arg(long, conflicts_with = "json")]
    short: bool,
}

impl Show {
    fn with(self, Short { short }: Short) -> Self {
        Show { short, ..self }
    }
}

/// An interface as it was asked for.
#[derive(Clone, Debug)]
enum Interface {
    Name(String),
    Index(u32),
}

/// An address as it was given, perhaps with the interface that leads to it.
#[derive(Clone, Debug)]
struct ScopedAddress {
    ip: IpAddr,
    interface: Option<Interface>,
}

/// What is to be advertised.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are services")]
pub(crate) enum Own {
    Service(Announcement),
    /// A host alone; `None` has the system's name.
    Host(Option<String>),
}

impl Command {
    pub(crate) fn show(&self) -> Show {
        match self {
            Command::Browse(args) => args.show.with(args.short),
            Command::Resolve(args) => args.show.with(args.short),
            Command::Lookup(args) => args.show.with(args.short),
            Command::Reverse(args) => args.show.with(args.short),
            Command::Query(args) => args.show.with(args.short),
            Command::Advertise(args) => args.show.with(args.short),
            Command::Demo(args) => args.show,
            Command::Monitor(args) => args.show,
            Command::Address(args) => args.show(),
            Command::Resolver(args) => args.show(),
            Command::Domains(args) => args.show(),
            Command::Publish(args) => args.show(),
            Command::Doctor(Doctor { json, .. }) | Command::Decode(Decode { json, .. }) => Show {
                json: *json,
                ..Show::default()
            },
            Command::Completions(_) | Command::Man(_) => Show::default(),
        }
    }
}

impl Command {
    /// Whether it has nothing to do but to print: no network, and no end but its own.
    pub(crate) fn only_prints(&self) -> bool {
        matches!(
            self,
            Command::Doctor(_) | Command::Decode(_) | Command::Completions(_) | Command::Man(_)
        )
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
    /// The instance in a domain of unicast DNS, if it was given so.
    pub(crate) fn unicast_name(&self) -> Result<Option<NameBuf>, String> {
        match (&self.service_type, &self.dns.domain) {
            (Some(service_type), Some(domain)) => {
                let labels = service_type.as_name().labels().take(2);
                let mut name =
                    NameBuf::from_labels([self.instance.as_bytes()].into_iter().chain(labels));
                if let Ok(name) = &mut name {
                    name.push_name(domain.as_name())
                        .map_err(|error| error.to_string())?;
                }
                name.map(Some).map_err(|error| error.to_string())
            }
            (None, domain) => unicast_instance(&self.instance, domain.as_ref()),
            (Some(_), None) => Ok(None),
        }
    }

    /// The instance, in whichever way it was given.
    pub(crate) fn name(&self) -> Result<NameBuf, String> {
        let name = match &self.service_type {
            Some(service_type) => service_type
                .instance(&self.instance)
                .map_err(|error| error.to_string()),
            None => full_instance(&self.instance),
        };
        name.map_err(|why| {
            let tip = tips::value_tip("resolve", &self.instance, &[]);
            let tip = tip.map(|tip| format!("\n\n  tip: {tip}"));
            format!(
                "instance {:?}: {why}{}",
                self.instance,
                tip.unwrap_or_default()
            )
        })
    }
}

impl Reverse {
    pub(crate) fn ip(&self) -> IpAddr {
        self.address.ip
    }

    /// Where to ask: on the interface in the address, and on those that were asked for.
    pub(crate) fn network(&self) -> Network {
        let mut network = self.network.clone();
        network.interfaces.extend(self.address.interface.clone());
        network
    }
}

impl Advertise {
    /// What is to be advertised; at least one thing.
    pub(crate) fn own(&self) -> Result<Vec<Own>, Failure> {
        if let Some(path) = &self.from {
            let services = crate::services::read(&files::read(path)?)
                .map_err(|error| Failure::Usage(format!("{}, {error}", path.display())))?;
            return Ok(services.into_iter().map(Own::Service).collect());
        }
        // The group and `requires_all` see to it that all of these are there, or the host alone.
        let (Some(instance), Some(service_type), Some(port)) =
            (&self.instance, &self.service_type, self.port)
        else {
            return Ok(vec![Own::Host(self.host.clone())]);
        };
        let txt = self.attributes().to_txt();
        Ok(vec![Own::Service(Announcement {
            txt: txt.map_err(|why| Failure::Usage(format!("--txt {why}")))?,
            subtypes: self.subtypes.clone(),
            placeholders: self.placeholders.clone(),
            host: self.host.clone(),
            ..Announcement::new(instance, service_type.clone(), port)
        })])
    }

    /// The services of `--from`, as the file changes, if it is one.
    pub(crate) fn reread(&self) -> Result<Option<Reread>, Failure> {
        let new = |path: &PathBuf| Reread::new(path.clone());
        self.from.as_ref().map(new).transpose()
    }

    /// Whether a file is read again at SIGHUP, which else ends the program.
    pub(crate) fn rereads(&self) -> bool {
        let changes = self.txt_file.as_ref();
        self.from.is_some() || changes.is_some_and(|path| path != Path::new("-"))
    }

    /// The attributes of the command line.
    fn attributes(&self) -> Attributes {
        self.txt.clone().into()
    }

    /// Where changes to them come from, if they do.
    pub(crate) fn updates(&self) -> Result<Option<Updates>, Failure> {
        let open = |path: &PathBuf| Updates::open(path.clone(), self.attributes());
        self.txt_file.as_ref().map(open).transpose()
    }

    /// The names of the last time, if they are kept.
    pub(crate) fn names(&self) -> Result<Option<Names>, Failure> {
        let open = |path: &PathBuf| Names::open(path);
        self.name_file.as_ref().map(open).transpose()
    }
}

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Own::Service(service) => write!(f, "service {:?}", service.instance),
            Own::Host(Some(host)) => write!(f, "host {host:?}"),
            Own::Host(None) => f.write_str("this host"),
        }
    }
}

impl Own {
    /// What its name is for.
    pub(crate) fn wanted(&self) -> Wanted {
        match self {
            Own::Service(service) => Wanted::service(&service.service_type, &service.instance),
            Own::Host(Some(host)) => Wanted::host(host),
            Own::Host(None) => Wanted::host(&mdns_socket::host_name().unwrap_or_default()),
        }
    }

    /// The hosts that services run on, each once.
    pub(crate) fn hosts(all: &[Own]) -> Vec<Own> {
        let host_of = |own: &Own| match own {
            Own::Service(service) => Some(service.host.clone()),
            Own::Host(_) => None,
        };
        let distinct: BTreeSet<_> = all.iter().filter_map(host_of).collect();
        distinct.into_iter().map(Own::Host).collect()
    }
}

impl Network {
    /// A host on the interfaces that were asked for, or else on the `usual` ones.
    pub(crate) fn options(&self, usual: Selection) -> Result<Options, PatternError> {
        Ok(Options {
            interfaces: self.selection(usual)?,
            backend: self.backend,
            ..Options::default()
        })
    }

    /// The interfaces that were asked for, or else the `usual` ones.
    pub(crate) fn selection(&self, usual: Selection) -> Result<Selection, PatternError> {
        let mut selection = if self.is_named() {
            Selection::none()
        } else {
            usual
        };
        for interface in &self.interfaces {
            selection = match interface {
                Interface::Name(pattern) => selection.with_name(pattern)?,
                Interface::Index(index) => selection.with_index(*index),
            };
        }
        Ok(match self.family() {
            Some(family) => selection.only(family),
            None => selection,
        })
    }

    /// Whether interfaces were asked for.
    pub(crate) fn is_named(&self) -> bool {
        !self.interfaces.is_empty()
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

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
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
pub(crate) fn instance_type(text: &str) -> Result<ServiceType, ServiceError> {
    let service_type = ServiceType::browse(text)?;
    match service_type.subtype() {
        Some(_) => Err(ServiceError::Subtype { at: 0 }),
        None => Ok(service_type),
    }
}

pub(crate) fn instance(text: &str) -> Result<String, LabelError> {
    check_instance(text).map(|()| text.to_owned())
}

/// The first label of a host's name; `.local` may follow.
pub(crate) fn own_host(text: &str) -> Result<String, LabelError> {
    let label = without_local(text);
    check_host(label).map(|()| label.to_owned())
}

/// `printer`, `printer.local` and `printer.local.` are the same.
fn host_name(text: &str) -> Result<NameBuf, String> {
    if tips::host_of(text).is_some_and(tips::is_address) {
        return Err("an address, not the name of a host".to_owned());
    }
    if text.contains("://") {
        return Err("a URL, not the name of a host".to_owned());
    }
    let mut name: NameBuf = text
        .parse()
        .map_err(|error: NameError| format!("not a name: {error}"))?;
    if name.as_name().labels().count() == 1 && name != LOCAL {
        name.push_name(LOCAL).map_err(|error| error.to_string())?;
    }
    if name == LOCAL || name.as_name().is_root() {
        return Err("not a name under .local".to_owned());
    }
    Ok(name)
}

/// `Front Desk._ipp._tcp.example.com`, or without the domain where it is given; `None` if it is under `.local`.
fn unicast_instance(text: &str, domain: Option<&NameBuf>) -> Result<Option<NameBuf>, String> {
    // What is wrong with it is said where `.local` is looked in.
    let Ok(name) = text.parse::<NameBuf>() else {
        return Ok(None);
    };
    let labels: Vec<&[u8]> = name.as_name().labels().collect();
    let is_type = |at: &usize| match labels.get(*at..*at + 2) {
        Some([service, protocol]) => {
            let is = |known: &[u8]| protocol.eq_ignore_ascii_case(known);
            service.starts_with(b"_") && (is(b"_tcp") || is(b"_udp"))
        }
        _ => false,
    };
    let Some(at) = (1..labels.len()).rev().find(is_type) else {
        return Ok(None);
    };
    let (label, rest) = labels.split_at(at);
    let written =
        NameBuf::from_labels(rest.iter().skip(2).copied()).map_err(|error| error.to_string())?;
    let domain = match domain {
        _ if !written.as_name().is_root() => &written,
        Some(domain) => domain,
        None => return Ok(None),
    };
    if domain.as_name().is_link_local() {
        return Ok(None);
    }
    // In front of the type there is exactly one label.
    let label = label.join(&b'.');
    let labels = [label.as_slice()]
        .into_iter()
        .chain(rest.iter().take(2).copied());
    let mut instance = NameBuf::from_labels(labels).map_err(|error| error.to_string())?;
    instance
        .push_name(domain.as_name())
        .map_err(|error| error.to_string())?;
    Ok(Some(instance))
}

/// A name of unicast DNS.
pub(crate) fn domain_name(text: &str) -> Result<NameBuf, String> {
    let name: NameBuf = text
        .parse()
        .map_err(|error: NameError| format!("not a name: {error}"))?;
    match name.as_name() {
        name if name.is_root() => Err("the root is not a domain to look in".to_owned()),
        name if name.is_link_local() => {
            Err("of the local network, which needs no DNS server".to_owned())
        }
        _ => Ok(name),
    }
}

/// The address of a DNS server; the port is 53 if it is not given.
pub(crate) fn server_address(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    let address = address.or_else(|_| text.parse());
    address
        .map_err(|_| "not an address such as 192.0.2.53, [2001:db8::53]:5353 or fe80::1".to_owned())
}

/// A name that multicast is the place to ask for.
fn record_name(text: &str) -> Result<NameBuf, String> {
    let mut name: NameBuf = text
        .parse()
        .map_err(|error: NameError| format!("not a name: {error}"))?;
    let labels: Vec<&[u8]> = name.as_name().labels().collect();
    let is_short = match labels.as_slice() {
        [label] => !label.eq_ignore_ascii_case(b"local"),
        [.., last] => [b"_tcp", b"_udp"]
            .iter()
            .any(|l| last.eq_ignore_ascii_case(*l)),
        [] => false,
    };
    if is_short {
        name.push_name(LOCAL).map_err(|error| error.to_string())?;
    }
    match name.as_name().is_link_local() {
        true => Ok(name),
        false => Err(AskError::NotLinkLocal.to_string()),
    }
}

fn record_type(text: &str) -> Result<RecordType, String> {
    let rtype: RecordType = text.parse().map_err(|error: KindError| error.to_string())?;
    match rtype.is_pseudo() && rtype != RecordType::ANY {
        true => Err("no record has this type".to_owned()),
        false => Ok(rtype),
    }
}

fn scoped_address(text: &str) -> Result<ScopedAddress, String> {
    let (address, scope) = match text.split_once('%') {
        Some((address, scope)) => (address, Some(scope)),
        None => (text, None),
    };
    let ip = address
        .parse()
        .map_err(|_| "not an IP address".to_owned())?;
    let interface = scope.map(interface).transpose()?;
    Ok(ScopedAddress { ip, interface })
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

/// For completions.
fn interface_names() -> Vec<CompletionCandidate> {
    let present = interfaces().unwrap_or_default();
    present
        .into_iter()
        .map(|interface| CompletionCandidate::new(interface.name))
        .collect()
}

/// For completions.
fn known_types() -> Vec<CompletionCandidate> {
    KNOWN_TYPES.map(CompletionCandidate::new).into()
}

#[cfg(test)]
mod tests;
