//! Networks of addresses, to say which clients may ask.

use core::{fmt, net::IpAddr, str::FromStr};

/// The addresses that share their first bits, such as `192.168.0.0/16`.
///
/// ```
/// use mdns_dns::Network;
///
/// let network: Network = "192.168.0.0/16".parse()?;
/// assert!(network.contains([192, 168, 7, 1].into()));
/// assert!(network.contains("::ffff:192.168.7.1".parse()?));
/// assert!(!network.contains([192, 0, 2, 1].into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    /// At most 32, or 128.
    prefix_len: u8,
}

/// Text that is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkError;

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a network such as 192.168.0.0/16 or fd00::/8, nor an address")
    }
}

impl core::error::Error for NetworkError {}

impl Network {
    /// The loopback addresses of both families.
    pub const LOOPBACK: [Network; 2] = [
        Network {
            address: IpAddr::V4(core::net::Ipv4Addr::LOCALHOST),
            prefix_len: 8,
        },
        Network {
            address: IpAddr::V6(core::net::Ipv6Addr::LOCALHOST),
            prefix_len: 128,
        },
    ];

    /// The network of `address` with this many bits in common; `None` if an address has not so many.
    pub fn new(address: IpAddr, prefix_len: u8) -> Option<Self> {
        let bits = match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        (prefix_len <= bits).then_some(Network {
            address,
            prefix_len,
        })
    }

    /// Whether an address is one of them. An IPv4 address that is mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let len = self.prefix_len;
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                first_bits(network.to_bits().into(), len, 32)
                    == first_bits(address.to_bits().into(), len, 32)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                first_bits(network.to_bits(), len, 128) == first_bits(address.to_bits(), len, 128)
            }
            _ => false,
        }
    }
}

/// The first `len` of `of` bits, as a number.
fn first_bits(bits: u128, len: u8, of: u8) -> u128 {
    bits.checked_shr(of.saturating_sub(len).into()).unwrap_or(0)
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)
    }
}

/// `ADDRESS/BITS`, or an address alone.
impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (address, Some(len)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let len = match len {
            Some(len) => len.parse().map_err(|_| NetworkError)?,
            None if address.is_ipv4() => 32,
            None => 128,
        };
        Network::new(address, len).ok_or(NetworkError)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString as _;

    #[test]
    fn a_network_contains_what_shares_its_bits() {
        let network: Network = "10.99.0.0/23".parse().unwrap();
        assert!(network.contains([10, 99, 1, 255].into()));
        assert!(!network.contains([10, 99, 2, 0].into()));
        assert!(!network.contains("::1".parse().unwrap()));
        let all: Network = "::/0".parse().unwrap();
        assert!(all.contains("2001:db8::1".parse().unwrap()));
        assert!(!all.contains([10, 99, 2, 0].into()));
        let one: Network = "fd00::7".parse().unwrap();
        assert_eq!(one.to_string(), "fd00::7/128");
        assert!(!one.contains("fd00::8".parse().unwrap()));
        let v4: Network = "0.0.0.0/0".parse().unwrap();
        assert!(v4.contains("::ffff:10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "x/8"] {
            assert_eq!(wrong.parse::<Network>(), Err(NetworkError), "{wrong}");
        }
    }
}
