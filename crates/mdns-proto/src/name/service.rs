//! Service types, instances and hosts: names that say what they are (RFC 6763 §4 and §7, RFC 6335 §5.1).

use core::{fmt, str::FromStr};

use super::{LABEL_MAX, NAME_MAX, Name, NameBuf, NameError};

/// The longest service name without its underscore (RFC 6335 §5.1).
const SERVICE_MAX: usize = 15;

/// The zone of Multicast DNS (RFC 6762 §3).
pub(crate) const LOCAL: Name<'static> = Name::from_static(b"\x05local\0");

/// Asks for all service types there are (RFC 6763 §9).
pub const META_QUERY: Name<'static> =
    Name::from_static(b"\x09_services\x07_dns-sd\x04_udp\x05local\0");

/// A service type under `local.`, such as `_ipp._tcp.local`; for browsing, perhaps with a subtype.
///
/// Read from text it is strict, as what we register must be: the service name has 1 to 15 letters, digits and
/// hyphens, with a letter among them and no hyphen first, last or beside another (RFC 6335 §5.1). The domain
/// may be left out.
///
/// ```
/// use mdns_proto::name::ServiceType;
///
/// let ipp: ServiceType = "_ipp._tcp".parse()?;
/// assert_eq!(ipp.to_string(), "_ipp._tcp.local");
/// let error = "ipp._tcp".parse::<ServiceType>().unwrap_err();
/// assert_eq!(error.to_string(), "service name does not begin with an underscore, at byte 0");
/// # Ok::<(), mdns_proto::name::ServiceError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceType {
    /// Service name, transport and domain, perhaps with a subtype and `_sub` before them.
    name: NameBuf,
    /// Whether the first two labels are a subtype and `_sub`.
    has_subtype: bool,
}

/// Why text is not a service type, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceError {
    /// It is not even a name.
    Name(NameError),
    /// The service name has no underscore in front.
    NoUnderscore {
        /// Offset in the text, in bytes.
        at: usize,
    },
    /// The service name has nothing after its underscore, or more than 15 characters.
    Length {
        /// Offset in the text, in bytes.
        at: usize,
    },
    /// The service name has something other than ASCII letters, digits and hyphens.
    Character {
        /// Offset in the text, in bytes.
        at: usize,
    },
    /// The service name has a hyphen first, last or beside another.
    Hyphen {
        /// Offset in the text, in bytes.
        at: usize,
    },
    /// The service name has no letter.
    NoLetter {
        /// Offset in the text, in bytes.
        at: usize,
    },
    /// After the service name there is neither `_tcp` nor `_udp`.
    Transport {
        /// Offset in the text, in bytes.
        at: usize,
    },
    /// After the transport there is something other than `local`.
    Domain {
        /// Offset in the text, in bytes.
        at: usize,
    },
    /// There is a subtype where none may be: only browsing takes one.
    Subtype {
        /// Offset in the text, in bytes.
        at: usize,
    },
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, at) = match self {
            ServiceError::Name(error) => return error.fmt(f),
            ServiceError::NoUnderscore { at } => {
                ("service name does not begin with an underscore", at)
            }
            ServiceError::Length { at } => ("service name has not 1 to 15 characters", at),
            ServiceError::Character { at } => (
                "service name has other characters than letters, digits and hyphens",
                at,
            ),
            ServiceError::Hyphen { at } => (
                "service name has a hyphen first, last or beside another",
                at,
            ),
            ServiceError::NoLetter { at } => ("service name has no letter", at),
            ServiceError::Transport { at } => ("service name is not followed by _tcp or _udp", at),
            ServiceError::Domain { at } => ("domain is not local", at),
            ServiceError::Subtype { at } => ("a subtype has no place here", at),
        };
        write!(f, "{what}, at byte {at}")
    }
}

impl core::error::Error for ServiceError {}

impl From<NameError> for ServiceError {
    fn from(error: NameError) -> Self {
        ServiceError::Name(error)
    }
}

/// How much of RFC 6335 a service name must keep to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// What we register.
    Strict,
    /// What others may have registered, and subtypes.
    Browse,
}

impl ServiceType {
    /// A type to browse for: any service name with an underscore, and perhaps a subtype before it (RFC 6763 §7.1).
    ///
    /// ```
    /// use mdns_proto::name::ServiceType;
    ///
    /// let printers = ServiceType::browse("_printer._sub._http._tcp")?;
    /// assert_eq!(printers.to_string(), "_printer._sub._http._tcp.local");
    /// assert_eq!(printers.subtype(), Some(&b"_printer"[..]));
    /// assert_eq!(printers.base().to_string(), "_http._tcp.local");
    /// # Ok::<(), mdns_proto::name::ServiceError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Says what is wrong and where in the text.
    pub fn browse(text: &str) -> Result<Self, ServiceError> {
        ServiceType::read(text, Rule::Browse)
    }

    /// The service type that a name of the network begins with, put under `local.`: what the answers to
    /// [`META_QUERY`] mean (RFC 6763 §9). `None` if the name is no service type.
    pub fn from_name(name: Name<'_>) -> Option<Self> {
        let mut labels = name.labels();
        let (service, transport) = (labels.next()?, labels.next()?);
        if !is_service(service) || !is_transport(transport) {
            return None;
        }
        let mut name = NameBuf::from_labels([service, transport]).ok()?;
        name.push_name(LOCAL).ok()?;
        Some(ServiceType {
            name,
            has_subtype: false,
        })
    }

    /// The full name, with its domain.
    pub fn as_name(&self) -> Name<'_> {
        self.name.as_name()
    }

    /// The subtype, if there is one: the label before `_sub`.
    pub fn subtype(&self) -> Option<&[u8]> {
        self.as_name().first_label().filter(|_| self.has_subtype)
    }

    /// This type without its subtype.
    pub fn base(&self) -> ServiceType {
        ServiceType {
            name: self.base_name().into(),
            has_subtype: false,
        }
    }

    /// The full name without the subtype.
    pub(crate) fn base_name(&self) -> Name<'_> {
        let mut labels = self.as_name().labels();
        if self.has_subtype {
            labels.next();
            labels.next();
        }
        labels.rest()
    }

    /// The name under which instances of this type with the subtype `label` are found (RFC 6763 §7.1).
    ///
    /// # Errors
    ///
    /// If the label is empty or too long.
    pub fn with_subtype(&self, label: &[u8]) -> Result<ServiceType, NameError> {
        Ok(ServiceType {
            name: subtype_name(self.base_name(), label)?,
            has_subtype: true,
        })
    }

    /// The name of an instance of this type.
    ///
    /// # Errors
    ///
    /// If [`check_instance`] refuses the label.
    pub fn instance(&self, label: &str) -> Result<NameBuf, LabelError> {
        let mut name = NameBuf::new();
        self.push_instance(&mut name, label)?;
        Ok(name)
    }

    /// The same, added to a name that is where it is wanted.
    pub(crate) fn push_instance(&self, name: &mut NameBuf, label: &str) -> Result<(), LabelError> {
        check_instance(label)?;
        let pushed = name
            .push_label(label.as_bytes())
            .and_then(|()| name.push_name(self.base_name()));
        debug_assert!(pushed.is_ok(), "checked, and far from the limit");
        Ok(())
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn read(text: &str, rule: Rule) -> Result<Self, ServiceError> {
        let whole: NameBuf = text.parse()?;
        let mut places = label_places(text);
        let mut labels = whole.as_name().labels();
        let mut next = || {
            (
                labels.next().unwrap_or_default(),
                places.next().unwrap_or(text.len()),
            )
        };

        let mut name = NameBuf::new();
        let (mut service, mut at) = next();
        let (mut transport, mut transport_at) = next();
        let has_subtype = transport.eq_ignore_ascii_case(b"_sub");
        if has_subtype {
            if rule == Rule::Strict {
                return Err(ServiceError::Subtype { at });
            }
            name.push_label(service)?;
            name.push_label(transport)?;
            (service, at) = next();
            (transport, transport_at) = next();
        }
        check_service(service, at, rule)?;
        if !is_transport(transport) {
            return Err(ServiceError::Transport { at: transport_at });
        }
        name.push_label(service)?;
        name.push_label(transport)?;
        let (_, domain_at) = next();
        let domain = name_after(&whole, &name);
        if !domain.is_root() && domain != LOCAL {
            return Err(ServiceError::Domain { at: domain_at });
        }
        name.push_name(LOCAL)?;
        Ok(ServiceType { name, has_subtype })
    }
}

/// The name under which instances of a type with the subtype `label` are found (RFC 6763 §7.1).
pub(crate) fn subtype_name(base: Name<'_>, label: &[u8]) -> Result<NameBuf, NameError> {
    let mut name = NameBuf::new();
    push_subtype(&mut name, base, label)?;
    Ok(name)
}

/// The same, added to a name that is where it is wanted.
pub(crate) fn push_subtype(
    name: &mut NameBuf,
    base: Name<'_>,
    label: &[u8],
) -> Result<(), NameError> {
    name.push_label(label)?;
    name.push_label(b"_sub")?;
    name.push_name(base)
}

/// What is left of `whole` after the labels of `front`.
fn name_after<'a>(whole: &'a NameBuf, front: &NameBuf) -> Name<'a> {
    let mut labels = whole.as_name().labels();
    for _ in front.as_name().labels() {
        labels.next();
    }
    labels.rest()
}

/// Strict: see [`ServiceType`].
impl FromStr for ServiceType {
    type Err = ServiceError;

    fn from_str(text: &str) -> Result<Self, ServiceError> {
        ServiceType::read(text, Rule::Strict)
    }
}

/// As [`Name`].
impl fmt::Display for ServiceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_name().fmt(f)
    }
}

impl fmt::Debug for ServiceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_name().fmt(f)
    }
}

/// Where each label begins in text that is a name.
fn label_places(text: &str) -> impl Iterator<Item = usize> + '_ {
    let ends = super::label::symbols(text)
        .filter_map(Result::ok)
        .filter(|(_, symbol)| *symbol == super::label::Symbol::Dot)
        .map(|(at, _)| at.saturating_add(1));
    core::iter::once(0).chain(ends)
}

fn check_service(label: &[u8], at: usize, rule: Rule) -> Result<(), ServiceError> {
    let Some((b'_', name)) = label.split_first() else {
        return Err(ServiceError::NoUnderscore { at });
    };
    if name.is_empty() || (rule == Rule::Strict && name.len() > SERVICE_MAX) {
        return Err(ServiceError::Length { at });
    }
    if rule == Rule::Browse {
        return Ok(());
    }
    if !name
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    {
        return Err(ServiceError::Character { at });
    }
    if name.split(|byte| *byte == b'-').any(<[u8]>::is_empty) {
        return Err(ServiceError::Hyphen { at });
    }
    if !name.iter().any(u8::is_ascii_alphabetic) {
        return Err(ServiceError::NoLetter { at });
    }
    Ok(())
}

fn is_service(label: &[u8]) -> bool {
    matches!(label, [b'_', _, ..])
}

fn is_transport(label: &[u8]) -> bool {
    label.eq_ignore_ascii_case(b"_tcp") || label.eq_ignore_ascii_case(b"_udp")
}

/// The label and the service type of an instance's name: one label, then a service name and a transport,
/// then any domain (RFC 6763 §4.1). `None` if the name is no instance.
///
/// ```
/// use mdns_proto::name::{NameBuf, split_instance};
///
/// let name: NameBuf = r"Dev\. Box._http._tcp.local".parse()?;
/// let (label, service) = split_instance(name.as_name()).unwrap();
/// assert_eq!(label, b"Dev. Box");
/// assert_eq!(service.to_string(), "_http._tcp.local");
/// # Ok::<(), mdns_proto::name::NameError>(())
/// ```
pub fn split_instance<'a>(name: Name<'a>) -> Option<(&'a [u8], Name<'a>)> {
    let mut labels = name.labels();
    let instance = labels.next()?;
    let service_type = labels.rest();
    (is_service(labels.next()?) && is_transport(labels.next()?)).then_some((instance, service_type))
}

/// Whether a PTR record from `owner` to `target` names something that browsing `owner` finds.
///
/// Of a service type or of a subtype of it that is an instance: exactly one label before the very type (RFC 6763 §4.1, §7.1).
/// Of [`META_QUERY`] it is a service type: a service name, a transport and the domain (§9).
pub(crate) fn is_browse_result(owner: Name<'_>, target: Name<'_>) -> bool {
    if owner == META_QUERY {
        let mut labels = target.labels();
        return labels.next().is_some_and(is_service)
            && labels.next().is_some_and(is_transport)
            && labels.rest() == LOCAL;
    }
    let mut labels = owner.labels();
    let has_subtype = labels.next().is_some()
        && labels
            .next()
            .is_some_and(|label| label.eq_ignore_ascii_case(b"_sub"));
    let service_type = if has_subtype { labels.rest() } else { owner };
    target.parent() == Some(service_type)
}

/// Why a label cannot name an instance or a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LabelError {
    /// It has no bytes.
    Empty,
    /// It has more than 63 bytes.
    TooLong {
        /// How many bytes it has.
        len: usize,
    },
    /// It has a character that has no place in it.
    Character {
        /// The character.
        character: char,
        /// Its offset, in bytes.
        at: usize,
    },
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LabelError::Empty => f.write_str("empty name, at byte 0"),
            LabelError::TooLong { len } => {
                write!(
                    f,
                    "name of {len} bytes, longer than 63, at byte {LABEL_MAX}"
                )
            }
            LabelError::Character { character, at } => {
                write!(
                    f,
                    "character {character:?} not allowed in the name, at byte {at}"
                )
            }
        }
    }
}

impl core::error::Error for LabelError {}

/// Whether `label` may name an instance: 1 to 63 bytes of UTF-8 without ASCII control characters (RFC 6763 §4.1.1).
///
/// # Errors
///
/// Says what is wrong and where.
pub fn check_instance(label: &str) -> Result<(), LabelError> {
    check_label(label, |_, character| !character.is_ascii_control())
}

/// Whether `label` may name a host: 1 to 63 bytes, ASCII letters, digits and hyphens, with no hyphen first or
/// last, and any letters beyond ASCII (RFC 6762 §16).
///
/// A dot is refused because a host is one label under `local.` (RFC 6762 §3), and an underscore because it marks
/// service names (RFC 8553 §2).
///
/// # Errors
///
/// Says what is wrong and where.
pub fn check_host(label: &str) -> Result<(), LabelError> {
    let last = label.len().saturating_sub(1);
    check_label(label, |at, character| match character {
        '-' => at != 0 && at != last,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        c => !c.is_control() && !c.is_whitespace(),
    })
}

fn check_label(label: &str, allowed: impl Fn(usize, char) -> bool) -> Result<(), LabelError> {
    if label.is_empty() {
        return Err(LabelError::Empty);
    }
    if label.len() > LABEL_MAX {
        return Err(LabelError::TooLong { len: label.len() });
    }
    match label
        .char_indices()
        .find(|(at, character)| !allowed(*at, *character))
    {
        Some((at, character)) => Err(LabelError::Character { character, at }),
        None => Ok(()),
    }
}

/// The longest instance of the longest subtype fits (RFC 6763 §7.2).
const _: () = assert!(2 * (LABEL_MAX + 1) + 5 + SERVICE_MAX + 2 + 5 + 7 <= NAME_MAX);
