//! The attribute macros of aiotools; use them through the `aiotools` crate.
