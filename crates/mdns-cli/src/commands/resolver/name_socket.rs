//! Avahi's text protocol on a socket of the file system, as libnss-mdns speaks it.
//!
//! ```text
//! RESOLVE-HOSTNAME-IPV4 hall.local     + 2 0 hall.local 192.0.2.1
//! RESOLVE-ADDRESS 192.0.2.1            + 2 0 hall.local
//! RESOLVE-HOSTNAME none.local          -15 Timeout reached
//! ```
//!
//! The numbers are the interface and the family. The module asks for IPv4 and then for IPv6, and waits for each: both are looked up at
//! the first question, so that an absent name takes one wait and not two.

use std::{
    collections::HashMap,
    fs, io,
    net::IpAddr,
    os::unix::{fs::PermissionsExt as _, net::UnixStream as BlockingStream},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mdns_proto::name::NameBuf;
use mdns_tokio::{
    Address, LookupEvent, Mdns, QueryEvent,
    proto::{
        discovery::{AddressKind, Span},
        wire::Rdata,
    },
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, watch},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use crate::session::Failure;

/// The longest line: a command and a name.
const LINE_MAX: u64 = 1100;

/// The most clients at once; others wait.
const CLIENTS: usize = 256;

/// The most names looked up at once, or kept.
const NAMES: usize = 256;

/// How long a client may take to ask.
const ASKING: Duration = Duration::from_secs(5);

/// How long a host is kept after it was first asked for. It is looked up anew then; what is in the cache of multicast DNS comes at once.
const KEPT: Duration = Duration::from_secs(5);

/// Opens the socket, for everybody.
pub(super) fn open(path: &Path) -> Result<UnixListener, Failure> {
    let failure = |error: io::Error| {
        let text = format!("cannot open the socket {}: {error}", path.display());
        Failure::Network(text)
    };
    match BlockingStream::connect(path) {
        Ok(_) => {
            let text = format!("{} is in use: is avahi-daemon running?", path.display());
            return Err(Failure::Network(text));
        }
        // Left behind.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failure)?;
        }
        Err(_) => {}
    }
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder).map_err(failure)?;
    }
    let listener = UnixListener::bind(path).map_err(failure)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o666)).map_err(failure)?;
    Ok(listener)
}

/// Answers whoever asks.
pub(super) async fn serve(listener: UnixListener, mdns: Mdns, patience: Duration) {
    let room = Arc::new(Semaphore::new(CLIENTS));
    let names = Arc::new(Names {
        mdns,
        patience,
        known: Mutex::default(),
    });
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let names = Arc::clone(&names);
                tokio::spawn(async move {
                    converse(stream, &names).await;
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Answers one command, as Avahi does.
async fn converse(mut stream: UnixStream, names: &Names) {
    let mut line = Vec::new();
    let (reading, mut writing) = stream.split();
    let mut reading = BufReader::new(reading.take(LINE_MAX));
    let read = timeout(ASKING, reading.read_until(b'\n', &mut line)).await;
    if !matches!(read, Ok(Ok(len)) if len > 0) {
        return;
    }
    let line = String::from_utf8_lossy(&line);
    let answer = names.answer(line.trim_end()).await;
    timeout(ASKING, writing.write_all(answer.as_bytes()))
        .await
        .ok();
}

/// What Avahi says when something is not so.
const INVALID_NAME: &str = "-3 Invalid host name\n";
const INVALID_ADDRESS: &str = "-14 Invalid address\n";
const TIMEOUT: &str = "-15 Timeout reached\n";

/// What is known of the addresses of a host.
#[derive(Clone, Debug, Default)]
struct Known {
    v4: Family,
    v6: Family,
}

/// The addresses of one family.
#[derive(Clone, Debug, Default)]
struct Family {
    addresses: Vec<Address>,
    /// The owner of the name says that there are no more.
    is_complete: bool,
}

/// The hosts that were asked for.
struct Names {
    mdns: Mdns,
    patience: Duration,
    known: Mutex<HashMap<String, Host>>,
}

#[derive(Clone)]
struct Host {
    known: watch::Receiver<Known>,
    /// When it was first asked for.
    begun: Instant,
}

impl Names {
    async fn answer(&self, line: &str) -> String {
        let (command, argument) = line.split_once(' ').unwrap_or((line, ""));
        let argument = argument.trim();
        match command {
            "RESOLVE-HOSTNAME" => self.addresses(argument, &[4, 6]).await,
            "RESOLVE-HOSTNAME-IPV4" => self.addresses(argument, &[4]).await,
            "RESOLVE-HOSTNAME-IPV6" => self.addresses(argument, &[6]).await,
            "RESOLVE-ADDRESS" => self.host(argument).await,
            _ => "-1 Operation failed\n".to_owned(),
        }
    }

    /// The first address of the families, IPv4 before IPv6.
    async fn addresses(&self, text: &str, families: &[u8]) -> String {
        let name = text.parse::<NameBuf>();
        let Some(name) = name.ok().filter(|name| name.as_name().is_link_local()) else {
            return INVALID_NAME.to_owned();
        };
        let Some(mut host) = self.look_up(&name) else {
            return TIMEOUT.to_owned();
        };
        let end = host.begun + self.patience;
        loop {
            {
                let known = host.known.borrow_and_update();
                let family = |number: &u8| match number {
                    4 => &known.v4,
                    _ => &known.v6,
                };
                if let Some(address) = families.iter().find_map(|number| best(family(number))) {
                    let number = u8::from(address.ip.is_ipv6());
                    return format!("+ {} {number} {text} {}\n", address.interface, address.ip);
                }
                if families.iter().all(|number| family(number).is_complete) {
                    return TIMEOUT.to_owned();
                }
            }
            if !matches!(timeout_at(end, host.known.changed()).await, Ok(Ok(()))) {
                return TIMEOUT.to_owned();
            }
        }
    }

    /// The host that was asked for a moment ago, or a new one.
    fn look_up(&self, name: &NameBuf) -> Option<Host> {
        let key = name.to_string().to_ascii_lowercase();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        known.retain(|_, host| now < host.begun + KEPT);
        if let Some(host) = known.get(&key) {
            return Some(host.clone());
        }
        if known.len() >= NAMES {
            return None;
        }
        let mut v4 = self.mdns.lookup_host(name, AddressKind::V4).ok()?;
        let mut v6 = self.mdns.lookup_host(name, AddressKind::V6).ok()?;
        let (sender, receiver) = watch::channel(Known::default());
        tokio::spawn(async move {
            let end = now + KEPT;
            loop {
                let (event, is_v4) = tokio::select! {
                    event = v4.next() => (event, true),
                    event = v6.next() => (event, false),
                    () = sleep_until(end) => return,
                };
                let LookupEvent::Addresses(found) = (match event {
                    Some(event) => event,
                    None => return,
                }) else {
                    continue;
                };
                let family = Family {
                    addresses: found.to_vec(),
                    is_complete: if is_v4 {
                        v4.is_complete()
                    } else {
                        v6.is_complete()
                    },
                };
                sender.send_modify(|known| {
                    *(if is_v4 { &mut known.v4 } else { &mut known.v6 }) = family;
                });
            }
        });
        let host = Host {
            known: receiver,
            begun: now,
        };
        known.insert(key, host.clone());
        Some(host)
    }

    /// The name of the host that has an address.
    async fn host(&self, text: &str) -> String {
        let Ok(ip) = text.parse::<IpAddr>() else {
            return INVALID_ADDRESS.to_owned();
        };
        let Ok(mut query) = self.mdns.reverse(ip, Span::OneShot) else {
            return TIMEOUT.to_owned();
        };
        let end = Instant::now() + self.patience;
        while let Ok(Some(event)) = timeout_at(end, query.next()).await {
            let QueryEvent::Answers(answers) = event else {
                break;
            };
            for answer in answers {
                if let Rdata::Ptr(name) = answer.rdata() {
                    let number = u8::from(ip.is_ipv6());
                    return format!("+ {} {number} {name}\n", answer.interface);
                }
            }
        }
        TIMEOUT.to_owned()
    }
}

/// The address that is most likely to be reached: link-local ones last.
fn best(family: &Family) -> Option<&Address> {
    let is_link_local = |address: &&Address| match address.ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let addresses = family.addresses.iter();
    addresses.min_by_key(is_link_local)
}
