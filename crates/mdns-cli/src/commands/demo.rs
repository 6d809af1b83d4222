//! `mdns demo`: two hosts in one process that find each other over real sockets.
//!
//! One advertises two services, the other browses and resolves them; then an attribute changes, and both say goodbye. The
//! two know nothing of each other but what goes through the sockets.

use std::{collections::HashMap, io};

use futures_util::{
    StreamExt as _,
    future::join_all,
    stream::{LocalBoxStream, SelectAll},
};
use mdns_proto::{
    name::{NameBuf, ServiceType},
    wire::TxtVec,
};
use mdns_socket::Selection;
use mdns_tokio::{Advertisement, Announcement, BrowseEvent, Instance, Mdns, Options, ResolveEvent};

use super::key;
use crate::{
    args::Demo,
    output::{Kind, Line, Output},
    session::{Failure, Found, Stop, join, open, stop},
};

/// Instance, type, port and an attribute of what is advertised.
const SERVICES: [(&str, &str, u16, &str); 2] = [
    ("Demo Web v1.0", "_http._tcp", 8080, "path=/"),
    ("Demo Printer", "_ipp._tcp", 631, "state=idle"),
];

/// The attribute of the last service, later.
const CHANGED: &str = "state=printing";

/// Why it ended early.
enum Ended {
    /// Time was up, or somebody stopped it, while this was waited for.
    Before(&'static str),
    Failed(Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Ended::Failed(failure)
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Ended::Failed(error.into())
    }
}

pub(super) async fn run(args: Demo, output: Output) -> Result<Found, Failure> {
    let stop = stop(Some(args.timeout))?;
    let options = args.network.options(Selection::loopback())?;
    let host = |name: &str| {
        open(Options {
            host_name: Some(name.to_owned()),
            ..options.clone()
        })
    };
    let (here, there) = (host("demo-here")?, host("demo-there")?);
    let outcome = play(&here, &there, output, stop).await;
    tokio::join!(here.shutdown(), there.shutdown());
    match outcome {
        Ok(()) => {
            output.remark("all was seen: two services with their details, a change, two goodbyes");
            Ok(Found(true))
        }
        Err(Ended::Before(what)) => {
            output.remark(&format!("ended before this was seen: {what}"));
            Ok(Found(false))
        }
        Err(Ended::Failed(failure)) => Err(failure),
    }
}

/// All of it, from the first probe to the last goodbye. `here` advertises, and `there` finds it.
async fn play(here: &Mdns, there: &Mdns, output: Output, stop: Stop) -> Result<(), Ended> {
    // Both are on the same interfaces.
    join(here, here.backend().backend, &output).await?;
    let mut view = View {
        mdns: there,
        output,
        stop,
        news: SelectAll::new(),
        seen: HashMap::new(),
    };
    let mut ours = Vec::new();
    for (instance, service_type, port, attribute) in SERVICES {
        let service_type: ServiceType = service_type.parse().map_err(usage)?;
        view.browse(&service_type)?;
        let announcement = Announcement {
            txt: txt(attribute)?,
            ..Announcement::new(instance, service_type, port)
        };
        let advertisement = here.advertise(&announcement).map_err(usage)?;
        ours.push(Ours {
            name: NameBuf::new(),
            host: NameBuf::new(),
            advertisement,
            announcement,
        });
    }

    for own in &mut ours {
        let name = tokio::select! {
            Some(name) = own.advertisement.registered() => name,
            () = &mut view.stop => return Err(Ended::Before("two registrations")),
        };
        view.seen.insert(key(&name), None);
        own.name = name;
        own.host = here.host_name();
        output.line(&own.line(Kind::Registered))?;
    }
    let all = |seen: &Seen| ours.iter().all(|own| own.is_whole_in(seen));
    view.until("two services with all their details", all)
        .await?;

    if let Some(own) = ours.last_mut() {
        own.announcement.txt = txt(CHANGED)?;
        let update = own.advertisement.update_txt(&own.announcement.txt);
        update.await.map_err(usage)?;
        output.line(&own.line(Kind::Updated))?;
        view.until("the change of an attribute", |seen| own.is_whole_in(seen))
            .await?;
    }

    let lines: Vec<Line> = ours.iter().map(|own| own.line(Kind::Withdrawn)).collect();
    join_all(ours.into_iter().map(|own| own.advertisement.withdraw())).await;
    lines.iter().try_for_each(|line| output.line(line))?;
    view.until("two goodbyes", Seen::is_empty).await
}

fn usage(error: impl std::error::Error) -> Failure {
    Failure::Usage(error.to_string())
}

fn txt(attribute: &str) -> Result<TxtVec, Failure> {
    let mut txt = TxtVec::new();
    txt.push_string(attribute.as_bytes()).map_err(usage)?;
    Ok(txt)
}

/// Something that `here` advertises.
struct Ours {
    /// Under which it is registered; the root until it is.
    name: NameBuf,
    /// The host it runs on; the root until it is registered.
    host: NameBuf,
    advertisement: Advertisement,
    announcement: Announcement,
}

impl Ours {
    fn line(&self, event: Kind) -> Line {
        let Announcement { port, txt, .. } = &self.announcement;
        let host = Some(self.host.to_string());
        Line::of_own(event, self.name.as_name(), host, *port, txt.clone())
    }

    /// Whether all that was advertised has arrived.
    fn is_whole_in(&self, seen: &Seen) -> bool {
        seen.get(&key(&self.name)).is_some_and(|instance| {
            instance.as_ref().is_some_and(|instance| {
                instance.port == Some(self.announcement.port)
                    && instance.txt.as_txt() == self.announcement.txt.as_txt()
                    && !instance.addresses.is_empty()
                    && !instance.is_own
            })
        })
    }
}

/// Instances that are there by their names, with their details once these are known.
type Seen = HashMap<String, Option<Instance>>;

/// News, and what it is about.
enum News {
    Instances(BrowseEvent),
    Details(ResolveEvent),
}

/// What `there` sees.
struct View<'a> {
    mdns: &'a Mdns,
    output: Output,
    stop: Stop,
    news: SelectAll<LocalBoxStream<'static, News>>,
    /// Of what is ours, not of what else may be on this network.
    seen: Seen,
}

impl View<'_> {
    fn browse(&mut self, service_type: &ServiceType) -> Result<(), Failure> {
        let instances = self.mdns.browse(service_type).map_err(usage)?;
        self.news.push(instances.map(News::Instances).boxed_local());
        Ok(())
    }

    /// Waits until it is so, and prints what happens meanwhile.
    async fn until(
        &mut self,
        what: &'static str,
        is_so: impl Fn(&Seen) -> bool,
    ) -> Result<(), Ended> {
        while !is_so(&self.seen) {
            tokio::select! {
                biased;
                () = &mut self.stop => return Err(Ended::Before(what)),
                Some(news) = self.news.next() => self.tell(news)?,
            }
        }
        Ok(())
    }

    fn tell(&mut self, news: News) -> Result<(), Ended> {
        match news {
            News::Instances(BrowseEvent::Found(found)) if self.is_ours(&found) => {
                let details = self.mdns.resolve(&found.name).map_err(usage)?;
                self.news.push(details.map(News::Details).boxed_local());
                self.output.line(&Line::of_instance(Kind::Found, &found))?;
            }
            News::Instances(BrowseEvent::Gone(gone)) if self.is_ours(&gone) => {
                self.seen.remove(&key(&gone.name));
                self.output.line(&Line::of_instance(Kind::Gone, &gone))?;
            }
            News::Details(ResolveEvent::Resolved(found)) if self.is_ours(&found) => {
                self.output
                    .line(&Line::with_details(Kind::Resolved, &found))?;
                self.seen.insert(key(&found.name), Some(found));
            }
            _ => {}
        }
        Ok(())
    }

    fn is_ours(&self, instance: &Instance) -> bool {
        self.seen.contains_key(&key(&instance.name))
    }
}
