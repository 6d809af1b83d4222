//! Asking on many links, and what was heard there (RFC 6762 §5, §7, §10).
//!
//! A querier has a row of links, each with its own cache and its own questions, and above them what was asked for.
//! A question is put on a link because something asked for needs it there; that need is not stored with the question but
//! looked up when the question falls due, so that nothing has to be counted.

mod duplicate;
mod known;
mod link;
mod question;
#[cfg(test)]
pub(crate) mod scene;
#[cfg(test)]
mod tests;

use crate::{
    cache::{Cache, HeardRecord, HeardStorage, Inserted, Life, Origin, Room, Worth, as_kept},
    chance::{Chance, Draw},
    config::Config,
    discovery::{AskStorage, Asks, Change, Heard, Links, NamesOf, Need, RECONCILED_MAX},
    link::{LinkConfig, LinkId, SourcePort, Via},
    name::{Name, is_browse_result},
    registry::OwnRecords,
    stats::Stats,
    store::{Full, Limits, Lookup, NONE, NameId, Names, Slots},
    time::Instant,
    wire::{Class, Message, Rdata, Record, RecordType, Section, Ttl, TypeSet},
};

use self::link::is_service;
pub use self::{link::HeardLink, question::QuestionSlot};
pub(crate) use self::{link::worth_of, question::Start};

/// Which of the keys drawn from the seed is the one of the hashes here.
const KEY: u8 = 1;

/// The rows of a querier.
pub trait QuerierStorage {
    /// What is heard on each link.
    type Heard: HeardStorage;
    /// What is asked for.
    type Ask: AskStorage;
    /// The links: as many as the numbers that [`LinkId`] can have here.
    type Links: Slots<Option<HeardLink<Self::Heard>>>;
}

/// For how long an answer to a one-shot question is believed (§6.7).
const ONE_SHOT_TTL_MAX: Ttl = Ttl(10);

/// The row of links, and the names that all of them and what was asked for have in common.
pub(crate) struct Rows<S: QuerierStorage> {
    row: S::Links,
    pub(crate) names: NamesOf<S::Ask>,
}

/// A record of a message that is read: what is known of its name, and how much the record is wanted.
struct Incoming<'r> {
    name: Lookup<'r>,
    /// It is a pointer under a name that is browsed.
    is_browsed: bool,
    /// It is a pointer to what a browse finds.
    is_result: bool,
    need: Need,
}

/// The cache and questions of a link, and the names of all links.
type LinkAndNames<'a, S> = (
    &'a mut HeardLink<<S as QuerierStorage>::Heard>,
    &'a mut NamesOf<<S as QuerierStorage>::Ask>,
);

impl<S: QuerierStorage> Rows<S> {
    /// There never is a link: who only advertises. The compiler sees that nothing that needs one is ever run, and leaves it out.
    const NONE: bool = <S::Links as Slots<Option<HeardLink<S::Heard>>>>::CAPACITY == 0;

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&HeardLink<S::Heard>> {
        if Self::NONE {
            return None;
        }
        self.row.get(index)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut HeardLink<S::Heard>> {
        if Self::NONE {
            return None;
        }
        self.row.get_mut(index)?.as_mut()
    }

    /// A link that is up.
    pub(crate) fn up_mut(&mut self, index: usize) -> Option<&mut HeardLink<S::Heard>> {
        self.get_mut(index).filter(|link| link.is_up)
    }

    /// The same, with all names.
    pub(crate) fn up_with_names(&mut self, index: usize) -> Option<LinkAndNames<'_, S>> {
        if Self::NONE {
            return None;
        }
        let link = self.row.get_mut(index)?.as_mut();
        Some((link.filter(|link| link.is_up)?, &mut self.names))
    }

    /// Something was asked for, or is not any more: looks on all links at what is known and asked about a name.
    pub(crate) fn recheck(&mut self, asks: &Asks<S::Ask>, now: Instant, name: NameId) {
        let Rows { row, names } = self;
        let most = if Self::NONE { 0 } else { usize::MAX };
        for link in row.iter_mut().take(most).flatten() {
            link.recheck(names, asks, now, name);
        }
    }

    /// Doubts the records of a name and type on all links.
    pub(crate) fn reconfirm(&mut self, now: Instant, name: NameId, rtype: RecordType) {
        for index in 0..self.row.len() {
            if let Some((link, names)) = self.up_with_names(index) {
                link.reconfirm(names, now, name, rtype);
            }
        }
    }

    /// Forgets a record that nobody would miss, on any link but this.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn evict_any(&mut self, asks: &mut Asks<S::Ask>, but: usize) -> Result<(), Full> {
        for index in (0..self.row.len()).filter(|&index| index != but) {
            if let Some((link, names)) = self.up_with_names(index)
                && link.evict(names, asks, Worth::Idle).is_ok()
            {
                return Ok(());
            }
        }
        Err(Full)
    }

    /// Whether a link has a pointer from one name to another, and whether that is our own.
    pub(crate) fn pointer(&self, index: usize, from: NameId, to: NameId) -> Option<bool> {
        let cache = &self.get(index)?.cache;
        let kept = cache.get(cache.find_pointer(from, to)?)?;
        Some(kept.life() == Life::Own)
    }

    #[inline]
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut HeardLink<S::Heard>> {
        let most = if Self::NONE { 0 } else { usize::MAX };
        self.row.iter_mut().take(most).flatten()
    }

    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &HeardLink<S::Heard>> {
        let most = if Self::NONE { 0 } else { usize::MAX };
        self.row.iter().take(most).flatten()
    }
}

impl<S: QuerierStorage> Links for Rows<S> {
    fn bound(&self) -> usize {
        self.row.len()
    }

    fn link(&self, index: usize) -> Option<&dyn Heard> {
        self.get(index).map(|link| link as &dyn Heard)
    }

    fn rdata<'a>(&'a self, index: usize, record: &'a HeardRecord) -> Rdata<'a> {
        match self.get(index) {
            Some(link) => link.cache.rdata::<S::Ask>(&self.names, record),
            None => Rdata::Other(record.rtype(), &[]),
        }
    }

    fn name(&self, id: NameId) -> Name<'_> {
        self.names.name(id)
    }

    fn fingerprint(&self, name: NameId) -> u32 {
        self.names.fingerprint(name)
    }
}

/// The order in which the records of a packet are taken in, so that each finds what leads to it.
const PASSES: [fn(RecordType) -> bool; 3] = [
    |rtype| rtype == RecordType::PTR,
    |rtype| rtype == RecordType::SRV,
    |rtype| rtype != RecordType::PTR && rtype != RecordType::SRV,
];

/// The order where nothing is asked for: as they come.
const ONE_PASS: [fn(RecordType) -> bool; 1] = [|_| true];

/// Asks, hears, remembers and tells.
///
/// Commands that ask for something are in [`discovery`](crate::discovery).
pub(crate) struct Querier<S: QuerierStorage> {
    pub(crate) links: Rows<S>,
    pub(crate) asks: Asks<S::Ask>,
    pub(crate) chance: Chance,
    /// Whether our own records are results too.
    pub(crate) own_results: bool,
    /// Whether records are kept that nobody has asked for.
    pub(crate) cache_unasked: bool,
    pub(crate) key: u64,
    /// How many results are looked at before others have their turn: in proportion to the packet that was read.
    pub(crate) reconciled_left: usize,
    /// When results that were touched and not yet looked at are; [`Instant::MAX`] if there are none.
    pub(crate) reconcile_at: Instant,
}

impl<S: QuerierStorage> Querier<S> {
    /// Nothing heard, nothing asked.
    pub(crate) const fn new(config: &Config) -> Self {
        Querier {
            links: Rows {
                row: S::Links::EMPTY,
                // Whatever holds a name has a bound of its own.
                names: Names::new(Limits {
                    names: NONE,
                    text: config.heard_text_max,
                }),
            },
            asks: Asks::new(config),
            chance: Chance::new(0),
            own_results: config.own_results,
            cache_unasked: config.cache_unasked,
            key: 0,
            reconciled_left: RECONCILED_MAX,
            reconcile_at: Instant::MAX,
        }
    }

    /// Brings in chance. Before any other verb.
    pub(crate) fn start(&mut self, seed: u64) {
        self.chance = Chance::new(seed);
        self.key = self.chance.key(KEY);
        self.links.names.set_key(self.key);
    }

    // Links.

    /// Whether there is none, for lack of rows.
    pub(crate) const NONE: bool = Rows::<S>::NONE;

    /// Adds a link. It is down until [`link_up`](Self::link_up).
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn add_link(
        &mut self,
        id: LinkId,
        config: LinkConfig,
        limits: &Config,
    ) -> Result<(), Full> {
        if Self::NONE {
            return Ok(());
        }
        while self.links.row.len() <= id.index() {
            self.links.row.push(None).map_err(|_| Full)?;
        }
        // One of this number that is still there lets go of its names.
        if let Some((link, names)) = self.links.up_with_names(id.index()) {
            link.clear(names, &mut self.asks);
        }
        let link = HeardLink::new(id, config, limits, self.key);
        let place = self.links.row.get_mut(id.index()).ok_or(Full)?;
        *place = Some(link);
        Ok(())
    }

    /// Removes a link and all that was heard on it.
    pub(crate) fn remove_link(&mut self, now: Instant, id: LinkId, own: &dyn OwnRecords) {
        self.link_down(now, id, own);
        if let Some(place) = self.links.row.get_mut(id.index()) {
            *place = None;
        }
    }

    /// The link is there: what is asked for is asked on it, first with a question that takes a unicast answer (§5.4).
    pub(crate) fn link_up(&mut self, now: Instant, id: LinkId, own: &dyn OwnRecords) {
        if let Some(link) = self.links.get_mut(id.index())
            && !link.is_up
        {
            link.is_up = true;
            link.note_up(now);
            self.start_over(now, own);
        }
    }

    /// The interface of a link that was just added had come up before: a look-up need not wait there.
    pub(crate) fn set_running(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(id.index()) {
            link.at_once_from = Instant::ZERO;
        }
    }

    /// Whether one-shot questions can be asked on a link.
    pub(crate) fn set_one_shot(&mut self, id: LinkId, is_possible: bool) {
        if let Some(link) = self.links.get_mut(id.index()) {
            link.has_one_shot = is_possible;
        }
    }

    /// The link is lost, and all that was heard on it with it (§10.3).
    pub(crate) fn link_down(&mut self, now: Instant, id: LinkId, own: &dyn OwnRecords) {
        if let Some((link, names)) = self.links.up_with_names(id.index()) {
            link.clear(names, &mut self.asks);
            link.is_up = false;
            self.settle(now, own);
        }
    }

    /// The machine has slept: what was heard before is believed for ten more seconds only, and asked for again (§10.3).
    pub(crate) fn resumed(&mut self, now: Instant, own: &dyn OwnRecords) {
        for link in self.links.iter_mut().filter(|link| link.is_up) {
            link.cache.age(now);
            link.note_up(now);
        }
        self.start_over(now, own);
    }

    // Packets.

    /// Takes in a response. A unicast one counts only after a question that asked for it (§6); that its source is on the
    /// link is for the caller to know (§11).
    pub(crate) fn handle_response(
        &mut self,
        now: Instant,
        id: LinkId,
        message: &Message<'_>,
        via: Via,
        own: &dyn OwnRecords,
    ) {
        let Some(link) = self.links.up_mut(id.index()) else {
            return;
        };
        if via == Via::Unicast && !link.expects_unicast(now) {
            return;
        }
        let is_of_use = !self.asks.is_idle() || self.cache_unasked || link.keeps_any();
        let [a, b, ..] = self.chance.draw(Draw::Refresh, id.0.into()).to_le_bytes();
        if !is_of_use {
            // A host that only answers.
            return;
        }
        self.take_message(now, id, message, Origin::Heard(u16::from_le_bytes([a, b])));
        self.settle(now, own);
    }

    /// Takes in a response that came to the port of one-shot questions, from a source on the link. Only what such a question waits
    /// for is believed: records of the name and the types that are wanted and, with the SRV of an instance, the addresses of its
    /// host, with an alias those of the name it stands for. Says whether there was any.
    ///
    /// A truncated one is ignored: as in unicast DNS it is not the whole answer (§18.5, RFC 2181 §9), and what would be a second
    /// question by TCP there is the multicast question here, which was asked at the same time.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn handle_one_shot(
        &mut self,
        now: Instant,
        id: LinkId,
        message: &Message<'_>,
        own: &dyn OwnRecords,
    ) -> bool {
        let index = id.index();
        let link = self.links.up_mut(index);
        let is_expected = link.is_some_and(|link| link.expects_one_shot(now));
        if !is_expected || message.header().flags.truncated() {
            return false;
        }
        let (question, mut host, mut is_of_use) = (message.header().id, None, false);
        for is_in in PASSES {
            for section in [Section::Answer, Section::Additional] {
                for mut record in message.section(section) {
                    let rtype = record.rtype();
                    if record.class != Class::IN || rtype.is_pseudo() || !is_in(rtype) {
                        continue;
                    }
                    let is_of_host = host == Some(record.name)
                        && matches!(
                            rtype,
                            RecordType::A | RecordType::AAAA | RecordType::NSEC | RecordType::CNAME
                        );
                    let is_awaited = || {
                        let name = self.links.names.find(record.name)?;
                        let link = self.links.get(index)?;
                        Some(link.awaits_one_shot(&self.asks, question, name, rtype))
                    };
                    if !is_of_host && is_awaited() != Some(true) {
                        continue;
                    }
                    if let Rdata::Srv(srv) = record.rdata
                        && srv.target.is_link_local()
                    {
                        host = host.or(Some(srv.target));
                    }
                    if let Rdata::Cname(target) = record.rdata
                        && target.is_link_local()
                    {
                        host = Some(target);
                    }
                    is_of_use = true;
                    // It is believed for ten seconds at most (§6.7), and there may always be more than it says: it takes the place
                    // of nothing, and ends no question.
                    record.cache_flush = false;
                    record.ttl = record.ttl.min(ONE_SHOT_TTL_MAX);
                    if record.ttl != Ttl::ZERO {
                        let incoming = self.look_at(&record);
                        self.insert(now, index, &record, incoming, Origin::OneShot);
                    }
                }
            }
        }
        self.settle(now, own);
        is_of_use
    }

    /// Whether what we say ourselves is of use here. Before anything was ever asked for it is not: the first request is given our own
    /// records by the responder.
    pub(crate) fn wants_own(&self) -> bool {
        self.own_results && self.asks.had_any()
    }

    /// Takes in what we ourselves have just said on a link.
    pub(crate) fn handle_own(
        &mut self,
        now: Instant,
        id: LinkId,
        message: &Message<'_>,
        own: &dyn OwnRecords,
    ) {
        if self.own_results {
            self.take_message(now, id, message, Origin::Own);
            self.settle(now, own);
        }
    }

    /// Something that was ours is so no more, and no goodbye was said for it: a name was lost to another.
    pub(crate) fn verify_own(&mut self, now: Instant, own: &dyn OwnRecords) {
        for index in 0..self.links.bound() {
            if let Some((link, names)) = self.links.up_with_names(index) {
                link.verify_own(names, &mut self.asks, own);
            }
        }
        self.settle(now, own);
    }

    /// Takes note of what another asks (§7.3).
    pub(crate) fn handle_query(&mut self, now: Instant, id: LinkId, message: &Message<'_>) {
        if let Some((link, names)) = self.links.up_with_names(id.index()) {
            link.handle_query::<S::Ask>(names, now, message, &mut self.chance);
        }
    }

    fn take_message(&mut self, now: Instant, id: LinkId, message: &Message<'_>, origin: Origin) {
        let Some(link) = self.links.up_mut(id.index()) else {
            return;
        };
        let passes: &[fn(RecordType) -> bool] = if self.asks.is_idle() {
            &ONE_PASS
        } else {
            &PASSES
        };
        let records = message.answers().len() + message.additionals().len();
        link.cache.begin_packet(records);
        self.reconciled_left = RECONCILED_MAX / 4 + 2 * records;
        for is_in in passes {
            for section in [Section::Answer, Section::Additional] {
                for mut record in message.section(section) {
                    let rtype = record.rtype();
                    // §10.2: what is no record, and what is not of the Internet, is not for the cache.
                    if record.class != Class::IN || rtype.is_pseudo() || !is_in(rtype) {
                        continue;
                    }
                    // Our own denials take their leave with a second to live.
                    if origin == Origin::Own && record.ttl.0 <= 1 {
                        record.ttl = Ttl::ZERO;
                    }
                    self.take(now, id.index(), &mut record, origin);
                }
            }
        }
    }

    /// Looks at the name of a record, and at who wants the record.
    #[cfg_attr(target_os = "none", inline(never))]
    fn look_at<'r>(&self, record: &Record<'r>) -> Incoming<'r> {
        let (name, asks) = (self.links.names.look_up(record.name), &self.asks);
        let mut incoming = Incoming {
            name,
            is_browsed: false,
            is_result: false,
            need: Need::None,
        };
        let Some(id) = name.id else {
            return incoming;
        };
        if let Rdata::Ptr(target) = record.rdata {
            incoming.is_browsed = asks.is_browsed(id);
            incoming.is_result = incoming.is_browsed && is_browse_result(record.name, target);
        }
        incoming.need = if incoming.is_result {
            Need::Open
        } else {
            asks.need_beside_browse(id, record.rtype())
        };
        incoming
    }

    /// Takes in what a record says.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        index: usize,
        record: &mut Record<'_>,
        origin: Origin,
    ) {
        let incoming = self.look_at(record);
        let (rtype, cache_unasked) = (record.rtype(), self.cache_unasked);
        let Querier { links, asks, .. } = self;
        let Some((link, names)) = links.up_with_names(index) else {
            return;
        };
        // §13: of other names only what the application itself asked for is believed; what others say of them is not.
        let is_awaited = || incoming.name.id.is_some_and(|name| asks.is_awaited(name));
        if origin != Origin::Own && !record.name.is_link_local() && !is_awaited() {
            Stats::count(&mut link.not_link_local);
            return;
        }
        if record.ttl.0 == 0 {
            let Some(name) = incoming.name.id else {
                return;
            };
            let mut types = TypeSet::new();
            let rdata = as_kept(record, &mut types);
            if let Some(id) = link.cache.find::<S::Ask>(names, name, &rdata) {
                let gone = &mut |subject| asks.note_gone(subject);
                link.cache.withdraw::<S::Ask>(names, now, id, origin, gone);
            }
            return;
        }
        if origin != Origin::Own && incoming.is_browsed && !incoming.is_result {
            Stats::count(&mut link.no_instance);
        }
        let is_detail = matches!(
            rtype,
            RecordType::SRV | RecordType::TXT | RecordType::A | RecordType::AAAA | RecordType::NSEC
        );
        // Worth its room: it is asked for, it belongs to something that was, or there is room for all.
        let is_wanted = cache_unasked && origin != Origin::Own
            || is_detail && incoming.name.id.is_some()
            || incoming.need != Need::None;
        if !is_wanted {
            return;
        }
        // Pointers of a service type are shared, always. Devices that send them with cache-flush would remove each other.
        record.cache_flush &= !(rtype == RecordType::PTR && is_service(record.name));
        let Some(id) = self.insert(now, index, record, incoming, origin) else {
            return;
        };
        let Querier { links, asks, .. } = self;
        let Some((link, names)) = links.up_with_names(index) else {
            return;
        };
        if record.cache_flush {
            link.cache
                .flush(now, id, origin, &mut |subject| asks.note_gone(subject));
        }
        link.note_answered(names, asks, record, id);
    }

    /// Inserts a record; one that finds no room is counted, and whoever wants it is told.
    fn insert(
        &mut self,
        now: Instant,
        index: usize,
        record: &Record<'_>,
        incoming: Incoming<'_>,
        origin: Origin,
    ) -> Option<u32> {
        let Querier { links, asks, .. } = self;
        let Incoming {
            mut name,
            is_result,
            need,
            ..
        } = incoming;
        let mut types = TypeSet::new();
        let record = &Record {
            rdata: as_kept(record, &mut types),
            ..*record
        };
        let inserted = loop {
            let (link, names) = links.up_with_names(index)?;
            let room = &mut Room {
                worth: worth_of(need),
                gone: &mut |subject| asks.note_gone(subject),
            };
            let inserted =
                link.cache
                    .insert::<S::Ask>(names, now, (record, &mut name), origin, room);
            // The room for names is that of all links.
            let is_for_names = inserted.is_err() && !names.has_room();
            if !is_for_names || links.evict_any(asks, index).is_err() {
                break inserted;
            }
            links.names.look_again(&mut name);
        };
        let (link, names) = links.up_with_names(index)?;
        let Ok(inserted) = inserted else {
            Stats::count(&mut link.not_cached);
            if let Some(name) = name.id {
                asks.note_dropped(name, record.rtype(), is_result);
            }
            return None;
        };
        let (id, change) = match inserted {
            Inserted::New(id) | Inserted::Rescued(id) => (id, Change::Came),
            Inserted::Again(id) => (id, Change::Stayed),
        };
        if change == Change::Came || record.rtype() == RecordType::PTR {
            let subject = Cache::<S::Heard>::subject(link.cache.get(id)?);
            let need = asks.note(names, change, subject, is_result);
            link.raise_worth(now, id, worth_of(need));
        }
        Some(id)
    }

    // Time.

    /// Expires and refreshes what is due, and ends what has waited long enough.
    pub(crate) fn handle_timeout(&mut self, now: Instant, own: &dyn OwnRecords) {
        for index in 0..self.links.bound() {
            if let Some((link, names)) = self.links.up_with_names(index) {
                link.handle_timeout(names, &mut self.asks, now);
            }
        }
        self.end_patience(now);
        self.settle(now, own);
    }

    /// When [`handle_timeout`](Self::handle_timeout) or [`poll_event`](Self::poll_event) has something to do; an instant
    /// that has come if there is news.
    pub(crate) fn next_timer(&self) -> Instant {
        if self.has_news() {
            return Instant::ZERO;
        }
        let links = self
            .links
            .iter()
            .map(|link| link.cache.next_due().min(link.retry));
        links.fold(self.next_patience(), Instant::min)
    }

    // Questions.

    /// Whether anything that was asked for needs records of a name and type.
    pub(crate) fn is_wanted(&self, name: Name<'_>, rtype: RecordType) -> bool {
        let name = self.links.names.find(name);
        name.is_some_and(|name| self.asks.need(name, rtype) != Need::None)
    }

    /// Records of a name and type cannot be asked for: whoever needs them is told so.
    pub(crate) fn note_not_asked(&mut self, name: Name<'_>, rtype: RecordType) {
        if let Some(name) = self.links.names.find(name) {
            self.asks.note_not_asked(name, rtype);
        }
    }

    /// Writes the next packet for a link, which is for its group. Says from which port it goes, and how long it is.
    pub(crate) fn poll_transmit(
        &mut self,
        now: Instant,
        id: LinkId,
        buffer: &mut [u8],
    ) -> Option<(SourcePort, usize)> {
        let (link, names) = self.links.up_with_names(id.index())?;
        link.poll_transmit(names, &self.asks, now, buffer, &mut self.chance)
    }

    /// Whether the next packet goes on with known answers, and so must follow the last one at once (§7.2).
    pub(crate) fn is_continuing(&self, id: LinkId) -> bool {
        self.links
            .get(id.index())
            .is_some_and(HeardLink::is_continuing)
    }

    /// When [`poll_transmit`](Self::poll_transmit) has something to write for a link.
    pub(crate) fn next_transmit(&self, id: LinkId) -> Instant {
        self.links
            .get(id.index())
            .map_or(Instant::MAX, HeardLink::next_transmit)
    }

    /// Adds the counters of a link to its others.
    pub(crate) fn count(&self, id: LinkId, stats: &mut Stats) {
        if let Some(link) = self.links.get(id.index()) {
            link.count(stats);
        }
    }
}
