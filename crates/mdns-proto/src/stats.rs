//! What was ignored, refused or dropped, counted: a faulty or hostile network makes numbers here and nothing else.

/// Counters of one link since it was added. They stop at their largest value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Datagrams passed to `handle_packet`.
    pub received: u32,
    /// Datagrams handed out by `poll_transmit`.
    pub sent: u32,
    /// Sends that the caller reported failed.
    pub send_failed: u32,
    /// Datagrams of our own that came back.
    pub echoes: u32,
    /// Datagrams that could not be read at all, or whose opcode or response code says that they are not for us (RFC 6762 §18).
    pub malformed: u32,
    /// Datagrams of which a part could not be read; the rest was used.
    pub faulty: u32,
    /// Datagrams from a source or port that must not be listened to (§5.5, §6, §11), and datagrams to the port of one-shot questions
    /// that answer none that waits (§5.1).
    pub refused: u32,
    /// Questions answered by multicast, or not at all, because no more askers can be remembered or no more of them answered in
    /// this second.
    pub askers_full: u32,
    /// Conflicts with names of ours (§9).
    pub conflicts: u32,
    /// Names of ours that another has, and that we still contend for, because there was no room for the next one (§9).
    pub names_full: u32,
    /// Probes of ours that gave way to another's (§8.2).
    pub deferred: u32,
    /// Records heard that found no room.
    pub not_cached: u32,
    /// Records forgotten before their time, to make room.
    pub evicted: u32,
    /// PTR records heard for a service type that is browsed whose target is no instance of that type, or in an enumeration of
    /// types no type (RFC 6763 §4.1, §9).
    pub no_instance: u32,
    /// Records heard of names that are neither under `.local` nor in a link-local reverse zone, and that nothing asked for
    /// (RFC 6762 §13).
    pub not_link_local: u32,
}

impl Stats {
    /// Nothing counted yet.
    pub const NONE: Stats = Stats {
        received: 0,
        sent: 0,
        send_failed: 0,
        echoes: 0,
        malformed: 0,
        faulty: 0,
        refused: 0,
        askers_full: 0,
        conflicts: 0,
        names_full: 0,
        deferred: 0,
        not_cached: 0,
        evicted: 0,
        no_instance: 0,
        not_link_local: 0,
    };

    /// Adds one to a counter.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn count(counter: &mut u32) {
        *counter = counter.saturating_add(1);
    }
}
