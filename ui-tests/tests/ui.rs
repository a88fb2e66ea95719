//! What the attributes and the functions accept, and what they say about what they do not.
//!
//! One rule to a file: `cases/<attribute or area>/{fail,pass}/<rule>.rs`. After a change of a message,
//! `TRYBUILD=overwrite cargo test -p aiotools-ui-tests` writes the `.stderr` files anew; review them as code.
//! Other compilers word their own messages differently, so there the tests show as ignored.

use trybuild::TestCases;

fn check(area: &str) {
    let cases = TestCases::new();
    cases.pass(format!("cases/{area}/pass/*.rs"));
    cases.compile_fail(format!("cases/{area}/fail/*.rs"));
}

#[rustversion::attr(not(stable(1.95)), ignore = "the messages are those of Rust 1.95")]
#[test]
fn actxmgr() {
    check("actxmgr");
}

#[rustversion::attr(not(stable(1.95)), ignore = "the messages are those of Rust 1.95")]
#[test]
fn lru_cache() {
    check("lru_cache");
}

#[rustversion::attr(not(stable(1.95)), ignore = "the messages are those of Rust 1.95")]
#[test]
fn context() {
    check("context");
}

#[rustversion::attr(not(stable(1.95)), ignore = "the messages are those of Rust 1.95")]
#[test]
fn defer() {
    check("defer");
}

#[rustversion::attr(not(stable(1.95)), ignore = "the messages are those of Rust 1.95")]
#[test]
fn adefer() {
    check("adefer");
}

#[rustversion::attr(not(stable(1.95)), ignore = "the messages are those of Rust 1.95")]
#[test]
fn tasks() {
    check("tasks");
}

#[cfg(unix)]
#[rustversion::attr(not(stable(1.95)), ignore = "the messages are those of Rust 1.95")]
#[test]
fn server() {
    check("server");
}

#[cfg(unix)]
#[rustversion::attr(not(stable(1.95)), ignore = "the messages are those of Rust 1.95")]
#[test]
fn main_context() {
    check("main_context");
}

#[rustversion::attr(not(stable(1.95)), ignore = "the messages are those of Rust 1.95")]
#[test]
fn timer() {
    check("timer");
}

#[rustversion::attr(not(stable(1.95)), ignore = "the messages are those of Rust 1.95")]
#[test]
fn test() {
    check("test");
}

#[rustversion::attr(not(stable(1.95)), ignore = "the messages are those of Rust 1.95")]
#[test]
fn main() {
    check("main");
}
