//! The part of an adapter that knows no event loop.
