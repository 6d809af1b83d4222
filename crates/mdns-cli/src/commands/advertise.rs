//! `mdns advertise`: services of ours, or a host alone, until ctrl-C.

use std::collections::BTreeMap;

use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    stream::{self, LocalBoxStream, SelectAll},
};
use mdns_proto::{name::NameBuf, own::RegisterError, wire::TxtVec};
use mdns_socket::Selection;
use mdns_tokio::{Advertisement, AdvertisementEvent};

use super::Results;
use crate::{
    args::{Advertise, Limits, Own},
    names::{Names, Wanted},
    output::{Kind, Line, Output},
    session::{Failure, Found, Session},
    updates::Updates,
};

pub(super) async fn run(args: Advertise, output: Output) -> Result<Found, Failure> {
    let (limits, mut options) = (args.limits, args.network.options(Selection::usual())?);
    let own = args.own().map_err(Failure::Usage)?;
    let updates = args.updates()?;
    let mut names = args.names().map_err(Failure::Usage)?;
    let mut all: Vec<Ours> = own.iter().cloned().map(Ours::told).collect();
    if let Some(names) = &mut names {
        all.extend(Own::hosts(&own).into_iter().map(Ours::untold));
        names.retain(&all.iter().map(|ours| &ours.wanted).collect());
        let this_host = names.won(&Own::Host(None).wanted());
        options.host_name = this_host.map(str::to_owned);
        all.iter_mut().for_each(|ours| ours.begin_with(names));
    }
    // There is one service then.
    if let (Some(updates), Some(ours)) = (&updates, all.first_mut()) {
        ours.set_txt(updates.txt().map_err(Failure::Usage)?);
    }

    let session = Session::open(options, limits.timeout, output).await?;
    let mut advertised = Advertised {
        session,
        all,
        names,
        changes: SelectAll::new(),
        registered: BTreeMap::new(),
    };
    let outcome = advertised.run(&limits, updates).await;
    advertised.session.close().await;
    let found = outcome?;
    for (place, name) in &advertised.registered {
        output.line(&advertised.all[*place].line(Kind::Withdrawn, name, None))?;
    }
    Ok(found)
}

/// Something of ours.
struct Ours {
    own: Own,
    /// What its name is for.
    wanted: Wanted,
    /// It is printed. What is not is there for its name to be kept.
    is_told: bool,
}

impl Ours {
    fn told(own: Own) -> Self {
        Ours {
            wanted: own.wanted(),
            own,
            is_told: true,
        }
    }

    fn untold(own: Own) -> Self {
        Ours {
            is_told: false,
            ..Ours::told(own)
        }
    }

    /// Takes the names that were won in place of those that are wanted.
    fn begin_with(&mut self, names: &Names) {
        let won = |wanted: &Wanted| names.won(wanted).map(str::to_owned);
        let host = match &mut self.own {
            Own::Service(service) => {
                if let Some(won) = won(&self.wanted) {
                    service.instance = won;
                }
                &mut service.host
            }
            Own::Host(host) => host,
        };
        if let Some(host) = host
            && let Some(won) = won(&Wanted::host(host))
        {
            *host = won;
        }
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
    /// It says this now.
    Txt(TxtVec),
    /// What it was to say is wrong.
    Refused(String),
}

/// All that is advertised.
struct Advertised {
    session: Session,
    all: Vec<Ours>,
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
        limits: &Limits,
        mut updates: Option<Updates>,
    ) -> Result<Found, Failure> {
        for (place, ours) in self.all.iter().enumerate() {
            let advertisement = match &ours.own {
                Own::Service(service) => self.session.mdns.advertise(service),
                Own::Host(host) => self.session.mdns.advertise_host(host.as_deref()),
            };
            let advertisement = match advertisement {
                // It is spelled in two ways, and the other one is watched.
                Err(RegisterError::Taken) if !ours.is_told => continue,
                advertisement => {
                    advertisement.map_err(|error| Failure::Usage(format!("{}: {error}", ours.own)))
                }
            };
            let changes = changes(advertisement?, updates.take());
            self.changes
                .push(changes.map(move |change| (place, change)).boxed_local());
        }
        let mut results = Results::of(limits);
        while !results.are_enough() {
            tokio::select! {
                biased;
                () = &mut self.session.stop => break,
                Some(first) = self.changes.next() => self.tell_all(first, &mut results)?,
            }
        }
        Ok(results.outcome())
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
        let ours = &mut self.all[place];
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
                output.line(&ours.line(Kind::Renamed, &name, host.as_ref()))?;
            }
            Change::Name(..) => {}
            Change::Txt(txt) => {
                ours.set_txt(txt);
                if let Some(name) = self.registered.get(&place) {
                    output.line(&ours.line(Kind::Updated, name, None))?;
                }
            }
            Change::Refused(why) => output.remark(&why),
        }
        Ok(())
    }
}

/// What happens to something that is advertised, and is made to happen to it.
fn changes(
    advertisement: Advertisement,
    updates: Option<Updates>,
) -> impl Stream<Item = Change> + 'static {
    stream::unfold(
        (advertisement, updates),
        async |(mut advertisement, mut updates)| {
            let change = tokio::select! {
                event = advertisement.next_change() => {
                    Change::Name(event?, advertisement.host_name())
                }
                Some(update) = next(&mut updates) => update_txt(&mut advertisement, update, &mut updates).await,
            };
            Some((change, (advertisement, updates)))
        },
    )
}

async fn next(updates: &mut Option<Updates>) -> Option<Result<TxtVec, String>> {
    updates.as_mut()?.next().await
}

async fn update_txt(
    advertisement: &mut Advertisement,
    update: Result<TxtVec, String>,
    updates: &mut Option<Updates>,
) -> Change {
    let txt = match update {
        Ok(txt) => txt,
        Err(why) => return Change::Refused(why),
    };
    match advertisement.update_txt(&txt).await {
        Ok(()) => Change::Txt(txt),
        Err(error) => {
            updates.iter_mut().for_each(Updates::undo);
            Change::Refused(format!("cannot be advertised: {error}"))
        }
    }
}
