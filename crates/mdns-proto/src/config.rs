//! What the owner of an endpoint chooses: bounds and habits.

use core::time::Duration;

/// Bounds and habits of an endpoint, set once when it is made.
///
/// ```
/// use mdns_proto::config::Config;
///
/// let config = Config { own_results: false, ..Config::DEFAULT };
/// assert_eq!(config.packet_max, 8952);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The largest UDP payload the caller promises to bring a buffer for: an own record that cannot go in it alone is refused at
    /// registration (RFC 6762 §17). From 512 to 8972; 8952 if there are IPv6 links.
    pub packet_max: usize,
    /// How many announcements follow probing, 2 to 8 (§8.3).
    pub announcements: u8,
    /// Whether own services are among the results of own questions.
    pub own_results: bool,
    /// Whether records that no open question awaits are kept too, so that later questions have an answer at once.
    pub cache_unasked: bool,
    /// Whether the first question of a look-up, a resolve or a query goes out from another port too, where the caller has one
    /// ([`set_one_shot`](crate::host::Host::set_one_shot)): its answer comes at once, even if it was multicast less than a second
    /// ago (RFC 6762 §5.1, §6.7).
    pub one_shot: bool,
    /// The most records of others kept per link; rows of fixed size end sooner.
    pub heard_records_max: u32,
    /// The most bytes of rdata of others kept per link, beside names and addresses; and the most bytes of names kept for all links and
    /// requests together. An eighth of a large row stays free.
    pub heard_text_max: usize,
    /// The most browses, resolves, look-ups and queries at once.
    pub asks_max: u32,
    /// The most records of our own.
    pub own_records_max: u32,
    /// The most bytes of names and rdata of our own.
    pub own_text_max: usize,
    /// How many records of one name are looked at on a link, where what is asked for may have many: the addresses of a host. Where there
    /// are more, some are not told, and [`Incomplete`](crate::discovery::Event::Incomplete) is. Each change of a name that is asked for
    /// costs a look at so many records at the most.
    pub name_records_max: usize,
    /// The longest a record of others is kept without being heard again, whatever TTL it states; what is wanted longer is asked for
    /// again before (RFC 6762 §5.2). It is also how long a browse stays full of instances that are not there.
    pub ttl_max: Duration,
}

impl Config {
    /// Bounds for a server; a board of fixed rows is bounded by those before.
    pub const DEFAULT: Config = Config {
        packet_max: 8952,
        announcements: 2,
        own_results: true,
        cache_unasked: true,
        one_shot: true,
        heard_records_max: 100_000,
        heard_text_max: 16 << 20,
        asks_max: 10_000,
        own_records_max: 1_000_000,
        own_text_max: 256 << 20,
        name_records_max: 1024,
        // RFC 6762 §10: what its sender should have said, of most records.
        ttl_max: Duration::from_secs(75 * 60),
    };
}

impl Default for Config {
    fn default() -> Self {
        Config::DEFAULT
    }
}
