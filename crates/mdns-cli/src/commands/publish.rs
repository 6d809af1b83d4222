//! `mdns publish`: a service in a domain of unicast DNS, by DNS Update.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use dnssd_unicast::{Key, Publication, PublishError, Publisher};
use mdns_proto::name::{NameBuf, ServiceType};

use crate::{
    args::{Show, domain_name, instance, instance_type, server_address, subtype},
    attributes::{Attribute, Attributes},
    files,
    output::{Kind, Line, Output},
    session::{Failure, Found, stop},
};

/// How soon a server that does not answer is tried again, at first and at most.
const RETRY: Duration = Duration::from_secs(5);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// How long is spent on removing it in the end.
const LEAVING: Duration = Duration::from_secs(5);

/// Publishes a service in a domain of unicast DNS until ctrl-C, and then removes it.
///
/// The DNS server has to allow updates (RFC 2136), best with a key (TSIG) such as tsig-keygen makes. If another has the name already, it gets
/// a number, as in `Name (2)`; what is printed has the final name. It is written again every half TTL, and so comes back when the server lost
/// it.
///
/// For the local network, see `mdns advertise`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns publish 'Front Desk' _ipp._tcp 631 -d example.com --host laser.example.com --server 192.0.2.53 --key office.key
  mdns publish 'My Web' _http._tcp 8080 -d example.com --host web --address 192.0.2.7 --txt path=/ --server 192.0.2.53 --key office.key

Exit codes:
  0  published, and removed in the end
  2  something is wrong with the arguments
  3  the server cannot be reached, or does not accept the update")]
pub(crate) struct Args {
    /// The name that people see: 1 to 63 bytes of text.
    #[arg(value_name = "NAME", value_parser = instance)]
    instance: String,

    /// The service type, such as _http._tcp
    #[arg(value_name = "TYPE", value_parser = instance_type)]
    service_type: ServiceType,

    /// The port on which the service listens.
    #[arg(value_name = "PORT")]
    port: u16,

    /// The domain.
    #[arg(long, short, value_name = "DOMAIN", value_parser = domain_name)]
    domain: NameBuf,

    /// The primary DNS server of the domain.
    #[arg(long, value_name = "ADDRESS[:PORT]", value_parser = server_address)]
    server: SocketAddr,

    /// The file with the key that the server knows, as tsig-keygen writes it.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// The host that it runs on: one label of the domain, or a whole name [default: the name of this host, in the domain].
    #[arg(long, value_name = "HOST", value_parser = host)]
    host: Option<NameBuf>,

    /// Writes an address of the host too, and removes it in the end; may be repeated. Without one, DNS has to know the host.
    #[arg(long = "address", value_name = "ADDRESS")]
    addresses: Vec<IpAddr>,

    /// Adds an attribute; without a value it is just present.
    #[arg(long = "txt", value_name = "KEY[=VALUE]", value_parser = str::parse::<Attribute>)]
    txt: Vec<Attribute>,

    /// Adds a subtype, such as _printer.
    #[arg(long = "subtype", value_name = "SUBTYPE", value_parser = subtype)]
    subtypes: Vec<String>,

    /// How long clients may believe it, in seconds.
    #[arg(long, value_name = "SECS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(10..=86_400))]
    ttl: u32,

    #[command(flatten)]
    show: Show,
}

fn host(text: &str) -> Result<NameBuf, String> {
    domain_name(text)
}

impl Args {
    pub(crate) fn show(&self) -> Show {
        self.show
    }

    fn key(&self) -> Result<Option<Key>, Failure> {
        let Some(path) = &self.key else {
            return Ok(None);
        };
        let text = files::read(path)?;
        let key = text.parse::<Key>();
        key.map(Some)
            .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
    }

    fn publication(&self) -> Result<Publication, Failure> {
        let whole = |label: &[u8]| {
            let mut name = NameBuf::from_labels([label])?;
            name.push_name(self.domain.as_name())?;
            Ok(name)
        };
        let host = match &self.host {
            Some(host) if host.as_name().labels().count() > 1 => Ok(host.clone()),
            Some(host) => whole(host.as_name().first_label().unwrap_or_default()),
            None => whole(
                mdns_socket::host_name()
                    .unwrap_or_default()
                    .split('.')
                    .next()
                    .unwrap_or_default()
                    .as_bytes(),
            ),
        };
        let host = host.map_err(|error: mdns_proto::name::NameError| {
            Failure::Usage(format!("--host: {error}"))
        })?;
        let labels = self.service_type.as_name().labels().take(2);
        let service_type =
            NameBuf::from_labels(labels).map_err(|error| Failure::Usage(error.to_string()))?;
        let mut publication = Publication::new(
            &self.instance,
            service_type,
            self.domain.clone(),
            host,
            self.port,
        );
        let txt = Attributes::from(self.txt.clone()).to_txt();
        publication.txt = txt.map_err(|why| Failure::Usage(format!("--txt {why}")))?;
        publication.subtypes.clone_from(&self.subtypes);
        publication.addresses.clone_from(&self.addresses);
        publication.ttl = self.ttl;
        Ok(publication)
    }
}

pub(super) async fn run(args: Args, output: Output) -> Result<Found, Failure> {
    let (key, publication) = (args.key()?, args.publication()?);
    let mut stop = stop(None)?;
    let failure = |error: PublishError| match error {
        PublishError::TooLong => Failure::Usage(error.to_string()),
        _ => Failure::Network(error.to_string()),
    };
    let (host, txt) = (publication.host.to_string(), publication.txt.clone());
    let line = |kind, name: &NameBuf| {
        Line::of_own(
            kind,
            name.as_name(),
            Some(host.clone()),
            args.port,
            txt.clone(),
        )
    };
    let opened = tokio::select! {
        biased;
        () = &mut stop => return Ok(Found(false)),
        opened = Publisher::new(args.server, key, publication) => opened,
    };
    let mut publisher = opened.map_err(failure)?;
    let (mut printed, mut retry) = (None::<NameBuf>, Duration::ZERO);
    loop {
        // It is not broken off half way: what was written has to be removed.
        let wait = match publisher.publish().await {
            Ok(name) => {
                if printed.as_ref() != Some(&name) {
                    if publisher.is_renamed() {
                        output.line(&line(Kind::Renamed, &name))?;
                    }
                    output.line(&line(Kind::Registered, &name))?;
                    printed = Some(name);
                } else if !retry.is_zero() {
                    output.remark("the DNS server answers again");
                }
                retry = Duration::ZERO;
                publisher.refresh_after()
            }
            // At the start there is nothing to keep up.
            Err(error) if printed.is_none() => return Err(failure(error)),
            Err(error) => {
                if retry.is_zero() {
                    output.remark(&error.to_string());
                }
                retry = (retry * 2).clamp(RETRY, RETRY_MAX);
                retry
            }
        };
        tokio::select! {
            biased;
            () = &mut stop => break,
            () = tokio::time::sleep(wait) => {}
        }
    }
    let removed = tokio::time::timeout(LEAVING, publisher.withdraw()).await;
    match removed {
        Ok(Ok(())) => {
            if let Some(name) = &printed {
                output.line(&line(Kind::Withdrawn, name))?;
            }
            Ok(Found(true))
        }
        Ok(Err(error)) => Err(Failure::Network(format!("it was not removed: {error}"))),
        Err(_) => Err(Failure::Network(
            "it was not removed: the DNS server does not answer".to_owned(),
        )),
    }
}
