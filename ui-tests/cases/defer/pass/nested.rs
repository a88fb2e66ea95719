//! Under strict lints, in macros, in branches, in itself; with names of its own around it.

#![deny(warnings, clippy::all)]
#![allow(dead_code)]

use aiotools::defer;

struct Result;
struct Option;

#[defer]
fn inner(again: &mut u32, call: u32) -> std::result::Result<(), std::num::ParseIntError> {
    let defers = call;
    if *again > 0 {
        defer!(println!("{defers}"));
    }
    defer! {
        let n = 1;
        defer!(println!("{n}"));
    }
    defer!("1".parse::<u32>().map(drop));
    *again = "2".parse()?;
    Ok(())
}

fn main() {
    let mut n = 1;
    inner(&mut n, 7).unwrap();
    assert_eq!(n, 2);
}
