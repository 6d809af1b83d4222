//! The record of attacks: what went wrong elsewhere is tried here (docs/security.md).
//!
//! [`classes`] has a test for each class of defence, [`packets`] the packet of each report that is one packet, [`machines`]
//! what takes a machine to be seen. Packets are written by hand, so that they may be wrong.

mod classes;
mod machines;
mod packets;
mod raw;
mod reflection;
mod report;
