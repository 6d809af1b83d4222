//! `mdns address`: an IPv4 address without a server, or a look whether another host has one.

use std::{net::Ipv4Addr, path::PathBuf};

use clap::{ValueEnum, builder::NonEmptyStringValueParser};

use crate::args::Show;

#[cfg(target_os = "linux")]
mod script;

/// Claims a link-local IPv4 address (169.254.x.x) for an interface and defends it, or checks whether an address is in use.
///
/// Runs until ctrl-C, and then removes the address. While the interface has another IPv4 address, from DHCP or by hand, it has no
/// link-local one. Needs the capabilities CAP_NET_RAW and CAP_NET_ADMIN; --check needs the first alone. Linux only.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns address eth0                            claims an address for eth0
  mdns address eth0 --state /var/lib/mdns-eth0 and tries it first the next time
  mdns address --check 10.0.0.7 -i eth0        does another host use this address?

Exit codes of --check:
  0  no other host uses the address
  1  another host uses it
  2  something is wrong with the arguments
  3  it cannot be told: the interface has no link, or lost it, or a capability is missing")]
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "read where the command works")
)]
pub(crate) struct Args {
    /// The interface.
    #[arg(
        value_name = "INTERFACE",
        required_unless_present = "on",
        value_parser = NonEmptyStringValueParser::new()
    )]
    interface: Option<String>,

    /// The interface, named as an option.
    #[arg(
        id = "on",
        long = "interface",
        short = 'i',
        value_name = "INTERFACE",
        conflicts_with = "interface",
        value_parser = NonEmptyStringValueParser::new()
    )]
    on: Option<String>,

    /// Only checks whether another host uses this address, and ends (RFC 5227).
    #[arg(
        long,
        value_name = "ADDRESS",
        conflicts_with_all = ["policy", "state", "script", "start", "default_route", "broadcast_arp"]
    )]
    check: Option<Ipv4Addr>,

    /// What to do when another host uses the address too: yield takes another address at once, defend does so at the second conflict
    /// within 10 s, keep never does.
    #[arg(long, value_enum, value_name = "POLICY", default_value = "defend")]
    policy: Policy,

    /// The address to try first.
    #[arg(long, value_name = "ADDRESS", value_parser = candidate)]
    start: Option<Ipv4Addr>,

    /// Keeps the address in this file, and tries it first the next time.
    ///
    /// Mode and owner of the file stay. What is no regular file is refused, but for /dev/null, which keeps nothing.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// Runs this program when something happens, with the words BIND, CONFLICT, UNBIND or STOP, the interface and the address, as
    /// avahi-autoipd does. The address is added and removed before.
    ///
    /// One runs at a time, in order, while the address is defended; after 30 s it is killed. What it prints goes to standard error.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,

    /// Adds a default route to the link too, so that every address is asked for there.
    #[arg(long)]
    default_route: bool,

    /// Has nftables send ARP replies for the address to all hosts, as RFC 3927 asks for; the kernel sends them to one.
    #[arg(long)]
    broadcast_arp: bool,

    #[command(flatten)]
    show: Show,
}

/// See `--policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Policy {
    Yield,
    Defend,
    Keep,
}

fn candidate(text: &str) -> Result<Ipv4Addr, String> {
    let address: Ipv4Addr = text.parse().map_err(|_| "not an IPv4 address".to_owned())?;
    match address.octets() {
        [169, 254, 1..=254, _] => Ok(address),
        _ => Err("must be from 169.254.1.0 to 169.254.254.255".to_owned()),
    }
}

impl Args {
    pub(crate) fn show(&self) -> Show {
        self.show
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) async fn run(
    _: Args,
    _: crate::output::Output,
) -> Result<crate::session::Found, crate::session::Failure> {
    let text =
        "`mdns address` works on Linux only; other systems claim link-local addresses themselves";
    Err(crate::session::Failure::Network(text.to_owned()))
}

#[cfg(target_os = "linux")]
pub(super) use linux::run;

#[cfg(target_os = "linux")]
mod linux {
    use std::{net::Ipv4Addr, path::Path};

    use ipv4ll_tokio::{AddressClaim, Error, Event, HardwareAddress, Options, Usage, check};
    use serde::Serialize;

    use super::{Args, Policy, candidate, script::Script};
    use crate::{
        files::{Kept, unreadable, unwritable},
        output::{Output, Print, Stamp},
        session::{Failure, Found, stop},
    };

    /// The word for which the script is run.
    const BIND: &str = "BIND";
    const CONFLICT: &str = "CONFLICT";
    const UNBIND: &str = "UNBIND";
    const STOP: &str = "STOP";

    /// What is printed of an event.
    #[derive(Debug, Serialize)]
    struct Line {
        event: &'static str,
        interface: String,
        address: Ipv4Addr,
        /// The other host.
        #[serde(skip_serializing_if = "Option::is_none")]
        hardware_address: Option<String>,
    }

    impl Line {
        fn new(
            event: &'static str,
            interface: &str,
            address: Ipv4Addr,
            hardware: Option<HardwareAddress>,
        ) -> Self {
            Line {
                event,
                interface: interface.to_owned(),
                address,
                hardware_address: hardware.map(|hardware| hardware.to_string()),
            }
        }
    }

    impl Print for Line {
        fn columns(&self, stamp: Stamp) -> String {
            let Line {
                event,
                interface,
                address,
                hardware_address,
            } = self;
            let mut text = format!("{:>8.3}  {event:<10}  {address}  {interface}", stamp.secs());
            if let Some(hardware) = hardware_address {
                text += &format!("  {hardware}");
            }
            text
        }
    }

    pub(crate) async fn run(args: Args, output: Output) -> Result<Found, Failure> {
        let interface = args.interface.clone().or_else(|| args.on.clone());
        let interface = interface.unwrap_or_default();
        match args.check {
            Some(address) => look(&interface, address, &output).await,
            None => claim(&interface, &args, &output).await,
        }
    }

    /// Checks an address once.
    async fn look(interface: &str, address: Ipv4Addr, output: &Output) -> Result<Found, Failure> {
        let usage = check(interface, address).await.map_err(failure)?;
        let (event, hardware) = match usage {
            Usage::Unused => ("unused", None),
            Usage::Used(hardware) => ("used", Some(hardware)),
        };
        output.line(&Line::new(event, interface, address, hardware))?;
        Ok(Found(hardware.is_none()))
    }

    /// Claims an address until told to stop.
    async fn claim(interface: &str, args: &Args, output: &Output) -> Result<Found, Failure> {
        let mut stop = stop(None)?;
        let mut options = Options::new(interface);
        options.policy = match args.policy {
            Policy::Yield => ipv4ll_tokio::Policy::Yield,
            Policy::Defend => ipv4ll_tokio::Policy::Defend,
            Policy::Keep => ipv4ll_tokio::Policy::Keep,
        };
        options.default_route = args.default_route;
        options.broadcast_arp = args.broadcast_arp;
        // Before anything is changed: what is wrong with the arguments is said at once.
        let state = args.state.as_deref().map(State::open).transpose()?;
        let previous = match &state {
            Some(state) => state.address(output)?,
            None => None,
        };
        options.previous = args.start.or(previous);
        let script = args.script.clone();
        let script = script.map(|path| Script::open(interface, path, *output));
        let script = script.transpose().map_err(Failure::Usage)?;
        let call = |word, address| {
            if let Some(script) = &script {
                script.call(word, address);
            }
        };
        let mut claim = AddressClaim::start(options).map_err(failure)?;
        let mut claimed = false;
        loop {
            let event = tokio::select! {
                biased;
                () = &mut stop => break,
                event = claim.next() => event,
            };
            let event = match event {
                Some(Ok(event)) => event,
                Some(Err(error)) => {
                    output.remark(&error.to_string());
                    continue;
                }
                None => {
                    if let Some(script) = script {
                        script.stop(STOP, None).await;
                    }
                    let text = format!("interface `{interface}` cannot be given an address");
                    return Err(Failure::Network(text));
                }
            };
            let line = match event {
                Event::Claimed { address } => {
                    claimed = true;
                    if let Some(Err(why)) = state.as_ref().map(|state| state.keep(address)) {
                        output.remark(&why);
                    }
                    call(BIND, Some(address));
                    Line::new("claimed", interface, address, None)
                }
                Event::Defended { address, hardware } => {
                    Line::new("defended", interface, address, Some(hardware))
                }
                Event::Conflict { address, hardware } => {
                    call(CONFLICT, Some(address));
                    Line::new("conflict", interface, address, Some(hardware))
                }
                Event::Lost { address } => {
                    call(UNBIND, Some(address));
                    Line::new("lost", interface, address, None)
                }
                _ => continue,
            };
            output.line(&line)?;
        }
        let last = claim.address();
        claim.stop().await;
        if let Some(script) = script {
            script.stop(STOP, last).await;
        }
        Ok(Found(claimed))
    }

    fn failure(error: Error) -> Failure {
        match error {
            Error::NoInterface(_) | Error::Address(_) => Failure::Usage(error.to_string()),
            _ => Failure::Network(error.to_string()),
        }
    }

    /// The file of `--state`.
    struct State<'a> {
        path: &'a Path,
        file: Kept,
    }

    impl<'a> State<'a> {
        fn open(path: &'a Path) -> Result<Self, Failure> {
            match Kept::open(path) {
                Ok(file) => Ok(State { path, file }),
                Err(error) => Err(unwritable(path, &error)),
            }
        }

        /// The address in it; none if there is no file yet, or no address in it, which is said.
        fn address(&self, output: &Output) -> Result<Option<Ipv4Addr>, Failure> {
            let read = self.file.read();
            let text = read.map_err(|error| unreadable(self.path, &error))?;
            let text = text.trim();
            let address = candidate(text);
            if let (Err(what), false) = (&address, text.is_empty()) {
                let path = self.path.display();
                output.remark(&format!("{path}: no address to begin with: {what}"));
            }
            Ok(address.ok())
        }

        /// # Errors
        ///
        /// Says why it cannot be written. It is as it was then.
        fn keep(&self, address: Ipv4Addr) -> Result<(), String> {
            self.file
                .write(&format!("{address}\n"))
                .map_err(|error| format!("{} cannot be written: {error}", self.path.display()))
        }
    }
}
