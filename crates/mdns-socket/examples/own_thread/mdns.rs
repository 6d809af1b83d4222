//! The loop of the other example in a thread of its own, behind channels: for programs that block.

#[path = "../own_loop/looper.rs"]
pub(crate) mod looper;

use std::{
    io,
    net::{Ipv4Addr, UdpSocket},
    sync::mpsc::{Receiver, Sender, TryRecvError, channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use looper::Looper;
use mdns_proto::{
    discovery::{AskId, Event as Discovery},
    host::Event,
    name::ServiceType,
    own::{RegisterError, Service, ServiceId},
};
use mdns_socket::Selection;

/// The longest wait; longer than any timer of the protocol needs.
const LONG: Duration = Duration::from_secs(3600);

/// A host in a thread. Dropping it says goodbye.
pub(crate) struct Mdns {
    /// `None` while it is dropped: the end of the channel is the end of the thread.
    commands: Option<Sender<Command>>,
    /// A datagram to the other end wakes the thread from its wait.
    wake: UdpSocket,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// What becomes of a browse.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    Found(String),
    Gone(String),
}

enum Command {
    Advertise(Announcement, Sender<Result<String, RegisterError>>),
    Browse(ServiceType, Sender<News>),
}

struct Announcement {
    instance: String,
    service_type: ServiceType,
    port: u16,
}

impl Mdns {
    pub(crate) fn new(selection: Selection, host_name: String) -> io::Result<Self> {
        let (commands, to_do) = channel();
        let wake = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let woken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        wake.connect(woken.local_addr()?)?;
        // Strangers on this machine cannot wake us.
        woken.connect(wake.local_addr()?)?;
        woken.set_nonblocking(true)?;
        let mut looper = Looper::new(selection)?;
        let now = looper.now();
        looper
            .host
            .add_host(now, &host_name)
            .map_err(io::Error::other)?;
        let thread = thread::spawn(move || {
            Inside {
                looper,
                to_do,
                woken,
                advertised: Vec::new(),
                browses: Vec::new(),
            }
            .run()
        });
        Ok(Mdns {
            commands: Some(commands),
            wake,
            thread: Some(thread),
        })
    }

    /// Advertises a service until the end. The channel tells the final name, and later ones if it has to change.
    pub(crate) fn advertise(
        &self,
        instance: &str,
        service_type: &ServiceType,
        port: u16,
    ) -> Receiver<Result<String, RegisterError>> {
        let (told, names) = channel();
        let announcement = Announcement {
            instance: instance.to_owned(),
            service_type: service_type.clone(),
            port,
        };
        self.command(Command::Advertise(announcement, told));
        names
    }

    /// Looks for instances until the channel is dropped. It grows while nobody reads.
    pub(crate) fn browse(&self, service_type: &ServiceType) -> Receiver<News> {
        let (told, news) = channel();
        self.command(Command::Browse(service_type.clone(), told));
        news
    }

    /// If the thread has ended, so have the channels that were given to it, which tells the caller.
    fn command(&self, command: Command) {
        if let Some(commands) = &self.commands {
            let _ = commands.send(command);
        }
        let _ = self.wake.send(&[]);
    }
}

impl Drop for Mdns {
    fn drop(&mut self) {
        self.commands = None;
        let _ = self.wake.send(&[]);
        if let Some(Ok(Err(error))) = self.thread.take().map(JoinHandle::join) {
            eprintln!("{error}");
        }
    }
}

/// What is in the thread.
struct Inside {
    looper: Looper,
    to_do: Receiver<Command>,
    woken: UdpSocket,
    advertised: Vec<(ServiceId, Sender<Result<String, RegisterError>>)>,
    browses: Vec<(AskId, Sender<News>)>,
}

impl Inside {
    fn run(mut self) -> io::Result<()> {
        loop {
            match self.to_do.try_recv() {
                Ok(command) => self.act(command),
                Err(TryRecvError::Empty) => {
                    self.looper.send();
                    self.tell();
                    if self.looper.wait(Some(&self.woken), LONG)? {
                        // One word or ten: all commands are looked for.
                        while self.woken.recv(&mut [0]).is_ok() {}
                    }
                }
                Err(TryRecvError::Disconnected) => return self.looper.leave(),
            }
        }
    }

    fn act(&mut self, command: Command) {
        let (now, host) = (self.looper.now(), &mut self.looper.host);
        match command {
            Command::Advertise(announcement, told) => {
                let Announcement {
                    instance,
                    service_type,
                    port,
                } = &announcement;
                match host.register(now, &Service::new(instance, service_type, *port)) {
                    Ok(id) => self.advertised.push((id, told)),
                    Err(error) => drop(told.send(Err(error))),
                }
            }
            // Without room the channel ends at once.
            Command::Browse(service_type, told) => {
                if let Ok(id) = host.browse(now, service_type.as_name()) {
                    self.browses.push((id, told));
                }
            }
        }
    }

    /// Passes on what is to be told, and ends the browses that nobody reads any more.
    fn tell(&mut self) {
        let (now, host) = (self.looper.now(), &mut self.looper.host);
        let mut ended = Vec::new();
        while let Some(event) = host.poll_event() {
            let (ask, news) = match event {
                Event::Registered { service, name } => {
                    let advertised = self.advertised.iter().find(|(id, _)| *id == service);
                    if let Some((_, told)) = advertised {
                        // Who does not want to know has dropped the other end.
                        let _ = told.send(Ok(name.to_string()));
                    }
                    continue;
                }
                Event::Discovery(Discovery::Found { ask, instance }) => {
                    (ask, News::Found(instance.name().to_string()))
                }
                Event::Discovery(Discovery::Gone { ask, instance }) => {
                    (ask, News::Gone(instance.name().to_string()))
                }
                _ => continue,
            };
            let browse = self.browses.iter().find(|(id, _)| *id == ask);
            if browse.is_some_and(|(_, told)| told.send(news).is_err()) {
                ended.push(ask);
            }
        }
        for ask in ended {
            host.stop(now, ask);
            self.browses.retain(|(id, _)| *id != ask);
        }
    }
}
