//! The clauses of RFC 3927 and RFC 5227, each as a test under a virtual clock.

mod bct;
mod codec;
mod contract;
mod s1_when;
mod s2_1_selection;
mod s2_2_claiming;
mod s2_4_announcing;
mod s2_5_defence;
mod s3_interfaces;
mod s5227;
mod size;
mod support;
