//! A host's own Avahi, on a bus of its own.

use std::{thread::sleep, time::Duration};

use anyhow::Result;
use nix::sys::signal::Signal;
use regex::Regex;

use super::{
    event::unescape,
    net::Host,
    peer::Peer,
    stack::{SOON, Service},
};

/// Everyone may do everything: all are root, in a world of their own.
pub(crate) const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"#;

/// A running avahi-daemon.
pub(crate) struct Daemon(Peer);

impl Host {
    /// Starts Avahi under this host name, advertising `services` itself, and waits until its names are established.
    pub(crate) fn avahi(&self, name: &str, services: &[Service<'_>]) -> Result<Daemon> {
        self.avahi_with(name, services, "no")
    }

    /// The same, to ask the DNS servers of the host too.
    pub(crate) fn avahi_wide_area(&self, name: &str) -> Result<Daemon> {
        self.avahi_with(name, &[], "yes")
    }

    fn avahi_with(&self, name: &str, services: &[Service<'_>], wide_area: &str) -> Result<Daemon> {
        self.bus(BUS)?;
        self.start_avahi(name, services, "", wide_area)
    }

    /// Starts a system bus with a configuration.
    pub(crate) fn bus(&self, configuration: &str) -> Result<Peer> {
        self.write("/run/bus.conf", configuration)?;
        let bus = self.spawn(&[
            "dbus-daemon",
            "--nofork",
            "--nopidfile",
            "--print-address",
            "--config-file=/run/bus.conf",
        ])?;
        bus.wait_for("^unix:", SOON)?;
        Ok(bus)
    }

    /// Starts Avahi as [`avahi`](Self::avahi) does, on the bus that runs already, with more lines for its section `[server]`.
    pub(crate) fn avahi_on_bus(
        &self,
        name: &str,
        services: &[Service<'_>],
        settings: &str,
    ) -> Result<Daemon> {
        self.start_avahi(name, services, settings, "no")
    }

    fn start_avahi(
        &self,
        name: &str,
        services: &[Service<'_>],
        settings: &str,
        wide_area: &str,
    ) -> Result<Daemon> {
        self.avahi_services(services)?;
        let families = self.families();
        let yes_no = |yes| if yes { "yes" } else { "no" };
        let (v4, v6) = (yes_no(families.has_v4()), yes_no(families.has_v6()));
        self.write(
            "/run/avahi.conf",
            &format!(
                "[server]\nhost-name={name}\nuse-ipv4={v4}\nuse-ipv6={v6}\n\
                 ratelimit-interval-usec=1000000\nratelimit-burst=1000\n{settings}\n\
                 [wide-area]\nenable-wide-area={wide_area}\n[publish]\npublish-hinfo=no\npublish-workstation=no\n"
            ),
        )?;
        // The mount namespace does what the chroot and the change of user are for.
        let daemon = self.spawn(&[
            "avahi-daemon",
            "-f",
            "/run/avahi.conf",
            "--no-drop-root",
            "--no-chroot",
            "--no-rlimits",
            "--debug",
        ])?;
        daemon.wait_for("Server startup complete", SOON)?;
        for service in services {
            let established = format!(
                "Service \"{}\" .*successfully established",
                regex::escape(service.name)
            );
            daemon.wait_for(&established, SOON)?;
        }
        Ok(Daemon(daemon))
    }

    /// Writes what Avahi advertises itself, over what it did.
    pub(crate) fn avahi_services(&self, services: &[Service<'_>]) -> Result<()> {
        let mut numbered = services.iter().enumerate();
        numbered.try_for_each(|(n, service)| {
            self.write(
                &format!("/etc/avahi/services/{n}.service"),
                &service_file(service),
            )
        })
    }

    /// The name Avahi goes by now, its first label.
    pub(crate) fn avahi_name(&self) -> Result<String> {
        let method = "org.freedesktop.Avahi.Server.GetHostName";
        let output = self.run(&[
            "dbus-send",
            "--system",
            "--print-reply=literal",
            "--dest=org.freedesktop.Avahi",
            "/",
            method,
        ])?;
        Ok(output.stdout.trim().to_owned())
    }
}

impl Daemon {
    /// The records it has heard and still holds, a line each, unescaped.
    pub(crate) fn cache(&self) -> Result<Vec<String>> {
        let before = self.0.lines().len();
        self.0.signal(Signal::SIGUSR1)?;
        let start = self.0.wait_until("a cache dump", SOON, |lines| {
            (before..lines.len()).find(|&n| lines[n].text.contains("CACHE DUMP"))
        })?;
        // The rest comes at once, and nothing marks its end.
        sleep(Duration::from_millis(300));
        let lines = self.0.lines().split_off(start);
        Ok(lines.iter().map(|line| unescape(&line.text)).collect())
    }

    /// The addresses it has heard and still holds.
    pub(crate) fn cached_addresses(&self) -> Result<Vec<String>> {
        let address = Regex::new(r"\bIN\s+A(?:AAA)?\s+(\S+)")?;
        let cache = self.cache()?;
        let found = cache.iter().filter_map(|line| address.captures(line));
        Ok(found.map(|captures| captures[1].to_owned()).collect())
    }

    /// Ends it at once, without a goodbye.
    pub(crate) fn kill(&self) {
        self.0.kill();
    }

    /// Makes it read its services again.
    pub(crate) fn reload(&self) -> Result<()> {
        self.0.signal(Signal::SIGHUP)
    }
}

/// What Avahi reads from its services folder.
fn service_file(service: &Service<'_>) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let name = escape(service.name);
    let (service_type, port) = (service.service_type, service.port);
    let tag = |name: &str, value: &str| format!("<{name}>{}</{name}>", escape(value));
    let subtypes: String = service
        .subtypes
        .iter()
        .map(|s| tag("subtype", &format!("{s}._sub.{service_type}")))
        .collect();
    let txt: String = service
        .txt
        .iter()
        .map(|string| tag("txt-record", string))
        .collect();
    format!(
        "<?xml version=\"1.0\"?><!DOCTYPE service-group SYSTEM \"avahi-service.dtd\">\n\
         <service-group><name>{name}</name><service><type>{service_type}</type>{subtypes}\
         <port>{port}</port>{txt}</service></service-group>\n"
    )
}
