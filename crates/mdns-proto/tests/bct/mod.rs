//! Apple's Bonjour Conformance Test.

mod phase2;
