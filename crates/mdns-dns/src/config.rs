//! Bounds of a translator, and what it counts.

use core::time::Duration;

/// Bounds and times of a [`Translator`](crate::Translator), set once when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long a client waits for the first answer; then the name counts as absent.
    pub patience: Duration,
    /// How long more is waited for after the first answer to a question for PTR records or ANY, which many hosts may answer: they do so
    /// within 120 ms (RFC 6762 §6).
    pub gathering: Duration,
    /// The longest TTL in a response, in seconds (RFC 8766 §5.5.1 allows 10): what a client still believes after a goodbye.
    pub ttl_max: u32,
    /// How long an absent name is answered without asking again, and what a client may believe of it.
    pub negative_ttl: Duration,
    /// How long a request stays open after it was last of use, and so is kept up to date.
    pub idle_max: Duration,
    /// The most queries that wait at once. Where there are more, the response is SERVFAIL.
    pub queries_max: usize,
    /// The most requests open at once, each a name and type with its records. When there are so many, the one that was of use longest ago
    /// is cancelled; where clients wait for all of them, the response is SERVFAIL.
    pub requests_max: usize,
    /// The most requests begun in a second, since each of them costs the link packets. Where there would be more, the response is
    /// SERVFAIL.
    pub requests_per_second: u32,
    /// The most bytes of records kept; what would take more is answered with SERVFAIL.
    pub records_len_max: usize,
    /// The most queries over UDP answered for one network (/24 of IPv4, /56 of IPv6) in a second. Beyond them every other response is
    /// empty with TC set, so that a client with a true address asks again over TCP; the rest have none.
    pub responses_per_second: u32,
    /// The longest response over UDP, in bytes, whatever the client announces (RFC 6891 §6.2.5); at least 512.
    pub udp_max: usize,
}

impl Config {
    /// What suits a host, and a proxy for an office.
    pub const DEFAULT: Config = Config {
        patience: Duration::from_secs(1),
        gathering: Duration::from_millis(200),
        ttl_max: 10,
        negative_ttl: Duration::from_secs(5),
        idle_max: Duration::from_secs(30),
        queries_max: 1024,
        requests_max: 1024,
        requests_per_second: 100,
        records_len_max: 4 << 20,
        responses_per_second: 500,
        udp_max: 1232,
    };
}

impl Default for Config {
    fn default() -> Self {
        Config::DEFAULT
    }
}

/// Counters since the translator was made. They stop at their largest value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages given to `handle_query`.
    pub queries: u32,
    /// Responses handed out by `poll_transmit`.
    pub responses: u32,
    /// Messages that are no queries or have no header: not answered.
    pub ignored: u32,
    /// Queries answered with FORMERR, NOTIMP or BADVERS.
    pub malformed: u32,
    /// Queries answered with REFUSED: a name that is not ours, or a client that is not allowed.
    pub refused: u32,
    /// Queries answered with SERVFAIL, for lack of room or because too many requests were begun.
    pub failed: u32,
    /// Queries over UDP not answered, or with TC alone, because too many came from one network.
    pub limited: u32,
    /// Responses that did not fit and have TC set.
    pub truncated: u32,
    /// Queries answered from records that were there already.
    pub from_cache: u32,
    /// Requests begun.
    pub requests: u32,
    /// Records left out: addresses that mean nothing to the client (RFC 8766 §5.5.2), and names too long for DNS.
    pub left_out: u32,
}

/// Adds one to a counter.
pub(crate) fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}
