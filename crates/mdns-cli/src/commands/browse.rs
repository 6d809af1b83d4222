//! `mdns browse`: what there is, as it comes and goes.

use std::collections::{HashMap, HashSet};

use futures_util::{
    Stream, StreamExt as _,
    stream::{AbortHandle, BoxStream, SelectAll, abortable},
};
use mdns_proto::name::{NameBuf, ServiceType};
use mdns_socket::Selection;
use mdns_tokio::{BrowseEvent, ResolveEvent};

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
    OfTypes(BrowseEvent),
    OfInstances(BrowseEvent),
    OfDetails(NameBuf, ResolveEvent),
}

/// The details of an instance, while it is there.
struct Details {
    /// Ends the stream of them.
    stream: AbortHandle,
    /// They were known once, and are counted.
    is_counted: bool,
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
    news: SelectAll<BoxStream<'static, News>>,
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
        self.add(types.map(News::OfTypes));
        Ok(())
    }

    fn browse(&mut self, service_type: &ServiceType) -> Result<(), Failure> {
        let instances = self.session.mdns.browse(service_type);
        let instances = instances
            .map_err(|error| Failure::Network(format!("service type {service_type}: {error}")))?;
        self.add(instances.map(News::OfInstances));
        Ok(())
    }

    fn add(&mut self, news: impl Stream<Item = News> + Send + 'static) {
        self.news.push(news.boxed());
    }

    fn tell(&mut self, news: News) -> Result<(), Failure> {
        match news {
            News::OfTypes(BrowseEvent::Found(found)) => {
                let is_new = self.types.insert(key(&found.name));
                self.print(&Line::of_type(Kind::Type, found.name.as_name()))?;
                // What others registered may be no type at all, and cannot be browsed then.
                if let Some(service_type) = found.as_service_type().filter(|_| is_new) {
                    self.browse(&service_type)?;
                }
            }
            News::OfInstances(BrowseEvent::Found(found)) => {
                self.print(&Line::of_instance(Kind::Found, &found))?;
                if self.resolves {
                    self.resolve(&found.name);
                } else {
                    self.results.add();
                }
            }
            News::OfInstances(BrowseEvent::Gone(gone)) => {
                if let Some(details) = self.details.remove(&key(&gone.name)) {
                    details.stream.abort();
                }
                self.print(&Line::of_instance(Kind::Gone, &gone))?;
            }
            News::OfTypes(BrowseEvent::Incomplete) | News::OfInstances(BrowseEvent::Incomplete) => {
                self.print(&Line::new(Kind::Incomplete))?;
            }
            News::OfDetails(_, ResolveEvent::Resolved(instance)) => {
                self.print(&Line::with_details(Kind::Resolved, &instance))?;
                let details = self.details.get_mut(&key(&instance.name));
                if let Some(details) = details.filter(|details| !details.is_counted) {
                    details.is_counted = true;
                    self.results.add();
                }
            }
            News::OfDetails(name, ResolveEvent::Lost) => {
                self.print(&Line::about(Kind::Lost, name.as_name()))?;
            }
            // Changes are told with the details, if these are wanted.
            _ => {}
        }
        Ok(())
    }

    /// Asks for the details of an instance, and for as long as it is there.
    fn resolve(&mut self, name: &NameBuf) {
        match self.session.mdns.resolve(name) {
            Ok(resolve) => {
                let owner = name.clone();
                let (news, stream) =
                    abortable(resolve.map(move |event| News::OfDetails(owner.clone(), event)));
                self.add(news);
                let details = Details {
                    stream,
                    is_counted: false,
                };
                self.details.insert(key(name), details);
            }
            Err(error) => self.session.output.remark(&format!("{name}: {error}")),
        }
    }

    fn print(&self, line: &Line) -> Result<(), Failure> {
        Ok(self.session.output.line(line)?)
    }
}
