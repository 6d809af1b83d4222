//! A node with async handles, on any reactor and any executor.

use std::{future::Future, marker::PhantomData, time::Duration};

use mdns_driver::{
    Advertisement, Announcement, Answer, Browse, BrowseEvent, Clock, HostAddresses, Instance,
    LinkInfo, Mdns, Options, QueryEvent, Reactor, Resolve, ResolveEvent, Results, Subscription,
    proto::{
        discovery::{AddressKind, AskError, Span},
        name::{NameBuf, ServiceType},
        own::RegisterError,
        wire::{RecordType, TxtVec},
    },
    socket::Selection,
};

use crate::{
    Node, Request,
    callbacks::code_that_a_host_calls_may_call_it,
    node::{Story, addresses, refusal},
    polls::{
        a_task_is_polled_for_news_alone, a_task_that_drives_is_polled_for_datagrams_and_deadlines,
    },
    results::{Count, count},
    stories::stories,
};

/// What polls futures.
pub trait Executor: Send + 'static {
    /// Opens a host where the event loop runs.
    fn enter<T>(open: impl FnOnce() -> T) -> T {
        open()
    }
    /// Runs a future to its end.
    fn block_on<T>(future: impl Future<Output = T>) -> T;
    /// Runs a program to its end as its `main` would, with the hosts that it opens.
    fn run(program: impl Future<Output = ()> + Send + 'static) {
        Self::block_on(program);
    }
}

/// A node with async handles.
pub struct Async<R, E> {
    mdns: Mdns<R>,
    executor: PhantomData<fn() -> E>,
}

impl<R, E> Clone for Async<R, E> {
    fn clone(&self) -> Self {
        Async {
            mdns: self.mdns.clone(),
            executor: PhantomData,
        }
    }
}

impl<R: Reactor, E: Executor> Node for Async<R, E> {
    type Advertisement = Advertisement;
    type Browse = Browse;
    type Resolve = Resolve;

    fn more_stories() -> Vec<Story> {
        stories![
            code_that_a_host_calls_may_call_it::<R, E>,
            a_task_is_polled_for_news_alone::<R, E>,
            a_task_that_drives_is_polled_for_datagrams_and_deadlines::<R, E>,
        ]
        .into()
    }

    fn open(options: Options, clock: Box<dyn Clock>) -> Self {
        let mdns = E::enter(|| Mdns::with_clock(options, clock));
        Async {
            mdns: mdns.expect("a host on loopback"),
            executor: PhantomData,
        }
    }

    fn links(&self) -> Vec<LinkInfo> {
        self.mdns.links()
    }

    fn host_name(&self) -> NameBuf {
        self.mdns.host_name()
    }

    fn advertise(&self, announcement: &Announcement) -> Result<Advertisement, RegisterError> {
        self.mdns.advertise(announcement)
    }

    fn registered(&self, advertisement: &mut Advertisement) -> Option<NameBuf> {
        E::block_on(advertisement.registered())
    }

    fn update_txt(&self, advertisement: &mut Advertisement, txt: &TxtVec) {
        E::block_on(advertisement.update_txt(txt)).expect("an update");
    }

    fn withdraw(&self, advertisement: Advertisement) {
        E::block_on(advertisement.withdraw());
    }

    fn browse(&self, service_type: &ServiceType) -> Browse {
        self.mdns.browse(service_type).expect("a browse")
    }

    fn browse_types(&self) -> Browse {
        self.mdns.browse_types().expect("a browse")
    }

    fn next(&self, browse: &mut Browse, within: Duration) -> Option<BrowseEvent> {
        E::block_on(browse.next_within(within))
    }

    fn snapshot(&self, browse: &Browse) -> Vec<Instance> {
        browse.snapshot()
    }

    fn resolve(&self, instance: &NameBuf) -> Resolve {
        self.mdns.resolve(instance).expect("a resolve")
    }

    fn next_resolved(&self, resolve: &mut Resolve, within: Duration) -> Option<ResolveEvent> {
        E::block_on(resolve.next_within(within))
    }

    fn look_up(&self, host: &NameBuf, within: Duration) -> Result<Option<HostAddresses>, AskError> {
        let mut lookup = self.mdns.lookup_host(host, AddressKind::V4)?;
        Ok(E::block_on(lookup.next_within(within)).and_then(addresses))
    }

    fn ask(&self, name: &NameBuf, rtype: RecordType) -> Result<Vec<Answer>, AskError> {
        let mut query = self.mdns.query(name, rtype, Span::OneShot)?;
        let mut answers = Vec::new();
        while let Some(event) = E::block_on(query.next()) {
            if let QueryEvent::Answers(found) = event {
                answers = found;
            }
        }
        Ok(answers)
    }

    fn results(&self, request: &Request, enough: usize, within: Duration) -> (usize, bool) {
        fn told<E: Executor, N: Subscription>(
            enough: usize,
            within: Duration,
            results: Result<Results<N>, AskError>,
        ) -> (usize, bool)
        where
            N::Event: Count,
        {
            let mut results = results.expect("a request");
            count(enough, within, |left| {
                E::block_on(results.next_within(left))
            })
        }
        let mdns = &self.mdns;
        match request {
            Request::Browse(kind) => told::<E, _>(enough, within, mdns.browse(kind)),
            Request::Resolve(instance) => told::<E, _>(enough, within, mdns.resolve(instance)),
            Request::LookUp(host) => {
                told::<E, _>(enough, within, mdns.lookup_host(host, AddressKind::V4))
            }
            Request::Query(name, rtype) => {
                told::<E, _>(enough, within, mdns.query(name, *rtype, Span::Continuous))
            }
        }
    }

    fn reconfirm(&self, instance: &NameBuf) {
        self.mdns.reconfirm(instance).expect("a host that runs");
    }

    fn refusals(&self, own: &mut Advertisement) -> Vec<(&'static str, String)> {
        let mdns = &self.mdns;
        let name: NameBuf = "nobody.local".parse().expect("a name");
        let kind: ServiceType = "_late._tcp".parse().expect("a type");
        let late = Announcement::new("Late", kind.clone(), 1);
        let apart = Announcement {
            interfaces: Some(Selection::none().with(|_| true)),
            ..late.clone()
        };
        let loopback = [127, 0, 0, 1].into();
        vec![
            ("advertise", refusal(mdns.advertise(&late))),
            ("advertise on some", refusal(mdns.advertise(&apart))),
            ("advertise_host", refusal(mdns.advertise_host(None))),
            (
                "update_txt",
                refusal(E::block_on(own.update_txt(&TxtVec::new()))),
            ),
            ("browse", refusal(mdns.browse(&kind))),
            ("browse_types", refusal(mdns.browse_types())),
            ("resolve", refusal(mdns.resolve(&name))),
            (
                "lookup_host",
                refusal(mdns.lookup_host(&name, AddressKind::Both)),
            ),
            (
                "query",
                refusal(mdns.query(&name, RecordType::TXT, Span::OneShot)),
            ),
            ("reverse", refusal(mdns.reverse(loopback, Span::OneShot))),
            ("reconfirm", refusal(mdns.reconfirm(&name))),
        ]
    }

    fn shutdown(&self) {
        E::block_on(self.mdns.shutdown());
    }
}
