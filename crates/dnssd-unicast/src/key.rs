//! Keys for signed updates, as `tsig-keygen` writes and `nsupdate -k` reads them.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mdns_proto::name::{NameBuf, NameError};

/// How a message is signed (RFC 8945 §6). HMAC-MD5 is left out: it is not to be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `hmac-sha1`.
    Sha1,
    /// `hmac-sha224`.
    Sha224,
    /// `hmac-sha256`.
    Sha256,
    /// `hmac-sha384`.
    Sha384,
    /// `hmac-sha512`.
    Sha512,
}

impl Algorithm {
    const NAMED: [(&str, Algorithm); 5] = [
        ("hmac-sha1", Algorithm::Sha1),
        ("hmac-sha224", Algorithm::Sha224),
        ("hmac-sha256", Algorithm::Sha256),
        ("hmac-sha384", Algorithm::Sha384),
        ("hmac-sha512", Algorithm::Sha512),
    ];

    /// Its name in messages.
    pub(crate) fn name(self) -> &'static str {
        let named = Self::NAMED.iter().find(|(_, algorithm)| *algorithm == self);
        named.map_or("hmac-sha256", |(name, _)| name)
    }
}

/// A secret that a server shares with us.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    pub(crate) name: NameBuf,
    pub(crate) algorithm: Algorithm,
    pub(crate) secret: Vec<u8>,
}

/// The secret is not shown.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// What is wrong with the text of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not of the form `key "NAME" { algorithm NAME; secret "BASE64"; };`.
    Form,
    /// Its name is no name of DNS.
    Name(NameError),
    /// The algorithm is not one of those that are known.
    Algorithm(String),
    /// The secret is empty, or not in base64.
    Secret,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Form => f.write_str(
                "not a key: expected key \"NAME\" { algorithm hmac-sha256; secret \"BASE64\"; };",
            ),
            KeyError::Name(error) => write!(f, "the name of the key: {error}"),
            KeyError::Algorithm(name) => write!(
                f,
                "algorithm {name:?} is not known; hmac-sha1, -sha224, -sha256, -sha384 and -sha512 are"
            ),
            KeyError::Secret => f.write_str("the secret of the key is empty or not in base64"),
        }
    }
}

impl std::error::Error for KeyError {}

impl Key {
    /// Its name.
    pub fn name(&self) -> &NameBuf {
        &self.name
    }
}

/// Reads the first key of a file such as `tsig-keygen` writes; comments as in BIND's configuration.
///
/// ```
/// use dnssd_unicast::Key;
///
/// let key: Key = r#"key "office" { algorithm hmac-sha256; secret "c2VjcmV0"; };"#.parse()?;
/// assert_eq!(key.name().to_string(), "office");
/// # Ok::<(), dnssd_unicast::KeyError>(())
/// ```
impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text
            .lines()
            .map(without_comment)
            .collect::<Vec<_>>()
            .join(" ");
        let spaced = text
            .replace('{', " { ")
            .replace('}', " } ")
            .replace(';', " ; ");
        let mut words = spaced.split_whitespace().map(|word| word.trim_matches('"'));
        if words.next() != Some("key") {
            return Err(KeyError::Form);
        }
        let name = words.next().ok_or(KeyError::Form)?;
        if words.next() != Some("{") {
            return Err(KeyError::Form);
        }
        let (mut algorithm, mut secret) = (None, None);
        loop {
            match (words.next(), words.next(), words.next()) {
                (Some("algorithm"), Some(value), Some(";")) => algorithm = Some(value),
                (Some("secret"), Some(value), Some(";")) => secret = Some(value),
                (Some("}"), ..) => break,
                _ => return Err(KeyError::Form),
            }
        }
        let (algorithm, secret) = algorithm.zip(secret).ok_or(KeyError::Form)?;
        let known = Algorithm::NAMED
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(algorithm.trim_end_matches('.')));
        let secret = STANDARD.decode(secret).map_err(|_| KeyError::Secret)?;
        if secret.is_empty() {
            return Err(KeyError::Secret);
        }
        Ok(Key {
            name: name.parse().map_err(KeyError::Name)?,
            algorithm: known
                .ok_or_else(|| KeyError::Algorithm(algorithm.to_owned()))?
                .1,
            secret,
        })
    }
}

/// A line up to a comment, which begins with `#` or `//` outside quotes.
fn without_comment(line: &str) -> &str {
    let mut is_quoted = false;
    for (at, character) in line.char_indices() {
        match character {
            '"' => is_quoted = !is_quoted,
            '#' if !is_quoted => return &line[..at],
            '/' if !is_quoted && line[at..].starts_with("//") => return &line[..at],
            _ => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_tsig_keygen_is_read() {
        let text = "# for the office\nkey \"lab-key\" {\n\talgorithm hmac-sha512;\n\tsecret \"aa//bb==\"; // at the end\n};\n";
        let key: Key = text.replace("aa//bb==", "aa//bQ==").parse().unwrap();
        assert_eq!(
            (key.name.to_string().as_str(), key.algorithm),
            ("lab-key", Algorithm::Sha512)
        );
        assert_eq!(key.secret, [0x69, 0xaf, 0xff, 0x6d]);
        assert!(!format!("{key:?}").contains("secret"));
    }

    /// covers: SEC-20
    #[test]
    fn what_is_no_key_is_refused() {
        let parse = |text: &str| text.parse::<Key>().unwrap_err();
        for text in [
            "",
            "key",
            "key x",
            "key x {",
            "key x { secret \"YQ==\"; };",
            "zone x { };",
            "key x { algorithm a",
        ] {
            assert_eq!(parse(text), KeyError::Form, "{text}");
        }
        let key = |algorithm: &str, secret: &str, name: &str| {
            parse(&format!(
                "key \"{name}\" {{ algorithm {algorithm}; secret \"{secret}\"; }};"
            ))
        };
        assert_eq!(
            key("hmac-md5", "YQ==", "x"),
            KeyError::Algorithm("hmac-md5".into())
        );
        assert_eq!(key("hmac-sha256", "?", "x"), KeyError::Secret);
        assert!(matches!(
            key("hmac-sha256", "YQ==", "a..b"),
            KeyError::Name(_)
        ));
    }
}
