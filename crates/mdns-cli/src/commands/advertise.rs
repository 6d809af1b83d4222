//! `mdns advertise`: services of ours, or a host alone, until ctrl-C.

use std::collections::BTreeMap;

use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    stream::{self, LocalBoxStream, SelectAll},
};
use mdns_proto::{name::NameBuf, own::RegisterError, wire::TxtVec};
use mdns_socket::Selection;
use mdns_tokio::{Advertisement, AdvertisementEvent, Announcement, Mdns, Options};
use tokio::{sync::mpsc, task::unconstrained};

use super::Results;
use crate::{
    args::{Advertise, Limits, Own},
    names::{Names, Wanted},
    output::{Kind, Line, Output},
    session::{Failure, Found, Session},
    updates::{Reread, Updates},
};

pub(super) async fn run(args: Advertise, output: Output) -> Result<Found, Failure> {
    let (limits, mut options) = (args.limits, args.network.options(Selection::usual())?);
    // Before the files are read: a SIGHUP from now on has them read again.
    let reread = args.reread()?;
    let own = args.own()?;
    let updates = args.updates()?;
    let mut names = args.names()?;
    let mut all = Ours::of(own, names.as_mut());
    if let Some(names) = &mut names {
        names.retain(&all.iter().map(|ours| &ours.wanted).collect());
        let this_host = names.first(&Own::Host(None).wanted());
        options.host_name = this_host.map(str::to_owned);
    }
    // There is one service then.
    if let (Some(updates), Some(ours)) = (&updates, all.first_mut()) {
        ours.set_txt(updates.txt().map_err(Failure::Usage)?);
    }
    // All of it before the first packet.
    check(&options, &all).map_err(|why| match &args.from {
        Some(path) => Failure::Usage(format!("{}, {why}", path.display())),
        None => Failure::Usage(why),
    })?;

    let session = match args.rereads() {
        true => Session::open_rereading(options.clone(), limits.timeout, output).await?,
        false => Session::open(options.clone(), limits.timeout, output).await?,
    };
    let mut advertised = Advertised {
        session,
        options,
        all: BTreeMap::new(),
        next_place: 0,
        names,
        changes: SelectAll::new(),
        registered: BTreeMap::new(),
    };
    let outcome = advertised.run(all, &limits, updates, reread).await;
    advertised.session.close().await;
    let found = outcome?;
    for (place, name) in &advertised.registered {
        if let Some(ours) = advertised.all.get(place) {
            output.line(&ours.line(Kind::Withdrawn, name, None))?;
        }
    }
    Ok(found)
}

/// Checks that all of it can be advertised together.
fn check(options: &Options, all: &[Ours]) -> Result<(), String> {
    let services: Vec<(&Own, &Announcement)> = all
        .iter()
        .filter_map(|ours| match &ours.own {
            Own::Service(service) => Some((&ours.own, service)),
            Own::Host(_) => None,
        })
        .collect();
    options
        .check(services.iter().map(|(_, service)| *service))
        .map_err(|(place, error)| match services.get(place) {
            Some((own, _)) => format!("{own}: {error}"),
            None => error.to_string(),
        })
}

/// Something of ours.
struct Ours {
    own: Own,
    /// The same before a name that was won took the place of the one that was given.
    given: Own,
    /// What its name is for.
    wanted: Wanted,
    /// It is printed. What is not is there for its name to be kept.
    is_told: bool,
    /// Changes it; it is withdrawn when this is dropped.
    commands: Option<mpsc::UnboundedSender<Command>>,
}

/// What is to become of something that is advertised.
enum Command {
    Update(Update),
    /// This takes its place.
    Replace(Advertisement),
}

/// What of a service is to be something else.
#[derive(Clone, Debug, Default)]
struct Update {
    port: Option<u16>,
    txt: Option<TxtVec>,
    subtypes: Option<Vec<String>>,
}

/// How a service that was read again differs from what is advertised.
enum Difference {
    None,
    Update(Update),
    /// In what cannot change while it is advertised.
    Whole,
}

impl Ours {
    /// All that is to be advertised, and the hosts whose names are kept, under the names that were won.
    fn of(own: Vec<Own>, names: Option<&mut Names>) -> Vec<Self> {
        let hosts = names.as_ref().map(|_| Own::hosts(&own));
        let mut all: Vec<Ours> = own.into_iter().map(Ours::told).collect();
        all.extend(hosts.into_iter().flatten().map(Ours::untold));
        if let Some(names) = names {
            all.iter_mut().for_each(|ours| ours.begin_with(names));
        }
        all
    }

    fn told(own: Own) -> Self {
        Ours {
            wanted: own.wanted(),
            given: own.clone(),
            own,
            is_told: true,
            commands: None,
        }
    }

    fn untold(own: Own) -> Self {
        Ours {
            is_told: false,
            ..Ours::told(own)
        }
    }

    /// What stays when the file is read again.
    fn key(&self) -> (bool, Wanted) {
        (self.is_told, self.wanted.clone())
    }

    /// How `other`, of the same key, differs.
    fn difference(&self, other: &Ours) -> Difference {
        let (Own::Service(now), Own::Service(then)) = (&self.given, &other.given) else {
            return Difference::None;
        };
        if (&now.host, &now.placeholders, &now.interfaces)
            != (&then.host, &then.placeholders, &then.interfaces)
        {
            return Difference::Whole;
        }
        let update = Update {
            port: (now.port != then.port).then_some(then.port),
            txt: (now.txt.as_txt() != then.txt.as_txt()).then(|| then.txt.clone()),
            subtypes: (now.subtypes != then.subtypes).then(|| then.subtypes.clone()),
        };
        match (update.port, &update.txt, &update.subtypes) {
            (None, None, None) => Difference::None,
            _ => Difference::Update(update),
        }
    }

    /// Notes what it says now.
    fn note(&mut self, update: &Update) {
        for own in [&mut self.own, &mut self.given] {
            let Own::Service(service) = own else { continue };
            service.port = update.port.unwrap_or(service.port);
            if let Some(txt) = &update.txt {
                service.txt = txt.clone();
            }
            if let Some(subtypes) = &update.subtypes {
                service.subtypes = subtypes.clone();
            }
        }
    }

    /// Takes the names that were won in place of those that are wanted.
    fn begin_with(&mut self, names: &Names) {
        let first = |wanted: &Wanted| names.first(wanted).map(str::to_owned);
        let host = match &mut self.own {
            Own::Service(service) => {
                if let Some(first) = first(&self.wanted) {
                    service.instance = first;
                }
                &mut service.host
            }
            Own::Host(host) => host,
        };
        if let Some(host) = host
            && let Some(first) = first(&Wanted::host(host))
        {
            *host = first;
        }
    }

    /// The service under the name that was given, if it was begun under another one, which was won before.
    fn under_its_given_name(&self) -> Option<Announcement> {
        let (Own::Service(own), Own::Service(given)) = (&self.own, &self.given) else {
            return None;
        };
        (own.instance != given.instance).then(|| Announcement {
            instance: given.instance.clone(),
            ..own.clone()
        })
    }

    fn set_txt(&mut self, txt: TxtVec) {
        if let Own::Service(service) = &mut self.own {
            service.txt = txt;
        }
    }

    fn line(&self, event: Kind, name: &NameBuf, host: Option<&NameBuf>) -> Line {
        match &self.own {
            Own::Service(service) => Line::of_own(
                event,
                name.as_name(),
                host.map(NameBuf::to_string),
                service.port,
                service.txt.clone(),
            ),
            Own::Host(_) => Line::of_own_host(event, name),
        }
    }
}

/// News of something of ours.
#[expect(clippy::large_enum_variant, reason = "it is moved once, to be told")]
enum Change {
    /// Of its name, with the host that it is on.
    Name(AdvertisementEvent, Option<NameBuf>),
    /// This is something else now.
    Updated(Update),
    /// What it was to say is wrong.
    Refused(String),
}

/// All that is advertised.
struct Advertised {
    session: Session,
    options: Options,
    /// By a place that is never used again.
    all: BTreeMap<usize, Ours>,
    next_place: usize,
    names: Option<Names>,
    /// With the place in `all`.
    changes: SelectAll<LocalBoxStream<'static, (usize, Change)>>,
    /// The names of what is told, by its place.
    registered: BTreeMap<usize, NameBuf>,
}

impl Advertised {
    /// Advertises all of it, until it is to end. `updates` are those of the first.
    async fn run(
        &mut self,
        all: Vec<Ours>,
        limits: &Limits,
        mut updates: Option<Updates>,
        mut reread: Option<Reread>,
    ) -> Result<Found, Failure> {
        for ours in all {
            self.add(ours, updates.take()).map_err(Failure::Network)?;
        }
        let mut results = Results::of(limits);
        while !results.are_enough() {
            tokio::select! {
                biased;
                () = &mut self.session.stop => break,
                Some(read) = next_file(&mut reread) => self.follow(read, &mut results)?,
                Some(first) = self.changes.next() => self.tell_all(first, &mut results)?,
            }
        }
        Ok(results.outcome())
    }

    /// Advertises something.
    fn add(&mut self, mut ours: Ours, updates: Option<Updates>) -> Result<(), String> {
        let advertisement = match &ours.own {
            Own::Service(service) => self.session.mdns.advertise(service),
            Own::Host(host) => self.session.mdns.advertise_host(host.as_deref()),
        };
        let place = self.next_place;
        match advertisement {
            Ok(advertisement) => {
                let (commands, receiver) = mpsc::unbounded_channel();
                ours.commands = Some(commands);
                let changes = changes(advertisement, updates, receiver);
                self.changes
                    .push(changes.map(move |change| (place, change)).boxed_local());
            }
            // It is spelled in two ways, and the other one is watched.
            Err(RegisterError::Taken) if !ours.is_told => {}
            Err(error) => return Err(format!("{}: {error}", ours.own)),
        }
        self.next_place += 1;
        self.all.insert(place, ours);
        Ok(())
    }

    /// The file was read again: does what is different in it, and nothing else.
    fn follow(
        &mut self,
        read: Result<Vec<Announcement>, String>,
        results: &mut Results,
    ) -> Result<(), Failure> {
        let output = self.session.output;
        let read = read.and_then(|services| {
            let own = services.into_iter().map(Own::Service).collect();
            let all = Ours::of(own, self.names.as_mut());
            check(&self.options, &all).map(|()| all)
        });
        let all = match read {
            Ok(all) => all,
            Err(why) => {
                output.remark(&format!("{why}; nothing has changed"));
                return Ok(());
            }
        };
        let mut known: BTreeMap<_, usize> = self
            .all
            .iter()
            .map(|(place, ours)| (ours.key(), *place))
            .collect();
        let (mut new, mut changed) = (Vec::new(), 0);
        let mut withdrawn = Vec::new();
        for ours in all {
            let Some(place) = known.remove(&ours.key()) else {
                new.push(ours);
                continue;
            };
            match self.all.get(&place).map(|now| now.difference(&ours)) {
                Some(Difference::None) => {}
                Some(Difference::Update(update)) => {
                    changed += 1;
                    let commands = self.all.get(&place).and_then(|now| now.commands.as_ref());
                    if let Some(commands) = commands {
                        // It listens for as long as it is advertised.
                        commands.send(Command::Update(update)).ok();
                    }
                }
                Some(Difference::Whole) | None => {
                    withdrawn.push(place);
                    new.push(ours);
                }
            }
        }
        withdrawn.extend(known.into_values());
        let told = |all: &[&Ours]| all.iter().filter(|ours| ours.is_told).count();
        let gone: Vec<&Ours> = withdrawn
            .iter()
            .filter_map(|place| self.all.get(place))
            .collect();
        output.remark(&format!(
            "read again: {} added, {changed} changed, {} withdrawn",
            told(&new.iter().collect::<Vec<_>>()),
            told(&gone),
        ));
        for place in withdrawn {
            self.withdraw(place)?;
        }
        // What is withdrawn lets go of its name before another takes it.
        while let Some(Some(change)) = unconstrained(self.changes.next()).now_or_never() {
            self.tell_all(change, results)?;
        }
        for ours in new {
            if let Err(why) = self.add(ours, None) {
                output.remark(&why);
            }
        }
        Ok(())
    }

    fn withdraw(&mut self, place: usize) -> Result<(), Failure> {
        let Some(ours) = self.all.remove(&place) else {
            return Ok(());
        };
        if let Some(name) = self.registered.remove(&place) {
            self.session
                .output
                .line(&ours.line(Kind::Withdrawn, &name, None))?;
        }
        Ok(())
    }

    /// Tells a change, and all that are there with it.
    fn tell_all(&mut self, first: (usize, Change), results: &mut Results) -> Result<(), Failure> {
        let mut next = Some(first);
        while let Some((place, change)) = next {
            self.tell(place, change, results)?;
            next = match results.are_enough() {
                false => self.changes.next().now_or_never().flatten(),
                true => None,
            };
        }
        if let Some(Err(why)) = self.names.as_mut().map(Names::save) {
            self.session.output.remark(&why);
        }
        Ok(())
    }

    fn tell(&mut self, place: usize, change: Change, results: &mut Results) -> Result<(), Failure> {
        let output = self.session.output;
        let Some(ours) = self.all.get_mut(&place) else {
            return Ok(());
        };
        match change {
            Change::Name(AdvertisementEvent::Registered(name), host) => {
                if let Some(names) = &mut self.names
                    && let Some(label) = name.as_name().first_label()
                {
                    names.keep(&ours.wanted, &String::from_utf8_lossy(label));
                }
                if ours.is_told {
                    output.line(&ours.line(Kind::Registered, &name, host.as_ref()))?;
                    if self.registered.insert(place, name).is_none() {
                        results.add();
                    }
                }
            }
            Change::Name(AdvertisementEvent::Renamed(name), host) if ours.is_told => {
                let name = match ours.under_its_given_name() {
                    Some(base) => replace(&self.session.mdns, ours, base).unwrap_or(name),
                    None => name,
                };
                output.line(&ours.line(Kind::Renamed, &name, host.as_ref()))?;
            }
            Change::Name(AdvertisementEvent::Failed(why), _) => {
                let what = match &ours.own {
                    Own::Service(service) => service.instance.as_str(),
                    Own::Host(host) => host.as_deref().unwrap_or("this host"),
                };
                output.remark(&format!("`{what}` is not advertised: {why}"));
            }
            Change::Name(..) => {}
            Change::Updated(update) => {
                ours.note(&update);
                if let Some(name) = self.registered.get(&place) {
                    output.line(&ours.line(Kind::Updated, name, None))?;
                }
            }
            Change::Refused(why) => output.remark(&why),
        }
        Ok(())
    }
}

/// The name that was won before is another's now. A number on top of it would make it part of the base: the search for a name begins
/// anew from what was given (RFC 6762 §9). Returns the name that is tried, or `None` if the old search goes on.
fn replace(mdns: &Mdns, ours: &mut Ours, base: Announcement) -> Option<NameBuf> {
    let name = base.service_type.instance(&base.instance).ok()?;
    // Another service of ours may have the name.
    let advertisement = mdns.advertise(&base).ok()?;
    let commands = ours.commands.as_ref()?;
    commands.send(Command::Replace(advertisement)).ok()?;
    ours.own = Own::Service(base);
    Some(name)
}

async fn next_file(reread: &mut Option<Reread>) -> Option<Result<Vec<Announcement>, String>> {
    reread.as_mut()?.next().await
}

/// What happens to something that is advertised, and is made to happen to it. It ends, and is withdrawn, when there can be no more
/// `commands`.
fn changes(
    advertisement: Advertisement,
    updates: Option<Updates>,
    commands: mpsc::UnboundedReceiver<Command>,
) -> impl Stream<Item = Change> + 'static {
    let advertised = Changing {
        advertisement,
        updated: Update::default(),
        updates,
    };
    stream::unfold(
        (advertised, commands),
        async |(mut advertised, mut commands)| {
            let change = loop {
                tokio::select! {
                    biased;
                    command = commands.recv() => match command? {
                        Command::Update(update) => break advertised.apply(update).await,
                        Command::Replace(advertisement) => {
                            if let Some(refused) = advertised.replace(advertisement).await {
                                break refused;
                            }
                        }
                    },
                    event = advertised.advertisement.next_change() => {
                        break Change::Name(event?, advertised.advertisement.host_name());
                    }
                    Some(update) = next(&mut advertised.updates) => break advertised.update_txt(update).await,
                }
            };
            Some((change, (advertised, commands)))
        },
    )
}

/// What is advertised, and changes.
struct Changing {
    advertisement: Advertisement,
    /// All that was changed since it was first advertised.
    updated: Update,
    updates: Option<Updates>,
}

async fn next(updates: &mut Option<Updates>) -> Option<Result<TxtVec, String>> {
    updates.as_mut()?.next().await
}

impl Changing {
    async fn update_txt(&mut self, update: Result<TxtVec, String>) -> Change {
        let txt = match update {
            Ok(txt) => txt,
            Err(why) => return Change::Refused(why),
        };
        let update = Update {
            txt: Some(txt),
            ..Update::default()
        };
        let change = self.apply(update).await;
        if matches!(change, Change::Refused(_)) {
            self.updates.iter_mut().for_each(Updates::undo);
        }
        change
    }

    /// Has another advertisement of the same take the place of this one. Tells what cannot be.
    async fn replace(&mut self, advertisement: Advertisement) -> Option<Change> {
        self.advertisement = advertisement;
        // The other was made before the last of these was known.
        let change = self.apply(self.updated.clone()).await;
        matches!(change, Change::Refused(_)).then_some(change)
    }

    /// Changes what is advertised.
    async fn apply(&mut self, update: Update) -> Change {
        let advertisement = &mut self.advertisement;
        let applied = async {
            if let Some(txt) = &update.txt {
                advertisement.update_txt(txt).await?;
            }
            if let Some(subtypes) = &update.subtypes {
                advertisement.update_subtypes(subtypes).await?;
            }
            if let Some(port) = update.port {
                advertisement.update_port(port).await?;
            }
            Ok::<(), RegisterError>(())
        };
        match applied.await {
            Ok(()) => {
                self.updated.add(&update);
                Change::Updated(update)
            }
            Err(error) => Change::Refused(format!("cannot be advertised: {error}")),
        }
    }
}

impl Update {
    fn add(&mut self, later: &Update) {
        let later = later.clone();
        self.port = later.port.or(self.port);
        self.txt = later.txt.or(self.txt.take());
        self.subtypes = later.subtypes.or(self.subtypes.take());
    }
}
