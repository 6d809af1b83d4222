//! Claims: names that must be ours alone, and how they are renamed after a conflict (RFC 6762 §9).

use core::num::NonZero;

use super::{Kind, RecordNumber, Registry, RegistryStorage, TextOf, rename};
use crate::{
    chance::Chance,
    link::InterfaceId,
    moment::Now,
    name::{Name, NameBuf},
    store::{Block, Full, Id, NONE, Raw},
};

/// The number of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimId(Id);

impl ClaimId {
    pub(crate) const fn of(number: u32) -> Self {
        ClaimId(Id::of(number))
    }

    pub(crate) const fn get(self) -> u32 {
        self.0.get()
    }
}

/// What a claimed name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A host.
    Host,
    /// A service, by its number.
    Service(Id),
    /// The same service under a type that it only holds a place in (RFC 6763 §8).
    Placeholder(Id),
    /// Records that were registered by themselves. It keeps its name, or loses it.
    Records,
    /// The reverse mapping of an address. Not probed: nobody else can rightly have it (RFC 6762 §8.1).
    Address,
}

/// What the application is still to be told of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    None,
    Registered,
    Renamed,
    /// Another has the name, and there is no next one.
    Lost,
}

/// A name that must be ours alone.
#[derive(Debug)]
pub struct Claim {
    pub(super) name: Block,
    pub(crate) holder: Holder,
    /// Told apart from a later claim in the same place.
    pub(crate) generation: u32,
    /// The number in the name: 1 where none is spelled. It only rises.
    pub(super) number: NonZero<u32>,
    /// Its negative response.
    pub(super) negative: Id,
    /// How many records stand under it or lead to it, and how many services have or name it.
    pub(super) users: Raw,
    /// Whether it was given up: it only names what says goodbye.
    pub(super) is_given_up: bool,
    /// Whether the application has been told that the name is ours.
    pub(crate) is_told: bool,
    /// Whether the application has been told that it is not.
    is_lost: bool,
    pub(crate) notice: Notice,
}

/// Why a name cannot have a label.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RelabelError {
    /// Another name of ours is the same then.
    Taken,
    /// The whole is too long, or there is no memory for it.
    Full,
}

impl<S: RegistryStorage> Registry<S> {
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn claim(&self, id: ClaimId) -> Option<&Claim> {
        self.claims.get(id.get()).filter(|claim| !claim.is_given_up)
    }

    /// One more than the highest number of a claim.
    pub(crate) fn claims_bound(&self) -> u32 {
        self.claims.bound()
    }

    pub(crate) fn claims(&self) -> impl Iterator<Item = (ClaimId, &Claim)> {
        self.claims
            .iter()
            .filter(|(_, claim)| !claim.is_given_up)
            .map(|(id, claim)| (ClaimId::of(id), claim))
    }

    /// The name of a claim, even of one that was given up.
    pub(crate) fn claim_name(&self, id: ClaimId) -> Name<'_> {
        match self.claims.get(id.get()) {
            Some(claim) => self.stored_name(claim.name),
            None => Name::ROOT,
        }
    }

    pub(super) fn stored_name(&self, block: Block) -> Name<'_> {
        match self.text.bytes(block) {
            [] => Name::ROOT,
            bytes => Name::stored(bytes),
        }
    }

    /// Whose name this is, if it is claimed.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn claim_named(&self, name: Name<'_>) -> Option<ClaimId> {
        let hash = if Self::SCANS { 0 } else { name.hash(self.key) };
        self.claim_named_by(hash, name)
    }

    /// Whose name this is, if it is claimed. The hash of the name is known.
    pub(super) fn claim_named_by(&self, hash: u32, name: Name<'_>) -> Option<ClaimId> {
        let negative = if Self::SCANS {
            self.named(name).find(|&id| {
                self.row(id)
                    .is_some_and(|row| row.kind == Kind::Negative && !row.is_leaving())
            })?
        } else {
            let hash = Self::claim_hash(hash);
            let head = self.by_data.find(hash, &|id| self.is_negative_of(id, name));
            let mut id = head;
            while id != NONE && self.is_leaving(id) {
                id = self.by_data.next(head, id);
            }
            id
        };
        Some(ClaimId::of(self.row(negative)?.of.get()))
    }

    /// Whether a claim has anything to say on an interface.
    pub(crate) fn has_records(&self, claim: ClaimId, interface: InterfaceId) -> bool {
        self.proposed(claim, interface).next().is_some()
    }

    /// Claims a name, with its negative response. There must be [room](Self::check_need).
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn add_claim(
        &mut self,
        name: Name<'_>,
        holder: Holder,
        number: NonZero<u32>,
    ) -> Result<ClaimId, Full> {
        self.generation = self.generation.wrapping_add(1);
        let claim = Claim {
            name: Block::NONE,
            holder,
            generation: self.generation,
            number,
            negative: Id::NONE,
            users: 0,
            is_given_up: false,
            is_told: false,
            is_lost: false,
            notice: Notice::None,
        };
        let id = self.claims.insert(claim, self.records_max)?;
        let block = self.store_name(TextOf::Claim(id), name)?;
        if let Some(claim) = self.claims.get_mut(id) {
            claim.name = block;
        }
        let negative = self.insert_record(Kind::Negative, id, Some(ClaimId::of(id)), Id::NONE)?;
        if let Some(claim) = self.claims.get_mut(id) {
            claim.negative = Id::of(negative);
        }
        Ok(ClaimId::of(id))
    }

    /// The negative response of a claim.
    pub(crate) fn negative_of(&self, id: ClaimId) -> Option<RecordNumber> {
        let negative = self.claims.get(id.get())?.negative;
        (negative != Id::NONE).then(|| negative.get())
    }

    /// Gives a claim up: its name may be claimed anew. What is left of its records goes on until goodbye has been said; the caller
    /// withdraws its negative response.
    pub(crate) fn give_up_claim(&mut self, id: ClaimId) {
        self.set_notice(id, Notice::None);
        if let Some(claim) = self.claims.get_mut(id.get()) {
            claim.is_given_up = true;
        }
        if self.default_host == Some(id) {
            let hosts = self
                .claims()
                .filter(|(_, claim)| claim.holder == Holder::Host);
            self.default_host = hosts
                .min_by_key(|(_, claim)| claim.generation)
                .map(|(id, _)| id);
        }
        self.free_claim(id.get());
    }

    /// Forgets a claim that nobody uses any more.
    pub(super) fn free_claim(&mut self, id: u32) {
        if self.claims.get(id).is_some_and(|claim| claim.users == 0) {
            self.set_notice(ClaimId::of(id), Notice::None);
            if let Some(claim) = self.claims.remove(id) {
                self.text.remove(claim.name);
            }
        }
    }

    /// Counts that a service uses a claim, or does so no more.
    pub(super) fn use_claim(&mut self, id: ClaimId) {
        if let Some(claim) = self.claims.get_mut(id.get()) {
            claim.users += 1;
        }
    }

    pub(super) fn release_claim(&mut self, id: ClaimId) {
        if let Some(claim) = self.claims.get_mut(id.get()) {
            claim.users = claim.users.saturating_sub(1);
        }
        self.free_claim(id.get());
    }

    /// The claim that stands for the whole: of a placeholder, that of its service; of any other, itself.
    pub(crate) fn leader(&self, id: ClaimId) -> ClaimId {
        match self.claim(id).map(|claim| claim.holder) {
            Some(Holder::Placeholder(service)) => self
                .services
                .get(service.get())
                .map_or(id, |service| service.claim),
            _ => id,
        }
    }

    // --- renaming ---

    /// Gives a claim the next name after a lost conflict; every record that has the name in it follows (RFC 6762 §9), as do the
    /// placeholders of a service (RFC 6763 §8). `claim` is a [`leader`](Self::leader).
    ///
    /// The number rises, the base stays. The old name stays only if there is no memory for a longer one; then the next conflict
    /// tries again. Returns whether there was.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn rename(&mut self, now: Now, claim: ClaimId, chance: &mut Chance) -> bool {
        let Some(found) = self.claim(claim) else {
            return true;
        };
        let (form, service) = match found.holder {
            Holder::Host => (rename::Form::Host, None),
            Holder::Service(service) => (rename::Form::Instance, Some(service.get())),
            // Such names mean what they are, or what they belong to: no other would do.
            Holder::Address | Holder::Records | Holder::Placeholder(_) => return true,
        };
        let mut number = found.number;
        // A number that another name of ours has is passed over.
        for _ in 0..100 {
            number = rename::next_number(number, chance, claim.get());
            match self.try_number(now, claim, service, form, number) {
                Ok(()) => {
                    self.set_notice(claim, Notice::Renamed);
                    if let Some(claim) = self.claims.get_mut(claim.get()) {
                        claim.is_told = false;
                    }
                    return true;
                }
                Err(RelabelError::Taken) => {}
                Err(RelabelError::Full) => return false,
            }
        }
        false
    }

    fn try_number(
        &mut self,
        now: Now,
        claim: ClaimId,
        service: Option<u32>,
        form: rename::Form,
        number: NonZero<u32>,
    ) -> Result<(), RelabelError> {
        let first = self.claim_name(claim).first_label().unwrap_or(&[]);
        let old = self
            .claims
            .get(claim.get())
            .map_or(NonZero::<u32>::MIN, |claim| claim.number);
        let label = form.spell(form.base(first, old), number);
        for step in [Step::Check, Step::Do] {
            self.relabel(now, claim, &label, number, step)?;
            let mut at = 0;
            while let Some(held) = service.and_then(|service| self.placeholders(service).nth(at)) {
                self.relabel(now, held, &label, number, step)?;
                at += 1;
            }
        }
        Ok(())
    }

    /// Gives the name of a claim another first label, or tells whether it could have it.
    #[cfg_attr(target_os = "none", inline(never))]
    fn relabel(
        &mut self,
        now: Now,
        claim: ClaimId,
        label: &[u8],
        number: NonZero<u32>,
        step: Step,
    ) -> Result<(), RelabelError> {
        let mut new = NameBuf::new();
        let parent = self.claim_name(claim).parent().unwrap_or(Name::ROOT);
        new.push_label(label)
            .and_then(|()| new.push_name(parent))
            .map_err(|_| RelabelError::Full)?;
        if step == Step::Check {
            return if self.named(new.as_name()).next().is_some() {
                Err(RelabelError::Taken)
            } else {
                Ok(())
            };
        }
        let block = self
            .store_name(TextOf::Claim(claim.get()), new.as_name())
            .map_err(|Full| RelabelError::Full)?;
        let bound = self.records.bound();
        if self.has_customs() {
            let old = NameBuf::from(self.claim_name(claim));
            for id in 0..bound {
                if self.is_custom_to(id, old.as_name()) {
                    self.retarget_custom(now, id, new.as_name());
                }
            }
        }
        // Late copies of our own probes and announcements name what we were.
        for id in 0..bound {
            let is_under = self.is_under(id, claim);
            if is_under {
                self.by_name.remove(id);
            }
            if is_under || self.leads_to(id, claim) {
                self.remember(now, id);
                self.by_data.remove(id);
            }
        }
        if let Some(claim) = self.claims.get_mut(claim.get()) {
            let old = core::mem::replace(&mut claim.name, block);
            claim.number = number;
            self.text.remove(old);
        }
        for id in 0..bound {
            if self.is_under(id, claim) {
                self.index(id);
            } else if self.leads_to(id, claim) {
                self.index_data(id);
            }
        }
        if Self::SCANS {
            self.glance_anew();
        }
        Ok(())
    }

    /// Whether a record stands under a claim.
    pub(crate) fn is_under(&self, id: RecordNumber, claim: ClaimId) -> bool {
        self.row(id)
            .is_some_and(|row| row.claim == Id::of(claim.get()))
    }

    // --- notices ---

    pub(crate) fn set_notice(&mut self, id: ClaimId, notice: Notice) {
        let Some(claim) = self.claims.get_mut(id.get()) else {
            return;
        };
        match (claim.notice, notice) {
            (Notice::None, Notice::None) => {}
            (Notice::None, _) => self.notices += 1,
            (_, Notice::None) => self.notices -= 1,
            // A name won after a rename: the application learns the final one.
            _ => {}
        }
        claim.notice = notice;
    }

    /// A name that has no successor is lost: told once, until it is won again.
    pub(crate) fn set_lost(&mut self, id: ClaimId) {
        let Some(claim) = self.claims.get_mut(id.get()) else {
            return;
        };
        claim.is_told = false;
        let notice = if core::mem::replace(&mut claim.is_lost, true) {
            Notice::None
        } else {
            Notice::Lost
        };
        self.set_notice(id, notice);
    }

    pub(crate) fn has_notices(&self) -> bool {
        self.notices > 0
    }

    pub(crate) fn take_notice(&mut self) -> Option<(ClaimId, Notice)> {
        if self.notices == 0 {
            return None;
        }
        // From where the last one was found, once around: many claims that are told together are walked once.
        let bound = self.claims.bound();
        let from = self.notices_from.min(bound);
        let (id, notice) = (from..bound).chain(0..from).find_map(|id| {
            let notice = self.claims.get(id)?.notice;
            (notice != Notice::None).then_some((ClaimId::of(id), notice))
        })?;
        self.notices_from = id.get();
        self.set_notice(id, Notice::None);
        if let Some(claim) = self.claims.get_mut(id.get()) {
            claim.is_told |= notice == Notice::Registered;
            claim.is_lost &= notice != Notice::Registered;
        }
        Some((id, notice))
    }
}

/// What is done about another label.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Check,
    Do,
}
