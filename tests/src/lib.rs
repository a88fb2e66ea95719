//! The integration tests of aiotools. This library has nothing but the examples of the README, to be
//! compiled and run as doctests.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
