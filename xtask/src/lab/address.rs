//! What scenarios of addresses need, of the command and of the board: ARP packets of hosts that do not exist, and a DHCP server.

use anyhow::{Result, ensure};

use super::{net::Host, peer::Peer};

/// Sends an ARP request from 02:00:00:00:00:99: sender and target IP address. If they differ, it prints the destination of the first reply. Else the request
/// is an announcement, and it prints the hardware address of a host that announces the address within two seconds too.
const ARP: &str = r#"
import socket, struct, sys
sender, target = map(socket.inet_aton, sys.argv[1:3])
mac = bytes.fromhex('020000000099')
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
s.bind(('eth0', 0x0806))
s.send(b'\xff' * 6 + mac + b'\x08\x06' + struct.pack('!HHBBH', 1, 0x800, 6, 4, 1) + mac + sender + bytes(6) + target)
s.settimeout(2)
try:
    while True:
        frame = s.recv(2048)
        operation, theirs, address = frame[21], frame[22:28], frame[28:32]
        if sender != target and operation == 2 and address == target:
            print(frame[:6].hex())
            break
        if sender == target and address == target and theirs != mac:
            print(theirs.hex())
            break
except TimeoutError:
    pass
"#;

/// Asks for an address by ARP, and returns where the reply went: 12 hexadecimal digits, or nothing if there is none.
pub(crate) fn ask_arp(host: &Host, sender: &str, target: &str) -> Result<String> {
    let output = host.run(&["python3", "-c", ARP, sender, target])?;
    ensure!(output.status.success(), "ARP: {}", output.stderr.trim());
    Ok(output.stdout.trim().to_owned())
}

/// Announces an address for a host that does not exist and has not probed for it. Returns whether it was defended within two seconds.
pub(crate) fn take_address(host: &Host, address: &str) -> Result<bool> {
    Ok(!ask_arp(host, address, address)?.is_empty())
}

/// Starts the DHCP server dnsmasq of an unpacked package, on a host with the address 10.98.0.1.
pub(crate) fn dhcp_server(host: &Host, root: &str) -> Result<Peer> {
    host.add_address("10.98.0.1/24")?;
    host.spawn(&[
        "env",
        &libraries(root, ""),
        &format!("{root}/usr/sbin/dnsmasq"),
        "--no-daemon",
        "--port=0",
        "--conf-file=/dev/null",
        "--interface=eth0",
        "--user=root",
        "--dhcp-leasefile=/run/leases",
        "--dhcp-range=10.98.0.50,10.98.0.99,2m",
    ])
}

/// Where unpacked programs find their libraries.
pub(crate) fn libraries(root: &str, folder: &str) -> String {
    let arch = std::env::consts::ARCH;
    format!("LD_LIBRARY_PATH={root}/usr/lib/{arch}-linux-gnu{folder}")
}
