//! In place of `daemon` where that is not built, or the system is not Unix: we ask and publish on our own sockets, always.

use mdns_proto::{host::Host, store::Heap, time::Instant};

use crate::{Backend, BackendInfo, Error, OwnId, links::Links, ours::Ours, waiting::Deferred};

const MISSING: &str = if cfg!(unix) {
    "built without the feature `daemon`"
} else {
    "this system has no such daemon"
};

#[derive(Debug)]
pub(crate) struct Daemons {
    reason: &'static str,
}

impl Daemons {
    pub(crate) fn start(
        _: Instant,
        policy: Backend,
        _: bool,
        links: &mut Links,
    ) -> Result<Self, Error> {
        links.set_uses_sockets(true);
        match policy {
            Backend::Own => Ok(Daemons { reason: "chosen" }),
            Backend::Auto => Ok(Daemons { reason: MISSING }),
            Backend::Avahi | Backend::Resolved => Err(Error::Backend(policy, MISSING.into())),
        }
    }

    pub(crate) fn fall_back(&mut self, _: Instant, _: &mut Links, _: &str) -> bool {
        false
    }

    pub(crate) fn info(&self) -> BackendInfo {
        BackendInfo {
            backend: Backend::Own,
            reason: self.reason.into(),
            version: None,
            is_available: true,
        }
    }

    pub(crate) fn set_up(&self, _: &mut Ours, _: bool) {}

    pub(crate) fn may_share_host_name(&self) -> bool {
        false
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        None
    }

    pub(crate) fn handle_timeout(
        &mut self,
        _: Instant,
        _: &mut Host<Heap>,
        _: &mut Links,
        _: &mut Ours,
    ) {
    }

    pub(crate) fn handle_survey(
        &mut self,
        _: Instant,
        _: &mut Host<Heap>,
        _: &mut Links,
        _: &mut Ours,
    ) {
    }

    pub(crate) fn note_change(&mut self, _: Instant) {}

    pub(crate) fn note_own(&mut self, _: OwnId) {}

    pub(crate) fn sync(&mut self, _: &Host<Heap>, _: &Links, _: &mut Ours) {}

    pub(crate) fn is_silent(&self) -> bool {
        true
    }

    pub(crate) fn withdraw_all(&mut self) {}

    pub(crate) fn take_deferred(&mut self) -> Deferred {
        Deferred::default()
    }

    pub(crate) fn end(&mut self) {}
}
