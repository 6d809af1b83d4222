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
    cache::{HeardStorage, Life, Origin},
    chance::{Chance, Draw},
    config::Config,
    discovery::{AskStorage, Asks, Heard, Links, Need},
    link::{LinkConfig, LinkId, SourcePort, Via},
    name::Name,
    registry::OwnRecords,
    stats::Stats,
    store::{Full, Slots},
    time::Instant,
    wire::{Class, Message, Rdata, RecordType, Section, Ttl},
};

pub use self::{link::HeardLink, question::QuestionSlot};
pub(crate) use self::{
    link::{Subject, worth_of},
    question::Start,
};

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

/// The row of links.
pub(crate) struct Rows<S: QuerierStorage> {
    row: S::Links,
}

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

    /// Whether a link has a pointer from one name to another, and whether that is our own.
    pub(crate) fn pointer(&self, index: usize, from: Name<'_>, to: Name<'_>) -> Option<bool> {
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
}

impl<S: QuerierStorage> Querier<S> {
    /// Nothing heard, nothing asked.
    pub(crate) const fn new(config: &Config) -> Self {
        Querier {
            links: Rows {
                row: S::Links::EMPTY,
            },
            asks: Asks::new(config),
            chance: Chance::new(0),
            own_results: config.own_results,
            cache_unasked: config.cache_unasked,
            key: 0,
        }
    }

    /// Brings in chance. Before any other verb.
    pub(crate) fn start(&mut self, seed: u64) {
        self.chance = Chance::new(seed);
        self.key = self.chance.key(KEY);
        self.asks.set_key(self.key);
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
        if let Some(link) = self.links.up_mut(id.index()) {
            link.clear(&mut self.asks);
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
        let Querier { links, asks, .. } = self;
        let Some(link) = links
            .up_mut(id.index())
            .filter(|link| link.expects_one_shot(now) && !message.header().flags.truncated())
        else {
            return false;
        };
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
                    if !is_of_host && !link.awaits_one_shot(asks, question, record.name, rtype) {
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
                    link.take_one_shot(asks, now, &mut record);
                }
            }
        }
        self.settle(now, own);
        is_of_use
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
        for link in self.links.iter_mut().filter(|link| link.is_up) {
            link.verify_own(&mut self.asks, own);
        }
        self.settle(now, own);
    }

    /// Takes note of what another asks (§7.3).
    pub(crate) fn handle_query(&mut self, now: Instant, id: LinkId, message: &Message<'_>) {
        if let Some(link) = self.links.up_mut(id.index()) {
            link.handle_query(now, message, &mut self.chance);
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
        link.cache
            .begin_packet(message.answers().len() + message.additionals().len());
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
                    link.take(&mut self.asks, now, &mut record, origin, self.cache_unasked);
                }
            }
        }
    }

    // Time.

    /// Expires and refreshes what is due, and ends what has waited long enough.
    pub(crate) fn handle_timeout(&mut self, now: Instant, own: &dyn OwnRecords) {
        for link in self.links.iter_mut().filter(|link| link.is_up) {
            link.handle_timeout(&mut self.asks, now);
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
        self.asks.need(name, rtype) != Need::None
    }

    /// Records of a name and type cannot be asked for: whoever needs them is told so.
    pub(crate) fn note_not_asked(&mut self, name: Name<'_>, rtype: RecordType) {
        self.asks.note_not_asked(name, rtype);
    }

    /// Writes the next packet for a link, which is for its group. Says from which port it goes, and how long it is.
    pub(crate) fn poll_transmit(
        &mut self,
        now: Instant,
        id: LinkId,
        buffer: &mut [u8],
    ) -> Option<(SourcePort, usize)> {
        self.links
            .up_mut(id.index())?
            .poll_transmit(&self.asks, now, buffer, &mut self.chance)
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
