//! Which links a service is offered on: all, but for those that the application withholds it from (RFC 6762 §14).

use core::time::Duration;

use super::{Link, LinkStorage, Responder, ResponderStorage};
use crate::{
    link::LinkId,
    own::{Own, OwnStorage, ServiceId, ServiceSlot},
    store::Id,
    time::Instant,
};

impl<S: ResponderStorage> Responder<S> {
    /// Offers a service on a link, or withholds it there and says goodbye to what was said of it.
    pub(crate) fn set_offered(
        &mut self,
        now: Instant,
        id: ServiceId,
        link: LinkId,
        is_offered: bool,
    ) {
        let Some(&ServiceSlot {
            claim,
            host,
            type_pointer,
            ..
        }) = self.own.service(id)
        else {
            return;
        };
        let Responder {
            own, links, chance, ..
        } = self;
        let Some(link) = links.get_mut(u32::from(link.0)) else {
            return;
        };
        if link.is_withheld(claim) != is_offered {
            return;
        }
        for claim in own.claims_of_service(id.index) {
            if let Some(state) = link.claims.get_mut(claim.get()) {
                state.is_withheld = !is_offered;
            }
            if is_offered && link.is_up {
                link.probe(now, claim, Duration::ZERO, chance);
            }
        }
        if is_offered {
            return;
        }
        for (record, found) in own.records_of_service(id.index) {
            link.owe_goodbye(now, record, found.claim);
        }
        for claim in own.claims_of_service(id.index) {
            link.stop_claim(claim);
        }
        link.withholds = true;
        link.settle_type_pointer(now, own, type_pointer.get());
        // The other links may have waited for this one.
        self.has_unsaid = true;
        self.tell_settled(claim, host);
    }
}

impl<L: LinkStorage> Link<L> {
    /// Takes a type off the list of types, if no service of that type is offered here (any more).
    pub(super) fn settle_type_pointer<O: OwnStorage>(
        &mut self,
        now: Instant,
        own: &Own<O>,
        pointer: u32,
    ) {
        let is_needed = own.services().any(|(_, other)| {
            other.type_pointer == Id::of(pointer) && !self.is_withheld(other.claim)
        });
        if !is_needed {
            self.owe_goodbye(now, pointer, None);
        }
    }
}
