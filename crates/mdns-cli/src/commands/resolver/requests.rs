//! The requests of the translator, each a query of multicast DNS that stays open until it is cancelled.

use std::{collections::HashMap, time::Instant};

use mdns_dns::{Request, RequestId};
use mdns_tokio::{Answer, Mdns, QueryEvent, proto::discovery::Span};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    task::AbortHandle,
};

/// How many changes may wait to be taken; a query that has more waits with them.
const CHANGES: usize = 64;

/// What has become of a request.
#[derive(Debug)]
pub(super) enum Change {
    /// The records are these now, and as far as is known these are all.
    Answers(Vec<Answer>, bool),
    /// There will be no answer, or not all of it.
    Failed,
}

/// All open requests.
pub(super) struct Requests {
    mdns: Mdns,
    open: HashMap<RequestId, AbortHandle>,
    sender: Sender<(RequestId, Change)>,
    pub(super) changes: Receiver<(RequestId, Change)>,
}

impl Requests {
    pub(super) fn new(mdns: Mdns) -> Self {
        let (sender, changes) = channel(CHANGES);
        Requests {
            mdns,
            open: HashMap::new(),
            sender,
            changes,
        }
    }

    /// Begins one; returns whether that could be done.
    pub(super) fn begin(&mut self, request: &Request) -> bool {
        let Ok(mut query) = self
            .mdns
            .query(&request.name, request.rtype, Span::Continuous)
        else {
            return false;
        };
        let (id, sender) = (request.id, self.sender.clone());
        let task = tokio::spawn(async move {
            while let Some(event) = query.next().await {
                let change = match event {
                    QueryEvent::Answers(answers) => Change::Answers(answers, query.is_complete()),
                    QueryEvent::Incomplete | QueryEvent::Finished(_) => Change::Failed,
                    _ => continue,
                };
                if sender.send((id, change)).await.is_err() {
                    return;
                }
            }
            sender.send((id, Change::Failed)).await.ok();
        });
        self.open.insert(id, task.abort_handle());
        true
    }

    /// Ends one.
    pub(super) fn end(&mut self, id: RequestId) {
        if let Some(task) = self.open.remove(&id) {
            task.abort();
        }
    }

    /// Whether a change is of a request that is still open.
    pub(super) fn is_open(&self, id: RequestId) -> bool {
        self.open.contains_key(&id)
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.open.values().for_each(AbortHandle::abort);
    }
}

/// The clock of the translator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Clock(Instant::now())
    }

    pub(super) fn now(self) -> mdns_proto::time::Instant {
        let micros = self.0.elapsed().as_micros();
        mdns_proto::time::Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The same instant on the clock of tokio.
    pub(super) fn system(self, due: mdns_proto::time::Instant) -> tokio::time::Instant {
        let after = due.since(mdns_proto::time::Instant::ZERO);
        let at = self.0.checked_add(after);
        at.unwrap_or_else(|| Instant::now() + std::time::Duration::from_secs(3600))
            .into()
    }
}
