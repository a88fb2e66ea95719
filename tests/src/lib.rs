//! The integration tests of aiotools: what they share, and the examples of the README, to be compiled
//! and run as doctests.

pub mod reports;
pub mod trace;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
