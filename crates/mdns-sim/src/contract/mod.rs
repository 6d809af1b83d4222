//! The contract of a host, held against it after everything that is done to it.
//!
//! A [`Driver`] does what a program of [`Op`]s says, keeps to its own side of the contract, and panics when the host does not keep
//! to the other: a drain ends, after it the timeout is in the future or never, and each packet is as packets are to be.
//! Property tests make up programs by chance, fuzz targets read them from bytes.
//!
//! ```
//! use mdns_proto::store::Heap;
//! use mdns_sim::contract::{Driver, Op};
//!
//! let mut driver = Driver::<Heap>::new(7);
//! driver.drain();
//! for op in [Op::Browse(0), Op::Sleep(20_000), Op::Register(1), Op::Sleep(3_000_000)] {
//!     driver.run(&op);
//! }
//! assert!(!driver.take_done().is_empty());
//! ```

mod driver;
mod op;
mod packets;
mod side;

pub use self::{
    driver::{Done, Driver, Setup},
    op::Op,
    packets::pool,
    side::SideBySide,
};
