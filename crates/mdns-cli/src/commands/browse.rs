//! `mdns browse`: what there is, as it comes and goes.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    rc::Rc,
    time::Duration,
};

use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    stream::{AbortHandle, LocalBoxStream, SelectAll, abortable},
};
use mdns_proto::{
    discovery::{self, AskError},
    name::{NameBuf, ServiceType},
};
use mdns_socket::Selection;
use mdns_tokio::{BrowseEvent, Instance, ResolveEvent};

use tokio::time::{Instant, sleep_until};

use super::{Results, TOGETHER, key};
use crate::{
    args::Browse,
    output::{Kind, Line, Output, Print as _, Table},
    session::{Failure, Found, Resized, Session},
};

/// How long `--once` waits for more after the last news: the first question, at most 120 ms after the start, is asked again a
/// second later (RFC 6762 §5.2).
const QUIET: Duration = Duration::from_secs(2);

/// The same while details are missing, which are told after three seconds as far as they are known.
const QUIET_FOR_DETAILS: Duration = Duration::from_millis(3500);

/// How soon details that found no room are asked for again when others were let go.
const RETRY: Duration = Duration::from_millis(100);

/// The longest that `--once` takes, whatever goes on.
const ONCE_MAX: Duration = Duration::from_secs(30);

pub(super) async fn run(args: Browse, output: Output) -> Result<Found, Failure> {
    args.check().map_err(Failure::Usage)?;
    let options = args.network.options(Selection::usual())?;
    let mut session = Session::open(options, args.limits.timeout, output).await?;
    let outcome = browse(&args, &mut session).await;
    session.end(outcome).await
}

/// News, and what it is about.
enum News {
    Types(BrowseEvent),
    /// With the [`key`] of the type, where all types are browsed.
    Instances(Option<Rc<str>>, BrowseEvent),
    /// With the name of the instance.
    Details(Rc<NameBuf>, ResolveEvent),
}

/// A type that was found, for as long as it or an instance of it is there.
struct Type {
    /// Ends the browse; there is none for what is no type at all, or when there was no room for it.
    stream: Option<AbortHandle>,
    is_there: bool,
    instances: usize,
}

/// The details of an instance, while it is there.
struct Details {
    /// Ends the stream of them.
    stream: AbortHandle,
    /// They are among the results.
    is_counted: bool,
    /// What waits to be told, and until when: the other family may have something to add.
    held: Option<(Instant, Instance)>,
    /// What was told by `--short`.
    told: Option<String>,
}

async fn browse(args: &Browse, session: &mut Session) -> Result<Found, Failure> {
    let mut watch = Watch {
        table: session.output.table(args.resolve),
        session,
        news: SelectAll::new(),
        types: HashMap::new(),
        details: HashMap::new(),
        results: Results::of(&args.limits),
        resolves: args.resolve,
        holds: args.once || args.limits.count.is_some(),
        held: VecDeque::new(),
        missing: 0,
        waiting: HashMap::new(),
        has_freed: false,
        last_new: Instant::now(),
    };
    watch.holds |= watch.session.output.is_short();
    let end = args.once.then(|| Instant::now() + ONCE_MAX);
    let mut resized = Resized::new()?;
    match &args.service_type {
        Some(service_type) => watch.browse(service_type, None).map(drop),
        None => watch.browse_types(),
    }
    .map_err(|error| Failure::Network(error.to_string()))?;
    while !watch.results.are_enough() {
        watch.draw()?;
        let end = end.map(|end| end.min(watch.quiet()));
        let held = watch.held.front().map(|(due, _)| *due);
        let retry = watch.can_retry().then(|| Instant::now() + RETRY);
        let wake = [end, held, retry].into_iter().flatten().min();
        tokio::select! {
            biased;
            () = &mut watch.session.stop => break,
            Some(()) = resized.next(), if watch.table.is_some() => {
                watch.table.iter_mut().for_each(Table::resize);
            }
            Some(news) = watch.news.next() => watch.tell_all(news)?,
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                watch.release(Instant::now())?;
                watch.resolve_waiting()?;
                if end.is_some_and(|end| end <= Instant::now()) {
                    break;
                }
            }
            () = can_be_drawn(&watch.table) => {}
        }
    }
    if !watch.results.are_enough() {
        watch.release(Instant::now() + TOGETHER)?;
    }
    watch.leave()?;
    Ok(watch.results.outcome())
}

async fn can_be_drawn(table: &Option<Table>) {
    match table {
        Some(table) => table.can_be_drawn().await,
        None => std::future::pending().await,
    }
}

/// All that is asked for, and what came of it.
struct Watch<'a> {
    session: &'a mut Session,
    /// What takes the place of lines, if a person looks on.
    table: Option<Table>,
    news: SelectAll<LocalBoxStream<'static, News>>,
    /// By the [`key`] of the type, if all are browsed.
    types: HashMap<Rc<str>, Type>,
    /// By the name of the instance, if details are wanted.
    details: HashMap<String, Details>,
    results: Results,
    resolves: bool,
    /// Details wait for what the other family has to add.
    holds: bool,
    /// When details that wait are due, and the keys of their instances, the earliest first.
    held: VecDeque<(Instant, String)>,
    /// How many instances have no details yet.
    missing: usize,
    /// Instances whose details found no room, by [`key`]. They are asked for when others are gone.
    waiting: HashMap<String, NameBuf>,
    /// Details of an instance were let go since something waits.
    has_freed: bool,
    /// When something was told that was not there before.
    last_new: Instant,
}

impl Watch<'_> {
    fn browse_types(&mut self) -> Result<(), AskError> {
        let types = self.session.mdns.browse_types()?;
        self.add(types.map(News::Types));
        Ok(())
    }

    fn browse(
        &mut self,
        service_type: &ServiceType,
        of: Option<Rc<str>>,
    ) -> Result<AbortHandle, AskError> {
        let instances = self
            .session
            .mdns
            .browse_with(service_type, discovery::Details::NamesOnly)?;
        let (news, stream) =
            abortable(instances.map(move |event| News::Instances(of.clone(), event)));
        self.add(news);
        Ok(stream)
    }

    fn add(&mut self, news: impl Stream<Item = News> + 'static) {
        self.news.push(news.boxed_local());
    }

    /// Tells news, and all that is there with it.
    fn tell_all(&mut self, news: News) -> Result<(), Failure> {
        let mut news = Some(news);
        while let Some(one) = news {
            self.tell(one)?;
            if self.results.are_enough() {
                break;
            }
            news = self.news.next().now_or_never().flatten();
        }
        Ok(())
    }

    fn tell(&mut self, news: News) -> Result<(), Failure> {
        match news {
            News::Types(BrowseEvent::Found(found)) => {
                self.last_new = Instant::now();
                self.session.is_answered = true;
                self.print(&Line::of_type(Kind::Type, found.name.as_name()))?;
                self.begin(&found)?;
            }
            News::Types(BrowseEvent::Gone(gone)) => {
                self.change(&key(&gone.name), |of_type| of_type.is_there = false);
            }
            News::Instances(of, BrowseEvent::Found(found)) => {
                if let Some(of) = of {
                    self.change(&of, |of_type| of_type.instances += 1);
                }
                self.last_new = Instant::now();
                let line = Line::of_instance(Kind::Found, &found);
                if self.resolves {
                    self.print(&line)?;
                    self.resolve(&found.name)?;
                } else {
                    self.print(&line.valued(&found.name))?;
                    self.results.add();
                }
            }
            News::Instances(of, BrowseEvent::Gone(gone)) => {
                if let Some(of) = of {
                    self.change(&of, |of_type| of_type.instances -= 1);
                }
                self.waiting.remove(&key(&gone.name));
                self.forget_details(&gone.name);
                self.print(&Line::of_instance(Kind::Gone, &gone))?;
            }
            News::Types(BrowseEvent::Incomplete)
            | News::Instances(_, BrowseEvent::Incomplete)
            | News::Details(_, ResolveEvent::Incomplete) => match &mut self.table {
                Some(table) => table.tell(&Line::new(Kind::Incomplete)),
                None => self.session.output.incomplete()?,
            },
            News::Details(_, ResolveEvent::Resolved(instance)) => {
                self.tell_details(instance)?;
            }
            News::Details(name, ResolveEvent::Lost) => {
                if let Some(details) = self.details.get_mut(&key(&name)) {
                    details.held = None;
                }
                self.print(&Line::about(Kind::Lost, name.as_name()))?;
            }
            // Changes are told with the details, if these are wanted.
            _ => {}
        }
        Ok(())
    }

    /// A type is there: browses it, unless its instances never ceased to be browsed.
    fn begin(&mut self, found: &Instance) -> Result<(), Failure> {
        let of: Rc<str> = key(&found.name).into();
        if let Entry::Occupied(mut known) = self.types.entry(Rc::clone(&of)) {
            known.get_mut().is_there = true;
            return Ok(());
        }
        // What others registered may be no type at all, and cannot be browsed then.
        let browse = found
            .as_service_type()
            .map(|service_type| self.browse(&service_type, Some(Rc::clone(&of))));
        let (stream, error) = match browse {
            Some(Ok(stream)) => (Some(stream), None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        let of_type = Type {
            stream,
            is_there: true,
            instances: 0,
        };
        self.types.insert(of, of_type);
        error.map_or(Ok(()), |error| self.remark(&found.name, error))
    }

    /// Changes what is known of a type, and ends its browse when neither it nor an instance of it is there: names of types are
    /// for everybody to make up.
    fn change(&mut self, of: &str, change: impl FnOnce(&mut Type)) {
        let Some(of_type) = self.types.get_mut(of) else {
            return;
        };
        change(of_type);
        if !of_type.is_there && of_type.instances == 0 {
            let ended = self.types.remove(of).and_then(|of_type| of_type.stream);
            if let Some(stream) = ended {
                stream.abort();
            }
        }
    }

    /// Takes in the details of an instance that is still there.
    fn tell_details(&mut self, instance: Instance) -> Result<(), Failure> {
        let key = key(&instance.name);
        let Some(details) = self.details.get_mut(&key) else {
            return Ok(());
        };
        if !self.holds {
            return self.print_details(&key, &instance);
        }
        match &mut details.held {
            Some((_, held)) => *held = instance,
            None => {
                let due = Instant::now() + TOGETHER;
                details.held = Some((due, instance));
                self.held.push_back((due, key));
            }
        }
        Ok(())
    }

    /// Prints the details that have waited long enough.
    fn release(&mut self, now: Instant) -> Result<(), Failure> {
        while let Some((due, _)) = self.held.front()
            && *due <= now
            && !self.results.are_enough()
        {
            let Some((due, key)) = self.held.pop_front() else {
                break;
            };
            // What was lost and came again waits anew.
            let details = self.details.get_mut(&key);
            let held = details.and_then(|details| details.held.take_if(|(at, _)| *at == due));
            if let Some((_, instance)) = held {
                self.print_details(&key, &instance)?;
            }
        }
        Ok(())
    }

    fn print_details(&mut self, key: &str, instance: &Instance) -> Result<(), Failure> {
        let line = Line::with_details(Kind::Resolved, instance);
        let Some(details) = self.details.get_mut(key) else {
            return Ok(());
        };
        if !details.is_counted {
            details.is_counted = true;
            self.missing -= 1;
            self.last_new = Instant::now();
            self.results.add();
        }
        if self.session.output.is_short() {
            let value = line.short().map(str::to_owned);
            if details.told == value {
                return Ok(());
            }
            details.told = value;
        }
        self.print(&line)
    }

    /// An instance is gone, and its details with it.
    fn forget_details(&mut self, name: &NameBuf) {
        if let Some(details) = self.details.remove(&key(name)) {
            self.missing -= usize::from(!details.is_counted);
            details.stream.abort();
            self.has_freed = true;
        }
    }

    /// Whether something waits for room, and there may be some.
    fn can_retry(&self) -> bool {
        self.has_freed && !self.waiting.is_empty()
    }

    /// Asks for the details that found no room before, as many as find some now. A stream that was ended is dropped when it is polled
    /// next: if there is no room yet, there is soon.
    fn resolve_waiting(&mut self) -> Result<(), Failure> {
        while self.can_retry() {
            let Some(name) = self.waiting.values().next().cloned() else {
                break;
            };
            self.waiting.remove(&key(&name));
            self.resolve(&name)?;
            if self.waiting.contains_key(&key(&name)) {
                break;
            }
        }
        if self.waiting.is_empty() {
            self.has_freed = false;
        }
        Ok(())
    }

    /// When nothing new has come for long enough.
    fn quiet(&self) -> Instant {
        let span = match self.missing {
            0 => QUIET,
            _ => QUIET_FOR_DETAILS,
        };
        self.last_new + span
    }

    /// Asks for the details of an instance, and for as long as it is there.
    fn resolve(&mut self, name: &NameBuf) -> Result<(), Failure> {
        match self.session.mdns.resolve(name) {
            Ok(resolve) => {
                let owner = Rc::new(name.clone());
                let (news, stream) =
                    abortable(resolve.map(move |event| News::Details(Rc::clone(&owner), event)));
                self.add(news);
                let details = Details {
                    stream,
                    is_counted: false,
                    held: None,
                    told: None,
                };
                self.forget_details(name);
                self.missing += 1;
                self.details.insert(key(name), details);
                Ok(())
            }
            Err(AskError::Full) => {
                // Told once; the others go on, and this one when there is room.
                if self.waiting.is_empty() && !self.has_freed {
                    self.tell(News::Details(
                        Rc::new(name.clone()),
                        ResolveEvent::Incomplete,
                    ))?;
                }
                self.waiting.insert(key(name), name.clone());
                Ok(())
            }
            Err(error) => self.remark(name, error),
        }
    }

    /// Says why there will be no more of something; the others go on.
    fn remark(&mut self, name: &NameBuf, error: AskError) -> Result<(), Failure> {
        if let Some(table) = &mut self.table {
            table.erase()?;
        }
        self.session.output.remark(&format!("{name}: {error}"));
        Ok(())
    }

    /// Prints a line, or shows it in the table the next time this is drawn.
    fn print(&mut self, line: &Line) -> Result<(), Failure> {
        match &mut self.table {
            Some(table) => table.tell(line),
            None => self.session.output.line(line)?,
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<(), Failure> {
        Ok(self.table.as_mut().map_or(Ok(()), Table::draw)?)
    }

    fn leave(&mut self) -> Result<(), Failure> {
        Ok(self.table.as_mut().map_or(Ok(()), Table::leave)?)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use mdns_proto::wire::TxtVec;
    use mdns_tokio::Options;

    use super::*;
    use crate::{args::Show, session};

    fn named(name: &str) -> Instance {
        Instance {
            name: name.parse().expect("a name"),
            host: None,
            canonical_host: None,
            port: None,
            txt: TxtVec::new(),
            addresses: Vec::new(),
            is_own: false,
        }
    }

    /// Who makes up types without end, each for a while, takes no memory with them, nor the room that honest ones need; a type that is
    /// gone is browsed on while an instance of it is there.
    ///
    /// covers: SEC-11
    #[tokio::test]
    async fn types_that_came_and_went_are_forgotten() {
        const TYPES: usize = 20;
        let show = Show {
            json: true,
            ..Show::default()
        };
        let output = Output::new(std::time::Instant::now(), show);
        let mut session = Session {
            mdns: session::open(Options::loopback()).expect("a host"),
            output,
            stop: Box::pin(std::future::pending()),
            is_answered: false,
        };
        let mut watch = Watch {
            session: &mut session,
            table: None,
            news: SelectAll::new(),
            types: HashMap::new(),
            details: HashMap::new(),
            results: Results::default(),
            resolves: false,
            holds: false,
            held: VecDeque::new(),
            missing: 0,
            waiting: HashMap::new(),
            has_freed: false,
            last_new: Instant::now(),
        };
        let found = |name: &str| News::Types(BrowseEvent::Found(named(name)));
        let gone = |name: &str| News::Types(BrowseEvent::Gone(named(name)));
        for n in 0..TYPES {
            let name = format!("_c-type{n}._udp.local");
            watch.tell(found(&name)).expect("told");
            watch.tell(found(&name)).expect("told");
            watch.tell(gone(&name)).expect("told");
        }
        // No type at all, and gone again too.
        watch.tell(found("nonsense.local")).expect("told");
        watch.tell(gone("nonsense.local")).expect("told");
        assert!(watch.types.is_empty());
        assert_eq!(
            watch.news.next().await.map(|_| ()),
            None,
            "all browses have ended"
        );

        let kept = "_c-kept._udp.local";
        let of: Rc<str> = kept.into();
        let instance = || named(&format!("Desk.{kept}"));
        watch.tell(found(kept)).expect("told");
        let there = News::Instances(Some(Rc::clone(&of)), BrowseEvent::Found(instance()));
        watch.tell(there).expect("told");
        watch.tell(gone(kept)).expect("told");
        assert_eq!((watch.types.len(), watch.news.len()), (1, 1));
        let left = News::Instances(Some(of), BrowseEvent::Gone(instance()));
        watch.tell(left).expect("told");
        assert!(watch.types.is_empty());
        assert!(watch.news.next().await.is_none());
        assert!(session.is_answered, "that nothing was found is not said");
        session.close().await;
    }

    /// Instances that are gone give their room to those that found none: who makes up instances does not hide the true ones for good.
    ///
    /// covers: SEC-11
    #[tokio::test]
    async fn details_that_found_no_room_are_asked_for_when_there_is_some() {
        const ROOM: usize = 3;
        let mut options = Options::loopback();
        options.config.asks_max = ROOM as u32;
        let show = Show {
            json: true,
            ..Show::default()
        };
        let mut session = Session {
            mdns: session::open(options).expect("a host"),
            output: Output::new(std::time::Instant::now(), show),
            stop: Box::pin(std::future::pending()),
            is_answered: false,
        };
        let mut watch = Watch {
            session: &mut session,
            table: None,
            news: SelectAll::new(),
            types: HashMap::new(),
            details: HashMap::new(),
            results: Results::default(),
            resolves: true,
            holds: false,
            held: VecDeque::new(),
            missing: 0,
            waiting: HashMap::new(),
            has_freed: false,
            last_new: Instant::now(),
        };
        let name = |n: usize| named(&format!("Desk-{n}._c-room._udp.local"));
        for n in 0..2 * ROOM {
            let found = News::Instances(None, BrowseEvent::Found(name(n)));
            watch.tell(found).expect("told");
        }
        assert_eq!((watch.details.len(), watch.waiting.len()), (ROOM, ROOM));
        watch.resolve_waiting().expect("nothing is free");
        assert_eq!(watch.waiting.len(), ROOM);
        let resolved: Vec<_> = (0..2 * ROOM)
            .filter(|n| watch.details.contains_key(&key(&name(*n).name)))
            .collect();
        for n in resolved {
            let gone = News::Instances(None, BrowseEvent::Gone(name(n)));
            watch.tell(gone).expect("told");
        }
        // Ended streams are dropped when they are polled.
        let _ = tokio::time::timeout(Duration::from_millis(1), watch.news.next()).await;
        watch.resolve_waiting().expect("room");
        assert_eq!((watch.details.len(), watch.waiting.len()), (ROOM, 0));
        drop(watch);
        session.close().await;
    }
}
