//! What the application is told.

use super::{AskId, Host, Instance, Records};

/// News of something that was asked for. Each is a state: what came between it and the last one does not matter any more.
///
/// What it borrows is read from the caches, as it is now.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A browse has found an instance, on the first link that has it. Details may still be missing; then `Changed` follows.
    Found {
        /// The browse.
        ask: AskId,
        /// What is known of it.
        instance: Instance<'a>,
    },
    /// Details of an instance that was found are others now.
    Changed {
        /// The browse.
        ask: AskId,
        /// What is known of it.
        instance: Instance<'a>,
    },
    /// An instance is gone from the last link.
    Gone {
        /// The browse.
        ask: AskId,
        /// What is still known of it.
        instance: Instance<'a>,
    },
    /// An instance is resolved, or its details are others now.
    ///
    /// The first of these comes when its SRV, its TXT and an address are known, or three seconds after its SRV was, with
    /// what is known by then; at once if the service says that it is not available (RFC 2782).
    Resolved {
        /// The resolve.
        ask: AskId,
        /// Host, port, attributes and addresses.
        instance: Instance<'a>,
    },
    /// An instance that was resolved has no SRV any more.
    Lost {
        /// The resolve.
        ask: AskId,
        /// What is still known of it.
        instance: Instance<'a>,
    },
    /// The addresses of a host are these now; none if it has none of the kind that was asked for, or none any more.
    Addresses {
        /// The look-up.
        ask: AskId,
        /// The addresses.
        host: Host<'a>,
    },
    /// The answers to a query are these now; none if the owner of the name says so, or if there are none any more.
    Answers {
        /// The query.
        ask: AskId,
        /// The records.
        records: Records<'a>,
    },
    /// A one-shot query has ended; its id means nothing any more.
    Finished {
        /// The query.
        ask: AskId,
        /// How it ended.
        outcome: Outcome,
    },
    /// Memory is too small for all that there is: results are missing. Told once.
    Incomplete {
        /// What they are missing from.
        ask: AskId,
    },
}

/// How a one-shot query ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer, told before.
    Answered,
    /// The owner of the name says that there is no such record (RFC 6762 §6.1).
    Denied,
    /// Without an answer.
    TimedOut,
}
