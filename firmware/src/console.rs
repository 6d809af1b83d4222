//! The debugger's console (semihosting), where the image was built for one: a line for each thing that happens, and
//! parameters, so that one image can play several boards. Elsewhere the parameters are what they are here, and nothing is said.

use smoltcp::wire::{IpAddress, IpCidr};

/// What a board is told when it is switched on, as `host=hall ip=10.0.0.2/24 ..`.
#[derive(Clone, Copy, Debug)]
pub struct Parameters {
    /// `host`: the name it would like to have.
    pub host: &'static str,
    /// `instance`: the name its service would like to have.
    pub instance: &'static str,
    /// `type`: the type of that service, and of those it looks for.
    pub service_type: &'static str,
    /// `ip`: its IPv4 address.
    pub address: IpCidr,
    /// `lease`: the longest time, in seconds, that an address from DHCP is kept without being renewed.
    pub lease: Option<u64>,
    /// `seed`: the source of all chance, for runs that can be repeated.
    pub seed: Option<u64>,
}

impl Parameters {
    const DEFAULT: Parameters = Parameters {
        host: "board",
        instance: "Front Desk",
        service_type: "_http._tcp",
        address: IpCidr::new(IpAddress::v4(10, 0, 0, 2), 24),
        lease: None,
        seed: None,
    };
}

/// Says what happens, and when.
#[macro_export]
macro_rules! say {
    ($now:expr, $($words:tt)*) => {
        $crate::console::line($now, format_args!($($words)*))
    };
}

#[cfg(feature = "semihosting")]
mod debugger {
    use core::{ffi::CStr, fmt};

    use cortex_m_semihosting::{debug, hprintln, nr, syscall};
    use smoltcp::time::Instant;

    use super::Parameters;

    /// Room for the command line.
    const LINE: usize = 256;

    /// Reads the parameters, once.
    pub fn parameters() -> Parameters {
        let mut parameters = Parameters::DEFAULT;
        for word in command_line().split(' ') {
            let Some((key, value)) = word.split_once('=') else {
                continue;
            };
            match key {
                "host" => parameters.host = value,
                "instance" => parameters.instance = value,
                "type" => parameters.service_type = value,
                "ip" => parameters.address = value.parse().expect("ip=10.0.0.2/24"),
                "lease" => parameters.lease = Some(value.parse().expect("lease=20")),
                "seed" => parameters.seed = Some(value.parse().expect("seed=7")),
                _ => panic!("no parameter is called {key}"),
            }
        }
        parameters
    }

    fn command_line() -> &'static str {
        let Some(buffer) = cortex_m::singleton!(: [u8; LINE] = [0; LINE]) else {
            return "";
        };
        let block = [buffer.as_mut_ptr() as usize, LINE];
        // SAFETY: the call takes the address of such a pair, and writes no further than it says.
        let failed = unsafe { syscall(nr::GET_CMDLINE, &block) };
        // It is ended by a zero byte.
        let text = CStr::from_bytes_until_nul(buffer).ok();
        let text = text.filter(|_| failed == 0);
        text.and_then(|text| text.to_str().ok()).unwrap_or("")
    }

    /// Writes a line.
    pub fn line(now: Instant, words: fmt::Arguments<'_>) {
        hprintln!("{:>4}.{:03} {}", now.secs(), now.millis(), words);
    }

    /// Ends the emulator.
    pub fn exit() {
        debug::exit(debug::EXIT_SUCCESS);
    }
}

#[cfg(not(feature = "semihosting"))]
mod nobody {
    use core::fmt;

    use smoltcp::time::Instant;

    use super::Parameters;

    /// The parameters, which are always the same.
    pub fn parameters() -> Parameters {
        Parameters::DEFAULT
    }

    /// Nobody reads it.
    pub fn line(_: Instant, _: fmt::Arguments<'_>) {}

    /// There is nothing to go back to.
    pub fn exit() {}
}

#[cfg(feature = "semihosting")]
pub use debugger::{exit, line, parameters};
#[cfg(not(feature = "semihosting"))]
pub use nobody::{exit, line, parameters};
