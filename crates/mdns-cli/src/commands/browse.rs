//! `mdns browse`: what there is, as it comes and goes.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use futures_util::{
    Stream, StreamExt as _,
    stream::{AbortHandle, LocalBoxStream, SelectAll, abortable},
};
use mdns_proto::name::{NameBuf, ServiceType};
use mdns_socket::Selection;
use mdns_tokio::{BrowseEvent, Instance, ResolveEvent};

use super::{Results, key};
use crate::{
    args::Browse,
    output::{Kind, Line, Output},
    session::{Failure, Found, Session},
};

pub(super) async fn run(args: Browse, output: Output) -> Result<Found, Failure> {
    args.check().map_err(Failure::Usage)?;
    let options = args.network.options(Selection::usual())?;
    let mut session = Session::open(options, args.limits.timeout, output).await?;
    let outcome = browse(&args, &mut session).await;
    session.close().await;
    outcome
}

/// News, and what it is about.
enum News {
    Types(BrowseEvent),
    Instances(BrowseEvent),
    /// With the name of the instance.
    Details(Rc<NameBuf>, ResolveEvent),
}

/// The details of an instance, while it is there.
struct Details {
    /// Ends the stream of them.
    stream: AbortHandle,
    /// What was printed of them; it is counted then.
    told: Option<Instance>,
}

async fn browse(args: &Browse, session: &mut Session) -> Result<Found, Failure> {
    let mut watch = Watch {
        session,
        news: SelectAll::new(),
        types: HashSet::new(),
        details: HashMap::new(),
        results: Results::of(&args.limits),
        resolves: args.resolve,
    };
    match &args.service_type {
        Some(service_type) => watch.browse(service_type)?,
        None => watch.browse_types()?,
    }
    while !watch.results.are_enough() {
        tokio::select! {
            biased;
            () = &mut watch.session.stop => break,
            Some(news) = watch.news.next() => watch.tell(news)?,
        }
    }
    Ok(watch.results.outcome())
}

/// All that is asked for, and what came of it.
struct Watch<'a> {
    session: &'a mut Session,
    news: SelectAll<LocalBoxStream<'static, News>>,
    /// The types that were found, and are browsed ever since: they may go and come back.
    types: HashSet<String>,
    /// By the name of the instance, if details are wanted.
    details: HashMap<String, Details>,
    results: Results,
    resolves: bool,
}

impl Watch<'_> {
    fn browse_types(&mut self) -> Result<(), Failure> {
        let types = self.session.mdns.browse_types();
        let types = types.map_err(|error| Failure::Network(error.to_string()))?;
        self.add(types.map(News::Types));
        Ok(())
    }

    fn browse(&mut self, service_type: &ServiceType) -> Result<(), Failure> {
        let instances = self.session.mdns.browse(service_type);
        let instances = instances
            .map_err(|error| Failure::Network(format!("service type {service_type}: {error}")))?;
        self.add(instances.map(News::Instances));
        Ok(())
    }

    fn add(&mut self, news: impl Stream<Item = News> + 'static) {
        self.news.push(news.boxed_local());
    }

    fn tell(&mut self, news: News) -> Result<(), Failure> {
        match news {
            News::Types(BrowseEvent::Found(found)) => {
                let is_new = self.types.insert(key(&found.name));
                self.print(&Line::of_type(Kind::Type, found.name.as_name()))?;
                // What others registered may be no type at all, and cannot be browsed then.
                if let Some(service_type) = found.as_service_type().filter(|_| is_new) {
                    self.browse(&service_type)?;
                }
            }
            News::Instances(BrowseEvent::Found(found)) => {
                self.print(&Line::of_instance(Kind::Found, &found))?;
                if self.resolves {
                    self.resolve(&found.name);
                } else {
                    self.results.add();
                }
            }
            News::Instances(BrowseEvent::Gone(gone)) => {
                if let Some(details) = self.details.remove(&key(&gone.name)) {
                    details.stream.abort();
                }
                self.print(&Line::of_instance(Kind::Gone, &gone))?;
            }
            News::Types(BrowseEvent::Incomplete) | News::Instances(BrowseEvent::Incomplete) => {
                self.print(&Line::new(Kind::Incomplete))?;
            }
            News::Details(_, ResolveEvent::Resolved(instance)) => {
                self.tell_details(instance)?;
            }
            News::Details(name, ResolveEvent::Lost) => {
                self.print(&Line::about(Kind::Lost, name.as_name()))?;
            }
            // Changes are told with the details, if these are wanted.
            _ => {}
        }
        Ok(())
    }

    /// Prints details that were not printed before.
    fn tell_details(&mut self, instance: Instance) -> Result<(), Failure> {
        let Some(details) = self.details.get_mut(&key(&instance.name)) else {
            return Ok(());
        };
        // Another link may have told the same.
        if details.told.as_ref() == Some(&instance) {
            return Ok(());
        }
        if details.told.is_none() {
            self.results.add();
        }
        let line = Line::with_details(Kind::Resolved, &instance);
        details.told = Some(instance);
        self.print(&line)
    }

    /// Asks for the details of an instance, and for as long as it is there.
    fn resolve(&mut self, name: &NameBuf) {
        match self.session.mdns.resolve(name) {
            Ok(resolve) => {
                let owner = Rc::new(name.clone());
                let (news, stream) =
                    abortable(resolve.map(move |event| News::Details(Rc::clone(&owner), event)));
                self.add(news);
                let details = Details { stream, told: None };
                self.details.insert(key(name), details);
            }
            Err(error) => self.session.output.remark(&format!("{name}: {error}")),
        }
    }

    fn print(&self, line: &Line) -> Result<(), Failure> {
        Ok(self.session.output.line(line)?)
    }
}
