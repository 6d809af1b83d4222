//! The system's own name.

/// The first label of the system's host name, to be tried under `local`.
///
/// `None` where it is empty, not UTF-8, or `localhost`, which names every machine and so no
/// machine.
///
/// ```
/// if let Some(name) = mdns_socket::host_name() {
///     assert!(!name.contains('.'));
/// }
/// ```
pub fn host_name() -> Option<String> {
    first_label(hostname::get().ok()?.to_str()?)
}

fn first_label(name: &str) -> Option<String> {
    let label = name.split('.').next()?;
    let names_no_one = label.is_empty() || label.eq_ignore_ascii_case("localhost");
    (!names_no_one).then(|| label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::first_label;

    #[test]
    fn a_host_is_named_by_its_first_label() {
        assert_eq!(first_label("attic.example.org").as_deref(), Some("attic"));
        assert_eq!(first_label("hall").as_deref(), Some("hall"));
    }

    #[test]
    fn a_name_of_every_host_is_none() {
        for name in ["", "localhost", "LocalHost.localdomain", ".example.org"] {
            assert_eq!(first_label(name), None, "{name:?}");
        }
    }
}
