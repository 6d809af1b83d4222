//! What parses can be written, compressed or not, into a buffer of any size, and parses to the same.

use mdns_proto::wire::{Compression, Message, Writer};
use mdns_sim::{assert_same, rewritten};

use crate::{input::Input, message::read};

pub(crate) fn run(bytes: &[u8]) {
    let Ok(message) = Message::parse(bytes) else {
        return;
    };
    for compression in [Compression::Full, Compression::Legacy] {
        let Some(written) = rewritten(&message, compression, 65535) else {
            // What was compressed may be longer than a datagram when it is not.
            continue;
        };
        let again = parsed(&written);
        assert_same(&message, &again);
        read(&again);
        // A shorter buffer holds the front of it, whole entry by whole entry.
        let room = usize::from(Input::new(bytes).number()) % (written.len() + 1);
        if let Some(front) = front(&message, compression, room) {
            let front = parsed(&front);
            assert!(front.records().count() <= message.records().count());
            assert!(
                front
                    .questions()
                    .zip(message.questions())
                    .all(|(a, b)| a == b)
            );
            assert!(front.records().zip(message.records()).all(|(a, b)| a == b));
        }
    }
}

fn parsed(bytes: &[u8]) -> Message<'_> {
    let message = Message::parse(bytes).unwrap_or_else(|e| panic!("{e}"));
    assert!(message.is_sound(), "{message:?}");
    message
}

/// As much of the message as fits before the first entry that does not; `None` if not even a header does.
fn front(message: &Message<'_>, compression: Compression, room: usize) -> Option<Vec<u8>> {
    let mut buffer = vec![0xaa; room];
    let mut writer = Writer::new(&mut buffer, room, message.header());
    writer.set_compression(compression);
    let all_asked = message.questions().all(|question| {
        let (mark, len) = (writer.mark(), writer.len());
        let fits = writer.question(&question).is_ok();
        // Taken back and written again it is the same.
        let whole = writer.len();
        writer.rollback(mark);
        assert_eq!(writer.len(), len);
        assert_eq!(writer.question(&question).is_ok(), fits);
        assert_eq!(writer.len(), whole);
        fits
    });
    let mut records = message.records().filter(|_| all_asked);
    let _full = records.try_for_each(|(section, record)| writer.record(section, &record));
    let len = writer.finish();
    assert!(len <= room);
    buffer.truncate(len);
    (len > 0).then_some(buffer)
}
