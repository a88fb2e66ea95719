#![deny(unused_must_use)]
use aiotools::race_ok;

fn main() {
    race_ok([async {}]);
}
