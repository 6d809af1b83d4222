//! Answers DNS queries from multicast DNS, without input or output.
//!
//! Programs that know only DNS (musl's resolver, Go's, whatever runs in a container) ask a [`Translator`] for names under `.local`; DNS
//! servers that were told so ask it for a zone that stands for a link (RFC 8766, a Discovery Proxy). It turns their queries into
//! [`Request`]s for whoever speaks multicast DNS, and the records that come back into DNS responses.
//!
//! ```text
//!  DNS client ── query ──▶ handle_query      poll_request ── name, type ──▶ multicast DNS
//!             ◀─ response ─ poll_transmit    handle_answers ◀── records ───
//! ```
//!
//! # The contract
//!
//! Do one thing to it; take its transmits until there are none, then its requests and its cancellations until there are none; sleep until
//! its timeout. While output is pending, [`poll_timeout`](Translator::poll_timeout) is in the past: an undrained driver busy-loops, it
//! never hangs. Nothing from the network is an error: what cannot be answered is refused or ignored, and counted in [`Stats`]. Everything
//! is bounded by [`Config`].
//!
//! ```
//! use core::net::Ipv4Addr;
//! use mdns_dns::{Client, Config, Face, Transport, Translator};
//! use mdns_proto::{
//!     time::Instant,
//!     wire::{Flags, Header, Message, Question, Rdata, RecordType, Writer},
//! };
//!
//! let now = Instant::ZERO;
//! let mut translator = Translator::new(Face::Stub, Config::DEFAULT, 0x5eed);
//!
//! // A program asks for the address of hall.local ..
//! let mut buffer = [0; 1232];
//! let name: mdns_proto::name::NameBuf = "hall.local".parse()?;
//! let mut query = Writer::new(&mut buffer, 512, Header { id: 7, flags: Flags::QUERY });
//! query.question(&Question::new(name.as_name(), RecordType::A))?;
//! let len = query.finish();
//! let client = Client { address: ([127, 0, 0, 1], 40000).into(), transport: Transport::Udp, token: 0 };
//! translator.handle_query(now, client, &buffer[..len]);
//!
//! // .. which is asked for by multicast ..
//! let request = translator.poll_request().ok_or("a request")?;
//! assert_eq!((request.name.to_string().as_str(), request.rtype), ("hall.local", RecordType::A));
//! let address = Ipv4Addr::new(192, 0, 2, 1);
//! translator.handle_answers(now, request.id, [Rdata::A(address)], true);
//!
//! // .. and told to the program.
//! let transmit = translator.poll_transmit(now, &mut buffer).ok_or("a response")?;
//! assert_eq!(transmit.client, client);
//! let response = Message::parse(&buffer[..transmit.len])?;
//! assert_eq!(response.header().id, 7);
//! assert_eq!(response.answers().next().map(|record| record.rdata), Some(Rdata::A(address)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)
)]

extern crate alloc;

mod config;
mod face;
mod network;
mod query;
mod rate_limit;
mod response;
mod translator;

pub use self::{
    config::{Config, Stats},
    face::{Face, Zone},
    network::{Network, NetworkError},
    translator::{Client, Request, RequestId, Translator, Transmit, Transport},
};
