//! Calls that wait for a reply, in the order in which they are sent.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroU32,
};

use zbus::{Message, message::Flags};

/// How many calls may wait for a reply; the others wait to be sent.
const IN_FLIGHT: usize = 64;

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The name of the error on D-Bus, such as `org.freedesktop.Avahi.CollisionError`.
    pub(crate) name: String,
    /// What the daemon says about it.
    pub(crate) message: String,
}

impl Refusal {
    /// Whether the name of the error ends so.
    pub(crate) fn is(&self, end: &str) -> bool {
        self.name.rsplit('.').next() == Some(end)
    }

    /// One line for people.
    pub(crate) fn text(&self) -> String {
        let short = self.name.rsplit('.').next().unwrap_or_default();
        if self.message.is_empty() {
            short.to_owned()
        } else {
            format!("{} ({short})", self.message)
        }
    }
}

/// Calls to one service of the bus. `P` says what each is for.
#[derive(Debug)]
pub(crate) struct Calls<P> {
    destination: &'static str,
    waiting: VecDeque<(Message, P)>,
    in_flight: HashMap<NonZeroU32, P>,
}

impl<P> Calls<P> {
    pub(crate) fn new(destination: &'static str) -> Self {
        Calls {
            destination,
            waiting: VecDeque::new(),
            in_flight: HashMap::new(),
        }
    }

    /// Adds a call. One whose arguments are none for D-Bus, such as a path with a blank, is dropped.
    pub(crate) fn call<B>(
        &mut self,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
        purpose: P,
    ) where
        B: zbus::export::serde::Serialize + zbus::DynamicType,
    {
        let built = Message::method_call(path, method)
            .destination(self.destination)
            .interface(interface)
            .with_flags(Flags::NO_AUTO_START)
            .build(body);
        debug_assert!(built.is_ok(), "{path} {interface}.{method}: {built:?}");
        if let Ok(message) = built {
            self.waiting.push_back((message, purpose));
        }
    }

    /// The next call to be sent.
    pub(crate) fn poll(&mut self) -> Option<Message> {
        if self.in_flight.len() >= IN_FLIGHT {
            return None;
        }
        let (message, purpose) = self.waiting.pop_front()?;
        let serial = message.primary_header().serial_num();
        self.in_flight.insert(serial, purpose);
        Some(message)
    }

    /// What the call was for that a message replies to, and whether it was refused.
    pub(crate) fn take_reply(&mut self, message: &Message) -> Option<(P, Result<(), Refusal>)> {
        let header = message.header();
        let purpose = self.in_flight.remove(&header.reply_serial()?)?;
        let result = match header.error_name() {
            None => Ok(()),
            Some(name) => Err(Refusal {
                name: name.to_string(),
                message: message.body().deserialize::<String>().unwrap_or_default(),
            }),
        };
        Some((purpose, result))
    }

    /// Whether no call waits, to be sent or for its reply.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.in_flight.is_empty()
    }

    /// Forgets all calls: nobody replies to them any more.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.in_flight.clear();
    }
}
