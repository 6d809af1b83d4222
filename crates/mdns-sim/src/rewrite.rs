//! A message that was read, written again: for tests that both say the same.

use mdns_proto::wire::{Compression, Message, Writer};

/// The message in so many bytes, with this compression; `None` if it does not fit.
///
/// ```
/// use mdns_proto::wire::{Compression, Message};
///
/// let bytes = [0; 12];
/// let message = Message::parse(&bytes)?;
/// let again = mdns_sim::rewritten(&message, Compression::Full, 512);
/// assert_eq!(again.as_deref(), Some(&bytes[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn rewritten(message: &Message<'_>, compression: Compression, room: usize) -> Option<Vec<u8>> {
    let mut buffer = vec![0; room];
    let mut writer = Writer::new(&mut buffer, room, message.header());
    writer.set_compression(compression);
    for question in message.questions() {
        writer.question(&question).ok()?;
    }
    for (section, record) in message.records() {
        writer.record(section, &record).ok()?;
    }
    let len = writer.finish();
    buffer.truncate(len);
    Some(buffer)
}

/// Both say the same, in the same case.
///
/// # Panics
///
/// When they do not.
pub fn assert_same(a: &Message<'_>, b: &Message<'_>) {
    assert_eq!(a.header(), b.header());
    assert!(a.questions().eq(b.questions()));
    assert!(a.records().eq(b.records()));
    let is_same_case = a
        .records()
        .zip(b.records())
        .all(|((_, a), (_, b))| a.rdata.bytes().eq(b.rdata.bytes()) && a.name.eq_case(b.name));
    assert!(is_same_case);
}
