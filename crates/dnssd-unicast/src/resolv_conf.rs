//! Which servers to ask, and in which domains to look: `/etc/resolv.conf`.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6},
};

use mdns_proto::name::NameBuf;

/// The most servers that are asked, as in other resolvers.
const SERVERS_MAX: usize = 3;

/// The most domains that are looked in.
const DOMAINS_MAX: usize = 6;

/// Servers and search domains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvConf {
    /// The servers, in the order in which they are asked; three at most.
    pub servers: Vec<SocketAddr>,
    /// The search domains; six at most. They say which domains are near, for browsing. No name is ever completed with them.
    pub domains: Vec<NameBuf>,
}

impl ResolvConf {
    /// Reads `/etc/resolv.conf`.
    ///
    /// # Errors
    /// If it is there and cannot be read. Without one, and without a server in it, the server is the one of this host.
    pub fn system() -> io::Result<Self> {
        match fs::read_to_string("/etc/resolv.conf") {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::parse("")),
            Err(error) => Err(error),
        }
    }

    /// Reads the text of such a file. What cannot be understood is passed over.
    ///
    /// ```
    /// use dnssd_unicast::ResolvConf;
    ///
    /// let conf = ResolvConf::parse("nameserver 192.0.2.53\nsearch example.com example.org\n");
    /// assert_eq!(conf.servers, ["192.0.2.53:53".parse()?]);
    /// assert_eq!(conf.domains.len(), 2);
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn parse(text: &str) -> Self {
        let mut conf = ResolvConf::default();
        for line in text.lines() {
            let line = line.split(['#', ';']).next().unwrap_or_default();
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let server = words.next().and_then(server);
                    conf.servers.extend(server);
                }
                // The last of them counts.
                Some("search" | "domain") => {
                    let domains = words.filter_map(|word| word.parse().ok());
                    conf.domains = domains
                        .filter(|name: &NameBuf| !name.as_name().is_root())
                        .collect();
                }
                _ => {}
            }
        }
        conf.servers.truncate(SERVERS_MAX);
        conf.domains.truncate(DOMAINS_MAX);
        if conf.servers.is_empty() {
            conf.servers.push((Ipv4Addr::LOCALHOST, 53).into());
        }
        conf
    }
}

/// An address, with a scope if it has to have one.
fn server(word: &str) -> Option<SocketAddr> {
    let (address, scope) = match word.split_once('%') {
        Some((address, scope)) => (address, scope.parse().ok()?),
        None => (word, 0),
    };
    match address.parse().ok()? {
        IpAddr::V4(v4) => Some((v4, 53).into()),
        IpAddr::V6(v6) => Some(SocketAddrV6::new(v6, 53, 0, scope).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_understood_is_passed_over() {
        let conf = ResolvConf::parse(
            "# nameserver 1.1.1.1\nnameserver x\nnameserver fe80::1%3 # near\noptions edns0\nsearch a..b example.com .\ndomain example.org\n\
             nameserver ::1\nnameserver 10.0.0.1\nnameserver 10.0.0.2\n",
        );
        let servers: Vec<String> = conf.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["[fe80::1%3]:53", "[::1]:53", "10.0.0.1:53"]);
        assert_eq!(conf.domains, ["example.org".parse::<NameBuf>().unwrap()]);
        assert_eq!(
            ResolvConf::parse("").servers,
            ["127.0.0.1:53".parse().unwrap()]
        );
    }
}
