//! Signatures of messages (RFC 8945).

use hmac::{Hmac, Mac};
use mdns_proto::{
    name::{Name, NameBuf},
    wire::RecordType,
};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use crate::key::{Algorithm, Key};

const TSIG: RecordType = RecordType(250);

/// How far the clocks of both may be apart, in seconds (RFC 8945 §10).
const FUDGE: u16 = 300;

const HEADER_LEN: usize = 12;

/// What is wrong with the signature of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TsigError {
    /// There is none, or it cannot be read.
    Missing,
    /// It is not made with the key.
    Wrong,
    /// It was made at another time.
    Time,
    /// The server did not accept ours, for this reason (RFC 8945 §3).
    Refused(u16),
}

/// The fields that are signed beside the message.
struct Variables<'a> {
    key: &'a NameBuf,
    algorithm: &'a NameBuf,
    time: u64,
    fudge: u16,
    error: u16,
    other: &'a [u8],
}

impl Variables<'_> {
    /// In canonical form (RFC 8945 §4.3.3).
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.key.as_wire().to_ascii_lowercase();
        bytes.extend_from_slice(&[0, 255, 0, 0, 0, 0]);
        bytes.extend(self.algorithm.as_wire().to_ascii_lowercase());
        bytes.extend_from_slice(&self.time.to_be_bytes()[2..]);
        bytes.extend_from_slice(&self.fudge.to_be_bytes());
        bytes.extend_from_slice(&self.error.to_be_bytes());
        let len = u16::try_from(self.other.len()).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(self.other);
        bytes
    }
}

/// Calls a function with the right hash.
macro_rules! with_hash {
    ($algorithm:expr, $hash:ident => $call:expr) => {
        match $algorithm {
            Algorithm::Sha1 => {
                type $hash = Hmac<Sha1>;
                $call
            }
            Algorithm::Sha224 => {
                type $hash = Hmac<Sha224>;
                $call
            }
            Algorithm::Sha256 => {
                type $hash = Hmac<Sha256>;
                $call
            }
            Algorithm::Sha384 => {
                type $hash = Hmac<Sha384>;
                $call
            }
            Algorithm::Sha512 => {
                type $hash = Hmac<Sha512>;
                $call
            }
        }
    };
}

fn mac(key: &Key, parts: &[&[u8]]) -> Vec<u8> {
    with_hash!(key.algorithm, H => {
        // Any length of a key will do.
        let Ok(mut mac) = H::new_from_slice(&key.secret) else { return Vec::new() };
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().to_vec()
    })
}

/// Whether a signature is right, in a time that does not depend on where it is wrong.
fn is_right(key: &Key, parts: &[&[u8]], signature: &[u8]) -> bool {
    with_hash!(key.algorithm, H => {
        let Ok(mut mac) = H::new_from_slice(&key.secret) else { return false };
        parts.iter().for_each(|part| mac.update(part));
        mac.verify_slice(signature).is_ok()
    })
}

fn algorithm_name(algorithm: Algorithm) -> NameBuf {
    algorithm.name().parse().unwrap_or_default()
}

/// Signs a message at a time in seconds since 1970, and returns the signature, which the response is signed with.
pub(crate) fn sign(message: &mut Vec<u8>, key: &Key, time: u64) -> Vec<u8> {
    let algorithm = algorithm_name(key.algorithm);
    let variables = Variables {
        key: &key.name,
        algorithm: &algorithm,
        time,
        fudge: FUDGE,
        error: 0,
        other: &[],
    };
    let signature = mac(key, &[message, &variables.bytes()]);
    let id = [message[0], message[1]];
    let mut rdata = algorithm.as_wire().to_vec();
    rdata.extend_from_slice(&time.to_be_bytes()[2..]);
    rdata.extend_from_slice(&FUDGE.to_be_bytes());
    rdata.extend_from_slice(&u16::try_from(signature.len()).unwrap_or(0).to_be_bytes());
    rdata.extend_from_slice(&signature);
    rdata.extend_from_slice(&id);
    rdata.extend_from_slice(&[0, 0, 0, 0]);
    message.extend_from_slice(key.name.as_wire());
    message.extend_from_slice(&TSIG.0.to_be_bytes());
    message.extend_from_slice(&[0, 255, 0, 0, 0, 0]);
    message.extend_from_slice(&u16::try_from(rdata.len()).unwrap_or(u16::MAX).to_be_bytes());
    message.extend_from_slice(&rdata);
    let count = u16::from_be_bytes([message[10], message[11]]).saturating_add(1);
    message[10..12].copy_from_slice(&count.to_be_bytes());
    signature
}

/// Checks the signature of a response to what had this signature.
pub(crate) fn verify(
    response: &[u8],
    key: &Key,
    request: &[u8],
    now: u64,
) -> Result<(), TsigError> {
    let at = last_record(response).ok_or(TsigError::Missing)?;
    let (name, end) = flat_name(response, at).ok_or(TsigError::Missing)?;
    let fixed = response.get(end..end + 10).ok_or(TsigError::Missing)?;
    // Type, class ANY, TTL 0.
    if fixed[..2] != TSIG.0.to_be_bytes() || fixed[2..8] != [0, 255, 0, 0, 0, 0] {
        return Err(TsigError::Missing);
    }
    if name != key.name {
        return Err(TsigError::Wrong);
    }
    let (algorithm, at) = flat_name(response, end + 10).ok_or(TsigError::Missing)?;
    let field = |from: usize, len: usize| {
        response
            .get(at + from..at + from + len)
            .ok_or(TsigError::Missing)
    };
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let time = number(field(0, 6)?);
    let fudge = number(field(6, 2)?) as u16;
    let len = number(field(8, 2)?) as usize;
    let signature = field(10, len)?;
    let id = field(10 + len, 2)?;
    let error = number(field(12 + len, 2)?) as u16;
    let other_len = number(field(14 + len, 2)?) as usize;
    let other = field(16 + len, other_len)?;
    // A server that does not know the key cannot sign that.
    if error != 0 && len == 0 {
        return Err(TsigError::Refused(error));
    }
    if algorithm != algorithm_name(key.algorithm) {
        return Err(TsigError::Wrong);
    }
    let mut signed = response
        .get(..last_record(response).unwrap_or(0))
        .unwrap_or_default()
        .to_vec();
    let count = u16::from_be_bytes([signed[10], signed[11]]).saturating_sub(1);
    signed[10..12].copy_from_slice(&count.to_be_bytes());
    signed[..2].copy_from_slice(id);
    let variables = Variables {
        key: &name,
        algorithm: &algorithm,
        time,
        fudge,
        error,
        other,
    };
    let request_len = u16::try_from(request.len())
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    let parts = [&request_len[..], request, &signed, &variables.bytes()];
    if !is_right(key, &parts, signature) {
        return Err(TsigError::Wrong);
    }
    if error != 0 {
        return Err(TsigError::Refused(error));
    }
    match now.abs_diff(time) <= fudge.into() {
        true => Ok(()),
        false => Err(TsigError::Time),
    }
}

/// Where the last record of a message begins, which a signature has to be.
fn last_record(message: &[u8]) -> Option<usize> {
    let counts = message.get(4..HEADER_LEN)?;
    let count = |n: usize| usize::from(u16::from_be_bytes([counts[2 * n], counts[2 * n + 1]]));
    let mut at = HEADER_LEN;
    for _ in 0..count(0) {
        at = name_end(message, at)? + 4;
    }
    let records = count(1) + count(2) + count(3);
    let mut last = None;
    for _ in 0..records {
        last = Some(at);
        let end = name_end(message, at)?;
        let len = message.get(end + 8..end + 10)?;
        at = end + 10 + usize::from(u16::from_be_bytes([len[0], len[1]]));
    }
    (at == message.len() && count(3) > 0)
        .then_some(last)
        .flatten()
}

/// Where a name ends, without following a pointer.
fn name_end(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            len @ 1..=63 => at += usize::from(len) + 1,
            192.. => return Some(at + 2),
            _ => return None,
        }
    }
}

/// A name that is not compressed, as those of signatures are, and where it ends.
fn flat_name(message: &[u8], at: usize) -> Option<(NameBuf, usize)> {
    let end = name_end(message, at)?;
    let name = Name::from_wire(message.get(at..end)?).ok()?;
    Some((name.into(), end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(algorithm: Algorithm) -> Key {
        Key {
            name: "lab-key".parse().unwrap(),
            algorithm,
            secret: b"a secret".to_vec(),
        }
    }

    /// A response to what had `request` as its signature, signed as a server does.
    fn response(key: &Key, request: &[u8], time: u64) -> Vec<u8> {
        let mut message = vec![0, 7, 0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let algorithm = algorithm_name(key.algorithm);
        let variables = Variables {
            key: &key.name,
            algorithm: &algorithm,
            time,
            fudge: FUDGE,
            error: 0,
            other: &[],
        };
        let len = u16::try_from(request.len()).unwrap().to_be_bytes();
        let signature = mac(key, &[&len, request, &message, &variables.bytes()]);
        let mut with_its_own = message.clone();
        let own = sign(&mut with_its_own, key, time);
        // The same record, with the other signature in its place.
        let at = with_its_own.len() - own.len() - 6;
        with_its_own[at..at + own.len()].copy_from_slice(&signature);
        message = with_its_own;
        message
    }

    /// covers: SEC-17
    #[test]
    fn a_signature_is_checked_bit_by_bit() {
        for algorithm in [
            Algorithm::Sha1,
            Algorithm::Sha224,
            Algorithm::Sha256,
            Algorithm::Sha384,
            Algorithm::Sha512,
        ] {
            let key = key(algorithm);
            let good = response(&key, b"request", 1000);
            assert_eq!(verify(&good, &key, b"request", 1000), Ok(()));
            for now in [700, 1300] {
                assert_eq!(verify(&good, &key, b"request", now), Ok(()));
            }
            for now in [699, 1301] {
                assert_eq!(verify(&good, &key, b"request", now), Err(TsigError::Time));
            }
            assert_eq!(verify(&good, &key, b"another", 1000), Err(TsigError::Wrong));
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 1;
                // The case of letters in names is not signed; an id that was changed on the way is put back.
                let is_id = at < 2;
                assert!(
                    is_id || verify(&bad, &key, b"request", 1000).is_err(),
                    "byte {at}"
                );
                assert!(verify(&good[..at], &key, b"request", 1000).is_err());
            }
            let other = Key {
                secret: b"another secret".to_vec(),
                ..key.clone()
            };
            assert_eq!(
                verify(&good, &other, b"request", 1000),
                Err(TsigError::Wrong)
            );
        }
    }

    #[test]
    fn a_refusal_says_why() {
        let key = key(Algorithm::Sha256);
        let mut message = vec![0, 7, 0xa8, 9, 0, 0, 0, 0, 0, 0, 0, 1];
        message.extend_from_slice(key.name.as_wire());
        message.extend_from_slice(&[0, 250, 0, 255, 0, 0, 0, 0]);
        let algorithm = algorithm_name(key.algorithm);
        let rdata = [
            algorithm.as_wire(),
            &[0, 0, 0, 0, 3, 232, 1, 44, 0, 0, 0, 7, 0, 17, 0, 0],
        ]
        .concat();
        message.extend_from_slice(&u16::try_from(rdata.len()).unwrap().to_be_bytes());
        message.extend_from_slice(&rdata);
        assert_eq!(
            verify(&message, &key, b"", 1000),
            Err(TsigError::Refused(17))
        );
        assert_eq!(
            verify(&message[..12], &key, b"", 1000),
            Err(TsigError::Missing)
        );
    }
}
