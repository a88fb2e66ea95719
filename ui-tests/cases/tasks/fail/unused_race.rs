#![deny(unused_must_use)]
use aiotools::race;

fn main() {
    race([async {}]);
}
