//! DNS-SD over what was heard: browse, resolve, look up, query (RFC 6763).
//!
//! What is told is a state, not a stream: an instance is there, with these details. News is the difference from what was
//! told last, so a slow reader loses only intermediate states, and nothing waits in a queue. Details are read from the
//! caches of all links when they are told.

mod alias;
mod ask;
mod asks;
mod event;
mod heard;
mod host;
mod instance;
mod news;
mod records;
mod settle;
mod srv;
#[cfg(test)]
mod tests;
mod told;
mod verbs;

pub use self::{
    alias::ALIASES_MAX,
    ask::{AddressKind, AskError, AskId, AskStorage, Details, Span},
    event::{Event, Outcome},
    host::{Address, Addresses, Host},
    instance::{Instance, Target, Targets},
    records::{Answer, Records},
    srv::order,
    told::{AskSlot, ToldSlot},
};
pub(crate) use self::{
    ask::{NamesOf, Need},
    asks::Asks,
    heard::{Heard, Links, is_answered, is_known},
    news::Change,
    settle::RECONCILED_MAX,
};
