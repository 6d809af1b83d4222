//! What the system says of this host: its name, and an identity that stays.

use std::fs;

/// Files that hold an identity of the machine, in the order in which they are tried: systemd's and D-Bus's on Linux, that of
/// the BSDs.
const IDENTITY_FILES: [&str; 3] = ["/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/hostid"];

/// Returns the first label of the system's host name. It may have characters that no host name may have.
///
/// `None` where it is empty or not set, or `localhost`, which names every machine and so no
/// machine.
///
/// ```
/// if let Some(name) = mdns_socket::host_name() {
///     assert!(!name.contains('.'));
/// }
/// ```
pub fn host_name() -> Option<String> {
    first_label(&system_name()?)
}

/// Returns whether this process may do everything: it runs as root. `false` where there is no such user.
pub fn is_root() -> bool {
    #[cfg(unix)]
    return nix::unistd::Uid::effective().is_root();
    #[cfg(not(unix))]
    false
}

#[cfg(unix)]
fn system_name() -> Option<String> {
    let uname = rustix::system::uname();
    Some(uname.nodename().to_string_lossy().into_owned())
}

#[cfg(not(unix))]
fn system_name() -> Option<String> {
    Some(hostname::get().ok()?.to_string_lossy().into_owned())
}

fn first_label(name: &str) -> Option<String> {
    let label = name.split('.').next()?;
    // Linux calls a machine `(none)` that was given no name.
    let names_no_one =
        label.is_empty() || label == "(none)" || label.eq_ignore_ascii_case("localhost");
    (!names_no_one).then(|| label.to_owned())
}

/// Returns an identity of this machine that stays over restarts, to be hashed: it may be confidential.
///
/// It is the machine id where there is one: `/etc/machine-id` (Linux), `/etc/hostid` (the BSDs). Elsewhere, as on Windows and
/// macOS, and in containers without one, it is the hardware address of a network interface; one that was assigned by its
/// maker goes before one that software made up. `None` if there is neither.
pub fn machine_id() -> Option<Vec<u8>> {
    let files = IDENTITY_FILES.into_iter();
    files
        .filter_map(|path| fs::read(path).ok())
        .find_map(|content| identity(&content))
        .or_else(hardware_address)
}

/// The identity in a file, if it is one.
fn identity(content: &[u8]) -> Option<Vec<u8>> {
    let id = content.trim_ascii();
    // An image that is to be copied has no id yet (machine-id(5)); nor does one of zeros tell machines apart.
    let is_unset = id == b"uninitialized" || id.iter().all(|byte| matches!(byte, 0 | b'0' | b'-'));
    (!is_unset).then(|| id.to_owned())
}

fn hardware_address() -> Option<Vec<u8>> {
    let usable = hardware_addresses()
        .into_iter()
        .filter(|(_, octets)| *octets != [0; 6]);
    // The second bit says that it was not the maker who assigned it.
    let chosen = usable.min_by_key(|(index, octets)| (octets[0] & 2 != 0, *index));
    chosen.map(|(_, octets)| octets.to_vec())
}

/// The hardware addresses, with the indices of their interfaces.
#[cfg(target_os = "linux")]
fn hardware_addresses() -> Vec<(u32, [u8; 6])> {
    crate::netlink::hardware_addresses().unwrap_or_default()
}

#[cfg(not(target_os = "linux"))]
fn hardware_addresses() -> Vec<(u32, [u8; 6])> {
    let interfaces = netdev::get_interfaces().into_iter();
    interfaces
        .filter_map(|interface| Some((interface.index, interface.mac_addr?.octets())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_by_its_first_label() {
        assert_eq!(first_label("attic.example.org").as_deref(), Some("attic"));
        assert_eq!(first_label("hall").as_deref(), Some("hall"));
    }

    #[test]
    fn a_name_of_every_host_is_none() {
        for name in [
            "",
            "(none)",
            "localhost",
            "LocalHost.localdomain",
            ".example.org",
        ] {
            assert_eq!(first_label(name), None, "{name:?}");
        }
    }

    #[test]
    fn an_identity_file_without_an_identity_is_passed_over() {
        let id = b"0f3d6c1e4a5b4d7e9f00112233445566".as_slice();
        assert_eq!(
            identity(b"0f3d6c1e4a5b4d7e9f00112233445566\n").as_deref(),
            Some(id)
        );
        for content in [
            &b""[..],
            b"\n",
            b"uninitialized\n",
            b"00000000-0000-0000-0000-000000000000\n",
            &[0; 4],
        ] {
            assert_eq!(identity(content), None, "{content:?}");
        }
    }

    #[test]
    fn the_identity_stays() {
        assert_eq!(machine_id(), machine_id());
    }
}
