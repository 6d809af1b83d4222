//! `mdns browse`: what there is, as it comes and goes.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    stream::{AbortHandle, LocalBoxStream, SelectAll, abortable},
};
use mdns_proto::{
    discovery::AskError,
    name::{NameBuf, ServiceType},
};
use mdns_socket::Selection;
use mdns_tokio::{BrowseEvent, Instance, ResolveEvent};

use super::{Results, key};
use crate::{
    args::Browse,
    output::{Kind, Line, Output, Table},
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
    /// They are among the results.
    is_counted: bool,
}

async fn browse(args: &Browse, session: &mut Session) -> Result<Found, Failure> {
    let mut watch = Watch {
        table: session.output.table(args.resolve),
        session,
        news: SelectAll::new(),
        types: HashSet::new(),
        details: HashMap::new(),
        results: Results::of(&args.limits),
        resolves: args.resolve,
    };
    match &args.service_type {
        Some(service_type) => watch.browse(service_type),
        None => watch.browse_types(),
    }
    .map_err(|error| Failure::Network(error.to_string()))?;
    while !watch.results.are_enough() {
        watch.draw()?;
        tokio::select! {
            biased;
            () = &mut watch.session.stop => break,
            Some(news) = watch.news.next() => watch.tell_all(news)?,
        }
    }
    watch.leave()?;
    Ok(watch.results.outcome())
}

/// All that is asked for, and what came of it.
struct Watch<'a> {
    session: &'a mut Session,
    /// What takes the place of lines, if a person looks on.
    table: Option<Table>,
    news: SelectAll<LocalBoxStream<'static, News>>,
    /// The types that were found, and are browsed ever since: they may go and come back.
    types: HashSet<String>,
    /// By the name of the instance, if details are wanted.
    details: HashMap<String, Details>,
    results: Results,
    resolves: bool,
}

impl Watch<'_> {
    fn browse_types(&mut self) -> Result<(), AskError> {
        let types = self.session.mdns.browse_types()?;
        self.add(types.map(News::Types));
        Ok(())
    }

    fn browse(&mut self, service_type: &ServiceType) -> Result<(), AskError> {
        let instances = self.session.mdns.browse(service_type)?;
        self.add(instances.map(News::Instances));
        Ok(())
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
                let is_new = self.types.insert(key(&found.name));
                self.print(&Line::of_type(Kind::Type, found.name.as_name()))?;
                // What others registered may be no type at all, and cannot be browsed then.
                let service_type = found.as_service_type().filter(|_| is_new);
                if let Some(Err(error)) = service_type.map(|found| self.browse(&found)) {
                    self.remark(&found.name, error)?;
                }
            }
            News::Instances(BrowseEvent::Found(found)) => {
                self.print(&Line::of_instance(Kind::Found, &found))?;
                if self.resolves {
                    self.resolve(&found.name)?;
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

    /// Prints the details of an instance that is still there.
    fn tell_details(&mut self, instance: Instance) -> Result<(), Failure> {
        let Some(details) = self.details.get_mut(&key(&instance.name)) else {
            return Ok(());
        };
        if !details.is_counted {
            details.is_counted = true;
            self.results.add();
        }
        self.print(&Line::with_details(Kind::Resolved, &instance))
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
                };
                self.details.insert(key(name), details);
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
